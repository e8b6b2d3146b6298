package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"horae/api"
	"horae/internal/store"
)

// maxTries of a write that names no revision and meets other writers.
const maxTries = 8

// create stores a new object.
func (s *Server) create(w http.ResponseWriter, r *request) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	o, err := r.decode(w)
	if err != nil {
		return err
	}
	if err := r.checkNew(o); err != nil {
		return err
	}
	r.name = o.GetName()
	o.SetNamespace(r.namespace)
	o.SetCreationTimestamp(metav1.NewTime(s.now().UTC()).Rfc3339Copy())
	full, err := s.validated(r.kind, o)
	if err != nil {
		return err
	}
	if e := r.kind.get(s.cfg.Cache, r.namespace, r.name); e != nil {
		return r.alreadyExists()
	}
	if dry {
		return s.writeObject(w, r, http.StatusCreated, full)
	}
	put, err := store.PutSpec(r.key(), o)
	if err != nil {
		return err
	}
	rev, err := s.cfg.Store.Apply(r.Context(), store.Change{Guards: []store.Guard{store.SpecAt(r.key(), 0)}, Writes: []store.Write{put}})
	if errors.Is(err, store.ErrConflict) {
		return r.alreadyExists()
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", r.key(), err)
	}
	return s.answer(w, r, http.StatusCreated, r.kind, r.key(), rev)
}

func (r *request) alreadyExists() error {
	return status(http.StatusConflict, metav1.StatusReasonAlreadyExists, "%s %q already exists", r.kind.resource(), r.name)
}

// checkNew refuses what a new object must not say, and takes away what the server alone says.
func (r *request) checkNew(o object) error {
	meta := field.NewPath("metadata")
	var errs field.ErrorList
	if o.GetGenerateName() != "" {
		errs = append(errs, field.Forbidden(meta.Child("generateName"), "names are not made up here: give metadata.name (POST jobs/NAME/trigger makes a Run with a new name)"))
	} else if o.GetName() == "" {
		errs = append(errs, field.Required(meta.Child("name"), "an object needs a name"))
	}
	if len(errs) > 0 {
		return r.kind.invalid(o.GetName(), errs)
	}
	if ns := o.GetNamespace(); ns != "" && ns != r.namespace {
		return badRequest("the namespace of the object (%s) does not match the namespace of the request (%s)", ns, r.namespace)
	}
	if o.GetResourceVersion() != "" {
		return badRequest("resourceVersion must not be set on an object to be created")
	}
	r.kind.clearServerFields(o)
	return nil
}

// clearServerFields takes away what users never write: the status, and the metadata that is computed on every read.
func (k *kind) clearServerFields(o object) {
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetSelfLink("")
	o.SetManagedFields(nil)
	k.clearStatus(o)
}

// decode reads the object of a request's body: as it was sent, without defaults.
func (r *request) decode(w http.ResponseWriter) (object, error) {
	if err := r.checkFieldValidation(); err != nil {
		return nil, err
	}
	if typ := mediaType(r.Header.Get("Content-Type")); typ != "" && typ != jsonType && typ != yamlType {
		return nil, unsupportedMediaType("Content-Type %s: there are %s and %s", typ, jsonType, yamlType)
	}
	data, err := r.body(w)
	if err != nil {
		return nil, err
	}
	return r.kind.parse(data)
}

// parse reads one document of this kind, strictly.
func (k *kind) parse(data []byte) (object, error) {
	obj, err := api.ParseOne(data)
	if err != nil {
		return nil, undecodable(err)
	}
	o, ok := obj.(object)
	if got := obj.GetObjectKind().GroupVersionKind().Kind; !ok || got != k.name {
		return nil, badRequest("the document is a %s: %s takes a %s", got, k.kind, k.name)
	}
	return o, nil
}

func mediaType(header string) string {
	typ, _, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	return typ
}

// validated returns a copy with defaults, or 422.
func (s *Server) validated(k *kind, o object) (object, error) {
	full := o.DeepCopyObject().(object)
	api.SetDefaults(full)
	if errs := s.cfg.Validate(full); len(errs) > 0 {
		return nil, k.invalid(o.GetName(), errs)
	}
	return full, nil
}

