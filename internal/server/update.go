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

// maxTries of a write that names no revision, if other writers come between.
const maxTries = 8

// update replaces the spec and the user's part of the metadata.
func (s *Server) update(w http.ResponseWriter, r *request) error {
	sent, err := s.decode(r)
	if err != nil {
		return err
	}
	return s.mutate(w, r, func(store.AnyEntry) (object, error) { return sent.DeepCopyObject().(object), nil })
}

// mutate carries out a change that is a function of the current object, and repeats it when another writer comes
// between.
func (s *Server) mutate(w http.ResponseWriter, r *request, change func(cur store.AnyEntry) (object, error)) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	for range maxTries {
		cur, err := s.current(r.Context(), r.key())
		if err != nil {
			return err
		}
		var next object
		if err := s.compute(r.Context(), r.client, func() error {
			if next, err = change(cur.AnyEntry); err != nil || r.applies() {
				return err
			}
			return s.track(r, cur.AnyEntry, next)
		}); err != nil {
			return err
		}
		recordCanceller(cur.GetObject(), next, r.user())
		if known, err := s.knows(r.Context(), next.GetResourceVersion()); err != nil {
			return err
		} else if !known {
			continue // the cache was behind, and the object may be another one by now
		}
		var m mutation
		if err := s.compute(r.Context(), r.client, func() error {
			if m, err = s.planUpdate(cur, next); err == nil {
				err = s.checkChange(r, cur.AnyEntry, m)
			}
			return err
		}); err != nil {
			return err
		}
		if m.write != nil {
			if err := s.checkCycle(r.Context(), r.kind, cur.GetObject(), m.result); err != nil {
				return err
			}
		}
		if dry || m.write == nil {
			s.warn(w, r, m.result)
			return s.writeObject(w, r, http.StatusOK, m.result)
		}
		rev, err := s.cfg.Store.Apply(r.Context(), *m.write)
		switch {
		case err == nil:
			s.warn(w, r, m.result)
			return s.answer(w, r, http.StatusOK, r.key(), rev, m.result)
		case !errors.Is(err, store.ErrConflict):
			return fmt.Errorf("update %s: %w", r.key(), err)
		}
	}
	return r.kind.contended(r.name)
}

// checkChange refuses what the caller may not change, though he may update the object.
func (s *Server) checkChange(r *request, cur store.AnyEntry, m mutation) error {
	if m.write == nil {
		return nil
	}
	if err := s.checkSwitch(r, cur, m.result); err != nil {
		return err
	}
	return s.mayWrite(r, m.result)
}

// knows reports whether the cache has come to a resourceVersion that a write names. If it has not, it catches up
// with etcd: a client may have read from another manager, which was ahead. A revision that etcd has not come to is
// left to checkPreconditions.
func (s *Server) knows(ctx context.Context, resourceVersion string) (bool, error) {
	seen, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil || seen <= s.cfg.Cache.Revision() {
		return true, nil //nolint:nilerr // checkPreconditions refuses what is no revision
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return false, fmt.Errorf("wait for revision %d, which the write names: %w", seen, err)
	}
	return seen > s.cfg.Cache.Revision(), nil
}

// mutation is what a change comes down to: the object as it will be shown, and the write that makes it so, nil if
// nothing changes (generation stays then).
type mutation struct {
	result object
	write  *store.Change
}

// planUpdate decides on the write that turns the present object into next, which is as a client sent it.
func (s *Server) planUpdate(cur stored, next object) (mutation, error) {
	key := cur.GetKey()
	k := s.kindOf(key.Kind)
	if err := k.checkPreconditions(cur, next.GetUID(), next.GetResourceVersion()); err != nil {
		return mutation{}, err
	}
	if next.GetName() != key.Name || next.GetNamespace() != "" && next.GetNamespace() != key.Namespace {
		return mutation{}, badRequest("the name of the object (%s/%s) does not match the name of the request (%s/%s)",
			next.GetNamespace(), next.GetName(), key.Namespace, key.Name)
	}
	if errs := refusedMetadata(next); len(errs) > 0 {
		return mutation{}, k.invalid(key.Name, errs)
	}
	next.SetNamespace(key.Namespace)
	next.SetCreationTimestamp(cur.GetObject().GetCreationTimestamp())
	k.clearServerFields(next)
	if err := k.checkManagers(next); err != nil {
		return mutation{}, err
	}

	folded, changed, err := k.fold(cur, next)
	if err != nil {
		return mutation{}, err
	}
	if !changed {
		return mutation{result: k.shown(cur)}, nil
	}
	full, err := s.validated(k, folded)
	if err != nil {
		return mutation{}, err
	}
	if cur.GetErr() == nil {
		if errs := k.ValidateUpdate(full, cur.GetObject()); len(errs) > 0 {
			return mutation{}, k.invalid(key.Name, errs)
		}
	}
	put, err := store.PutSpec(key, folded)
	if err != nil {
		return mutation{}, err
	}
	now := cur.GetObject().DeepCopyObject().(object)
	full.SetUID(now.GetUID())
	full.SetResourceVersion(now.GetResourceVersion())
	full.SetGeneration(now.GetGeneration() + 1)
	k.SetStatus(full, k.Status(now))
	return mutation{full, &store.Change{
		Guards: []store.Guard{store.SpecAt(key, cur.GetRevisions().SpecMod)}, Writes: []store.Write{put},
	}}, nil
}

// stored is an entry of the cache with the document of its spec as etcd holds it, both of one revision.
type stored struct {
	store.AnyEntry
	raw []byte
	// cache is the revision that the cache stood at afterwards.
	cache int64
}

