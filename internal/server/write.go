package server

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// create stores a new object.
func (s *Server) create(w http.ResponseWriter, r *request) error {
	o, err := s.decode(r)
	if err != nil {
		return err
	}
	o.SetManagedFields(nil) // owners are kept from the first apply patch on
	return s.createObject(w, r, o)
}

// createObject stores a new object that a client has sent.
func (s *Server) createObject(w http.ResponseWriter, r *request, o object) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	if err := r.checkNew(o); err != nil {
		return err
	}
	if err := s.mayCreate(r); err != nil {
		return err
	}
	r.name = o.GetName()
	secret, err := s.newToken(o)
	if err != nil {
		return err
	}
	o.SetNamespace(r.namespace)
	recordCreator(o, r.user())
	o.SetCreationTimestamp(metav1.NewTime(s.now().UTC()).Rfc3339Copy())
	var full object
	if err := s.compute(r.Context(), r.client, func() error {
		full, err = s.validated(r.kind, o)
		return err
	}); err != nil {
		return err
	}
	if err := s.mayWrite(r, full); err != nil {
		return err
	}
	if err := s.checkParent(r.Context(), r.kind, full); err != nil {
		return err
	}
	if run, ok := full.(*v1.Run); ok {
		if err := s.checkRetryOf(run); err != nil {
			return err
		}
	}
	if err := s.admit(r.Context(), r.kind, full); err != nil {
		return err
	}
	if err := s.checkCycle(r.Context(), r.kind, nil, full); err != nil {
		return err
	}
	s.warn(w, r, full)
	if dry {
		switch there, err := s.exists(r.Context(), r.key()); {
		case err != nil:
			return err
		case there:
			return r.alreadyExists()
		}
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
	if secret != "" {
		return s.answerToken(w, r, rev, full, secret)
	}
	return s.answer(w, r, http.StatusCreated, r.key(), rev, full)
}

// exists asks etcd, since the cache may be behind.
func (s *Server) exists(ctx context.Context, key store.Key) (bool, error) {
	_, _, err := s.cfg.Store.Spec(ctx, key)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("read %s: %w", key, err)
}

// checkParent refuses an object whose parent does not exist: its controller would remove it at once.
func (s *Server) checkParent(ctx context.Context, k *kind, o object) error {
	if k.parent == nil {
		return nil
	}
	parent, path := k.parent(o)
	there, err := s.exists(ctx, parent)
	if err != nil || there {
		return err
	}
	return k.invalid(o.GetName(), field.ErrorList{field.Invalid(path, parent.Name,
		fmt.Sprintf("there is no %s of this name in the namespace %s", s.kindOf(parent.Kind).Name, parent.Namespace))})
}

// admit refuses an object that cannot be with those that it refers to as they are.
func (s *Server) admit(ctx context.Context, k *kind, o object) error {
	if !k.admitted || s.cfg.Admit == nil {
		return nil
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return err
	}
	if errs := s.cfg.Admit(o); len(errs) > 0 {
		return k.invalid(o.GetName(), errs)
	}
	return nil
}

func (r *request) alreadyExists() error {
	return status(http.StatusConflict, metav1.StatusReasonAlreadyExists, "%s %q already exists", r.kind.resource(), r.name)
}

// checkNew refuses fields that a new object must not have, and clears those that the server sets.
func (r *request) checkNew(o object) error {
	errs := refusedMetadata(o)
	if o.GetName() == "" && o.GetGenerateName() == "" {
		errs = append(errs, field.Required(field.NewPath("metadata", "name"), "an object needs a name"))
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

// refusedMetadata reports metadata that Horae does not store. It is refused rather than dropped in silence.
func refusedMetadata(o object) field.ErrorList {
	meta := field.NewPath("metadata")
	var errs field.ErrorList
	if o.GetGenerateName() != "" {
		errs = append(errs, field.Forbidden(meta.Child("generateName"),
			"names are not made up here: give metadata.name (POST jobs/NAME/trigger makes a Run with a new name)"))
	}
	if len(o.GetOwnerReferences()) > 0 {
		errs = append(errs, field.Forbidden(meta.Child("ownerReferences"),
			"are not supported: a Run belongs to the Job in its spec, nothing else is owned"))
	}
	if len(o.GetFinalizers()) > 0 {
		errs = append(errs, field.Forbidden(meta.Child("finalizers"), "are not supported: deletion is over when the tasks are dead"))
	}
	return errs
}

// clearServerFields clears what users never write: the status, and the metadata that is computed on every read. Who
// owns which fields stays: apply.go sees to that.
func (k *kind) clearServerFields(o object) {
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetGeneration(0)
	o.SetSelfLink("")
	if notes := o.GetAnnotations(); notes[annotationInvalid] != "" {
		delete(notes, annotationInvalid)
	}
	k.SetStatus(o, nil)
}

// decode reads the object of a request's body: as it was sent, without defaults.
func (s *Server) decode(r *request) (o object, err error) {
	if err := r.checkFieldValidation(); err != nil {
		return nil, err
	}
	typ := mediaType(r.Header.Get("Content-Type"))
	if typ == protobufType && r.kind.strategic {
		return r.decodeProtobuf()
	}
	if typ != "" && typ != jsonType && typ != yamlType {
		return nil, unsupportedMediaType("Content-Type %s: there are %s and %s", typ, jsonType, yamlType)
	}
	err = s.compute(r.Context(), r.client, func() error {
		o, err = r.parse(r.body)
		return err
	})
	return o, err
}

// parse reads one document of this kind, strictly.
func (k *kind) parse(data []byte) (object, error) {
	obj, err := api.ParseOne(data)
	if err != nil {
		return nil, undecodable(err, "")
	}
	return k.own(obj)
}

// own refuses a document of another kind.
func (k *kind) own(obj runtime.Object) (object, error) {
	o, ok := obj.(object)
	if got := obj.GetObjectKind().GroupVersionKind().Kind; !ok || got != k.Name {
		return nil, badRequest("the document is a %s: %s takes a %s", got, k.kind, k.Name)
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

// warn sends what was left out of a document, and what in a valid object is perhaps not meant, as kubectl and horae
// print it.
func (s *Server) warn(w http.ResponseWriter, r *request, o object) {
	for _, text := range append(slices.Clip(r.dropped), s.cfg.Warnings(o)...) {
		if header, err := utilnet.NewWarningHeader(299, "-", text); err == nil {
			w.Header().Add("Warning", header)
		}
	}
}

// answer waits until the cache has seen a write and sends the object as it is then. An object that has gone since
// is sent as it was written: "not found" would mean that nothing was done.
func (s *Server) answer(w http.ResponseWriter, r *request, code int, key store.Key, revision int64, written object) error {
	if err := s.waitFor(r.Context(), revision); err != nil {
		return fmt.Errorf("%s is written (revision %d), but the cache has not seen it yet: %w", key, revision, err)
	}
	as := *r
	as.kind = s.kindOf(key.Kind)
	if e, err := s.find(key); err == nil {
		return s.writeObject(w, &as, code, as.kind.shown(e))
	}
	if code == http.StatusCreated {
		written.SetUID(store.UID(key, revision))
		written.SetGeneration(1)
	}
	written.SetResourceVersion(strconv.FormatInt(revision, 10))
	return s.writeObject(w, &as, code, written)
}