// answer waits until the cache has seen a write and sends the object as it is then.
func (s *Server) answer(w http.ResponseWriter, r *request, code int, k *kind, key store.Key, revision int64) error {
	if err := s.waitFor(r.Context(), revision); err != nil {
		return fmt.Errorf("%s is written (revision %d), but the cache has not seen it yet: %w", key, revision, err)
	}
	e, err := s.find(k, key)
	if err != nil {
		return err
	}
	as := *r
	as.kind = k
	return s.writeObject(w, &as, code, k.shown(e))
}

// update replaces the spec and the user's part of the metadata.
func (s *Server) update(w http.ResponseWriter, r *request) error {
	sent, err := r.decode(w)
	if err != nil {
		return err
	}
	return s.mutate(w, r, func(*entry) (object, error) { return sent.DeepCopyObject().(object), nil })
}

// mutate carries out a change that is a function of the current object, and repeats it when another writer comes between.
func (s *Server) mutate(w http.ResponseWriter, r *request, change func(cur *entry) (object, error)) error {
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
			return s.answer(w, r, http.StatusOK, r.kind, r.key(), rev)
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
func (s *Server) plan(r *request, change func(cur *entry) (object, error)) (mutation, error) {
	raw, cur, err := s.current(r.Context(), r.kind, r.key())
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
	next.SetCreationTimestamp(cur.obj.GetCreationTimestamp())
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
	if cur.err == nil {
		if errs := r.kind.update(full, cur.obj); len(errs) > 0 {
			return mutation{}, r.kind.invalid(r.name, errs)
		}
	}
	put, err := store.PutSpec(r.key(), stored)
	if err != nil {
		return mutation{}, err
	}
	full.SetUID(cur.obj.GetUID())
	full.SetResourceVersion(cur.obj.GetResourceVersion())
	full.SetGeneration(cur.obj.GetGeneration() + 1)
	return mutation{full, &store.Change{
		Guards: []store.Guard{store.SpecAt(r.key(), cur.rev.SpecMod)}, Writes: []store.Write{put},
	}}, nil
}

// current reads the stored document of an object, and waits for the cache to show the same revision.
func (s *Server) current(ctx context.Context, k *kind, key store.Key) ([]byte, *entry, error) {
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
		e := k.get(s.cfg.Cache, key.Namespace, key.Name)
		if e != nil && e.rev.SpecMod == mod {
			return raw, e, nil
		}
	}
	return nil, nil, k.conflict(key.Name, "it changes too often: try again")
}

// checkPreconditions refuses a write that was decided on another object, or on an older spec. A status that has moved since is
// no conflict: users do not write it.
func (r *request) checkPreconditions(cur *entry, uid types.UID, resourceVersion string) error {
	if uid != "" && uid != cur.obj.GetUID() {
		return r.kind.conflict(r.name, "its uid is %s, not %s: it was deleted and made anew", cur.obj.GetUID(), uid)
	}
	if resourceVersion == "" || resourceVersion == cur.obj.GetResourceVersion() {
		return nil
	}
	seen, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		return badRequest("metadata.resourceVersion %q: must be one that this server gave", resourceVersion)
	}
	if cur.rev.SpecMod > seen {
		return r.kind.conflict(r.name, "the object has been modified; please apply your changes to the latest version and try again")
	}
	return nil
}

// fold works next, which was made from the object as readers see it, with defaults, into the document as it is stored: what
// the user wrote, without them. Only what differs is taken over, so that a client that reads, changes and writes back does not
// store our defaults as the user's own words. It answers false when nothing differs.
func (k *kind) fold(raw []byte, cur *entry, next object) (object, bool, error) {
	if cur.err != nil {
		// There is nothing to fold into: the stored document does not say anything that can be used.
		return next, true, nil
	}
	before, err := api.EncodeSpec(cur.obj)
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
func (k *kind) foldDocuments(raw, before, after []byte, cur *entry) (object, error) {
	written, err := k.parse(raw)
	if err != nil {
		return nil, fmt.Errorf("decode the stored spec of %s: %w", cur.key, err)
	}
	written.SetNamespace(cur.key.Namespace)
	written.SetName(cur.key.Name)
	base, err := api.EncodeSpec(written)
	if err != nil {
		return nil, err
	}
	merged, err := mergeDifference(base, before, after)
	if err != nil {
		return nil, fmt.Errorf("merge the change of %s: %w", cur.key, err)
	}
	o := k.empty()
	if err := json.Unmarshal(merged, o); err != nil {
		return nil, fmt.Errorf("decode the changed spec of %s: %w", cur.key, err)
	}
	return o, nil
}

func encodeDefaulted(o object) ([]byte, error) {
	full := o.DeepCopyObject().(object)
	api.SetDefaults(full)
	return api.EncodeSpec(full)
}

// delete removes the spec. The status, and the tasks, are the controller's to end.
func (s *Server) delete(w http.ResponseWriter, r *request) error {
	opts, dry, err := r.deleteOptions(w)
	if err != nil {
		return err
	}
	e, err := s.deleteOne(r, opts, dry)
	if err != nil {
		return err
	}
	return r.form.write(w, http.StatusOK, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess, Code: http.StatusOK,
		Details: &metav1.StatusDetails{Name: r.name, Group: r.kind.resource().Group, Kind: string(r.kind.kind), UID: e.obj.GetUID()},
	})
}