// current reads the stored document of an object, and waits for the cache to show the same revision.
func (s *Server) current(ctx context.Context, key store.Key) (stored, error) {
	k := s.kindOf(key.Kind)
	for range maxTries {
		raw, mod, err := s.cfg.Store.Spec(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return stored{}, k.notFound(key.Name)
		}
		if err != nil {
			return stored{}, fmt.Errorf("read %s: %w", key, err)
		}
		if err := s.waitFor(ctx, mod); err != nil {
			return stored{}, err
		}
		e := present(s.cfg.Cache.Get(key))
		if e != nil && e.GetRevisions().SpecMod == mod {
			return stored{e, raw, s.cfg.Cache.Revision()}, nil
		}
	}
	return stored{}, k.contended(key.Name)
}

// checkPreconditions refuses a write that was decided on another object, on an older spec, or on a revision that
// etcd has not come to. A status that has moved since is no conflict: users do not write it.
func (k *kind) checkPreconditions(cur stored, uid types.UID, resourceVersion string) error {
	obj, name := cur.GetObject(), cur.GetKey().Name
	if uid != "" && uid != obj.GetUID() {
		return k.conflict(name, "its uid is %s, not %s: it was deleted and made anew", obj.GetUID(), uid)
	}
	if resourceVersion == "" || resourceVersion == obj.GetResourceVersion() {
		return nil
	}
	seen, err := strconv.ParseInt(resourceVersion, 10, 64)
	switch {
	case err != nil:
		return badRequest("metadata.resourceVersion %q: must be one that this server gave", resourceVersion)
	case cur.GetRevisions().SpecMod > seen:
		return k.conflict(name, "the object has been modified; please apply your changes to the latest version and try again")
	case seen > cur.cache:
		return k.conflict(name, "metadata.resourceVersion %d is of the future: etcd is at %d; read the object again", seen, cur.cache)
	}
	return nil
}

// fold returns the document to store for next: what the client sent, without the defaults that readers are shown and
// nobody has written. So a client that reads, changes and writes back does not store our defaults as if the user had
// written them, and a field that it leaves out is in the stored document no more. fold returns false when the stored
// document stays as it is.
func (k *kind) fold(cur stored, next object) (object, bool, error) {
	if cur.GetErr() != nil {
		return next, true, nil //nolint:nilerr // the stored document cannot be used: next replaces it
	}
	written, err := k.parse(cur.raw)
	if err != nil {
		return nil, false, fmt.Errorf("decode the stored spec of %s: %w", cur.GetKey(), err)
	}
	written.SetNamespace(cur.GetKey().Namespace)
	written.SetName(cur.GetKey().Name)
	base, err := api.EncodeSpec(written)
	if err != nil {
		return nil, false, err
	}
	folded, err := k.withoutDefaults(cur, next, base)
	if err != nil {
		return nil, false, err
	}
	document, err := api.EncodeSpec(folded)
	if err != nil {
		return nil, false, err
	}
	if bytes.Equal(document, base) {
		return nil, false, nil
	}
	next = clearMovingDefaults(written, cur.GetObject(), next)
	got, err := encodeDefaulted(folded)
	if err != nil {
		return nil, false, err
	}
	want, err := encodeDefaulted(next)
	if err != nil {
		return nil, false, err
	}
	if !bytes.Equal(got, want) {
		// The result matters more than the form of the stored document.
		return next, true, nil
	}
	return folded, true, nil
}

// withoutDefaults returns next without the defaults that nobody has written; base is the stored document.
func (k *kind) withoutDefaults(cur stored, next object, base []byte) (object, error) {
	shown, err := api.EncodeSpec(cur.GetObject())
	if err != nil {
		return nil, err
	}
	sent, err := api.EncodeSpec(next)
	if err != nil {
		return nil, err
	}
	kept, err := keepWritten(sent, shown, base)
	if err != nil {
		return nil, fmt.Errorf("find out what changes in %s: %w", cur.GetKey(), err)
	}
	o := k.New()
	if err := json.Unmarshal(kept, o); err != nil {
		return nil, fmt.Errorf("decode the changed spec of %s: %w", cur.GetKey(), err)
	}
	return o, nil
}

// keepWritten returns a JSON value as it is to be stored, nil for not at all: what was sent as readers are shown it is
// kept as it is stored, the rest as it was sent. stored is nil where nobody has written the value.
func keepWritten(sent, shown, stored []byte) ([]byte, error) {
	if bytes.Equal(sent, shown) {
		return stored, nil
	}
	if !isJSONObject(sent) || !isJSONObject(shown) {
		return sent, nil
	}
	var is, was, base map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(sent, &is), json.Unmarshal(shown, &was)); err != nil {
		return nil, err
	}
	if isJSONObject(stored) {
		if err := json.Unmarshal(stored, &base); err != nil {
			return nil, err
		}
	}
	for name, value := range is {
		if was[name] == nil {
			continue
		}
		kept, err := keepWritten(value, was[name], base[name])
		if err != nil {
			return nil, err
		}
		if is[name] = kept; kept == nil {
			delete(is, name)
		}
	}
	if len(is) == 0 && stored == nil {
		return nil, nil
	}
	return json.Marshal(is)
}

func isJSONObject(data []byte) bool { return len(data) > 0 && data[0] == '{' }

func encodeDefaulted(o object) ([]byte, error) {
	full := o.DeepCopyObject().(object)
	api.SetDefaults(full)
	return api.EncodeSpec(full)
}
