package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"horae/api"
	"horae/internal/store"
)

// maxTries of a write that names no revision and meets other writers.
const maxTries = 8

// update replaces the spec and the user's part of the metadata.
func (s *Server) update(w http.ResponseWriter, r *request) error {
	sent, err := r.decode(w)
	if err != nil {
		return err
	}
	return s.mutate(w, r, func(store.AnyEntry) (object, error) { return sent.DeepCopyObject().(object), nil })
}

// mutate carries out a change that is a function of the current object, and repeats it when another writer comes between.
func (s *Server) mutate(w http.ResponseWriter, r *request, change func(cur store.AnyEntry) (object, error)) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	for range maxTries {
		var m mutation
		if m, err = s.plan(r, change); err != nil {
			return err
		}
		if dry || m.write == nil {
			return s.writeObject(w, r, http.StatusOK, m.result)
		}
		var rev int64
		rev, err = s.cfg.Store.Apply(r.Context(), *m.write)
		switch {
		case err == nil:
			return s.answer(w, r, http.StatusOK, r.key(), rev, m.result)
		case !errors.Is(err, store.ErrConflict):
			return fmt.Errorf("update %s: %w", r.key(), err)
		}
	}
	return r.kind.conflict(r.name, "it changes too often: read it again and repeat the change")
}

// mutation is what a change comes down to: the object as it will be shown, and the write that makes it so, nil if nothing
// changes (generation stays then).
type mutation struct {
	result object
	write  *store.Change
}

// plan observes the object and decides on the write.
func (s *Server) plan(r *request, change func(cur store.AnyEntry) (object, error)) (mutation, error) {
	raw, cur, err := s.current(r.Context(), r.key())
	if err != nil {
		return mutation{}, err
	}
	next, err := change(cur)
	if err != nil {
		return mutation{}, err
	}
	if err := r.checkPreconditions(cur, next.GetUID(), next.GetResourceVersion()); err != nil {
		return mutation{}, err
	}
	if next.GetName() != r.name || next.GetNamespace() != "" && next.GetNamespace() != r.namespace {
		return mutation{}, badRequest("the name of the object (%s/%s) does not match the name of the request (%s/%s)",
			next.GetNamespace(), next.GetName(), r.namespace, r.name)
	}
	next.SetNamespace(r.namespace)
	next.SetCreationTimestamp(cur.GetObject().GetCreationTimestamp())
	r.kind.clearServerFields(next)

	stored, changed, err := r.kind.fold(raw, cur, next)
	if err != nil {
		return mutation{}, err
	}
	if !changed {
		return mutation{result: r.kind.shown(cur)}, nil
	}
	full, err := s.validated(r.kind, stored)
	if err != nil {
		return mutation{}, err
	}
	if cur.GetErr() == nil {
		if errs := r.kind.ValidateUpdate(full, cur.GetObject()); len(errs) > 0 {
			return mutation{}, r.kind.invalid(r.name, errs)
		}
	}
	put, err := store.PutSpec(r.key(), stored)
	if err != nil {
		return mutation{}, err
	}
	full.SetUID(cur.GetObject().GetUID())
	full.SetResourceVersion(cur.GetObject().GetResourceVersion())
	full.SetGeneration(cur.GetObject().GetGeneration() + 1)
	return mutation{full, &store.Change{
		Guards: []store.Guard{store.SpecAt(r.key(), cur.GetRevisions().SpecMod)}, Writes: []store.Write{put},
	}}, nil
}

// current reads the stored document of an object, and waits for the cache to show the same revision.
func (s *Server) current(ctx context.Context, key store.Key) ([]byte, store.AnyEntry, error) {
	k := s.kindOf(key.Kind)
	for range maxTries {
		raw, mod, err := s.cfg.Store.Spec(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil, k.notFound(key.Name)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", key, err)
		}
		if err := s.waitFor(ctx, mod); err != nil {
			return nil, nil, err
		}
		e := present(s.cfg.Cache.Get(key))
		if e != nil && e.GetRevisions().SpecMod == mod {
			return raw, e, nil
		}
	}
	return nil, nil, k.conflict(key.Name, "it changes too often: try again")
}

// checkPreconditions refuses a write that was decided on another object, or on an older spec. A status that has moved since is
// no conflict: users do not write it.
func (r *request) checkPreconditions(cur store.AnyEntry, uid types.UID, resourceVersion string) error {
	if uid != "" && uid != cur.GetObject().GetUID() {
		return r.kind.conflict(r.name, "its uid is %s, not %s: it was deleted and made anew", cur.GetObject().GetUID(), uid)
	}
	if resourceVersion == "" || resourceVersion == cur.GetObject().GetResourceVersion() {
		return nil
	}
	seen, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		return badRequest("metadata.resourceVersion %q: must be one that this server gave", resourceVersion)
	}
	if cur.GetRevisions().SpecMod > seen {
		return r.kind.conflict(r.name, "the object has been modified; please apply your changes to the latest version and try again")
	}
	return nil
}

// fold works next, which was made from the object as readers see it, with defaults, into the document as it is stored: what
// the user wrote, without them. Only what differs is taken over, so that a client that reads, changes and writes back does not
// store our defaults as the user's own words. It answers false when nothing differs.
func (k *kind) fold(raw []byte, cur store.AnyEntry, next object) (object, bool, error) {
	if cur.GetErr() != nil {
		// There is nothing to fold into: the stored document does not say anything that can be used.
		return next, true, nil
	}
	before, err := api.EncodeSpec(cur.GetObject())
	if err != nil {
		return nil, false, err
	}
	after, err := encodeDefaulted(next)
	if err != nil {
		return nil, false, err
	}
	if bytes.Equal(before, after) {
		return nil, false, nil
	}
	stored, err := k.foldDocuments(raw, before, after, cur)
	if err != nil {
		return nil, false, err
	}
	got, err := encodeDefaulted(stored)
	if err != nil {
		return nil, false, err
	}
	if !bytes.Equal(got, after) {
		// What the user asked for goes before how it is spelled.
		return next, true, nil
	}
	return stored, true, nil
}

// foldDocuments applies the difference of two documents to a third.
func (k *kind) foldDocuments(raw, before, after []byte, cur store.AnyEntry) (object, error) {
	written, err := k.parse(raw)
	if err != nil {
		return nil, fmt.Errorf("decode the stored spec of %s: %w", cur.GetKey(), err)
	}
	written.SetNamespace(cur.GetKey().Namespace)
	written.SetName(cur.GetKey().Name)
	base, err := api.EncodeSpec(written)
	if err != nil {
		return nil, err
	}
	merged, err := mergeDifference(base, before, after)
	if err != nil {
		return nil, fmt.Errorf("merge the change of %s: %w", cur.GetKey(), err)
	}
	o := k.New()
	if err := json.Unmarshal(merged, o); err != nil {
		return nil, fmt.Errorf("decode the changed spec of %s: %w", cur.GetKey(), err)
	}
	return o, nil
}

func encodeDefaulted(o object) ([]byte, error) {
	full := o.DeepCopyObject().(object)
	api.SetDefaults(full)
	return api.EncodeSpec(full)
}