func (s *Server) deleteOne(r *request, opts *metav1.DeleteOptions, dry bool) (*entry, error) {
	for range maxTries {
		_, cur, err := s.current(r.Context(), r.kind, r.key())
		if err != nil {
			return nil, err
		}
		if p := opts.Preconditions; p != nil {
			if err := r.checkPreconditions(cur, deref(p.UID), deref(p.ResourceVersion)); err != nil {
				return nil, err
			}
		}
		if dry {
			return cur, nil
		}
		rev, err := s.cfg.Store.Apply(r.Context(), store.Change{
			Guards: []store.Guard{store.SpecAt(r.key(), cur.rev.SpecMod)}, Writes: []store.Write{store.DeleteSpec(r.key())},
		})
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("delete %s: %w", r.key(), err)
		}
		if err := s.waitFor(r.Context(), rev); err != nil {
			return nil, fmt.Errorf("%s is deleted (revision %d), but the cache has not seen it yet: %w", r.key(), rev, err)
		}
		return cur, nil
	}
	return nil, r.kind.conflict(r.name, "it changes too often: try again")
}

// deleteCollection deletes what is selected in a namespace, one by one, and answers with what it deleted.
func (s *Server) deleteCollection(w http.ResponseWriter, r *request) error {
	sel, err := r.selection()
	if err != nil {
		return err
	}
	opts, dry, err := r.deleteOptions(w)
	if err != nil {
		return err
	}
	var gone []object
	objs, _ := s.selected(r.kind, r.namespace, sel)
	for _, o := range objs {
		one := *r
		one.name = o.GetName()
		switch _, err := s.deleteOne(&one, opts, dry); {
		case err == nil:
			gone = append(gone, o)
		case !isNotFound(err):
			return err
		}
	}
	r.form.as = ""
	return r.writeList(w, metav1.ListMeta{ResourceVersion: strconv.FormatInt(s.cfg.Cache.Revision(), 10)}, gone)
}

// deleteOptions are in the body, if there is one, or in the query.
func (r *request) deleteOptions(w http.ResponseWriter) (*metav1.DeleteOptions, bool, error) {
	data, err := r.body(w)
	if err != nil {
		return nil, false, err
	}
	opts := &metav1.DeleteOptions{}
	if len(bytes.TrimSpace(data)) > 0 {
		if err := yaml.UnmarshalStrict(data, opts); err != nil {
			return nil, false, badRequest("decode DeleteOptions: %v", err)
		}
	}
	if v := r.query.Get("propagationPolicy"); v != "" {
		opts.PropagationPolicy = (*metav1.DeletionPropagation)(&v)
	}
	orphan := opts.PropagationPolicy != nil && *opts.PropagationPolicy == metav1.DeletePropagationOrphan
	if orphan || opts.OrphanDependents != nil && *opts.OrphanDependents {
		return nil, false, badRequest("propagationPolicy=Orphan is not supported: the Runs of a Job go with it")
	}
	dry, err := r.dryRun()
	if err == nil && len(opts.DryRun) > 0 {
		if opts.DryRun[0] != metav1.DryRunAll {
			return nil, false, badRequest("dryRun=%s: the one value is All", opts.DryRun[0])
		}
		dry = true
	}
	return opts, dry, err
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
