package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	"horae/internal/store"
)

// This file has server-side apply: which manager owns which fields of an object, in Kubernetes' own code. Owners are kept
// from the first apply patch of an object on. Before that nobody needs them, and they would double the size of most
// objects. They stand in metadata.managedFields of the stored document.

// maxManagers bounds metadata.managedFields. Kubernetes bounds only the managers that update.
const maxManagers = 64

// maxManager is the length of a manager's name, as in Kubernetes.
const maxManager = 128

// applyPatch makes the object as the applied configuration has it, as far as that speaks of it, and creates it if it is
// not there.
func (s *Server) applyPatch(w http.ResponseWriter, r *request) error {
	manager, force, err := r.applyOptions()
	if err != nil {
		return err
	}
	var config *unstructured.Unstructured
	if err := s.compute(r.Context(), r.client, func() error {
		config, err = r.configuration()
		return err
	}); err != nil {
		return err
	}
	change := func(live *unstructured.Unstructured) (object, error) {
		fields, err := s.fieldManager(r.kind)
		if err != nil {
			return nil, err
		}
		applied, err := fields.Apply(live, config.DeepCopy(), manager, force)
		if err != nil {
			return nil, applyError(err)
		}
		return r.typed(applied)
	}
	for range maxTries {
		err := s.mutate(w, r, func(cur store.AnyEntry) (object, error) {
			shown := r.kind.shown(cur)
			live, err := untyped(shown)
			if err != nil {
				return nil, err
			}
			next, err := change(live)
			if err == nil {
				keepTimes(next, shown)
			}
			return next, err
		})
		if !isNotFound(err) {
			return err
		}
		next, err := change(r.emptyObject())
		if err != nil {
			return err
		}
		if err = s.createObject(w, r, next); !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return r.kind.contended(r.name)
}

// applyOptions reads who applies, and whether he takes fields from others.
func (r *request) applyOptions() (manager string, force bool, err error) {
	if force, err = r.flag("force"); err != nil {
		return "", false, err
	}
	var bad *field.Error
	path := field.NewPath("fieldManager")
	switch manager = r.query.Get("fieldManager"); {
	case manager == "":
		bad = field.Required(path, "is required for apply patch")
	case len(manager) > maxManager:
		bad = field.TooLong(path, "", maxManager)
	case strings.ContainsFunc(manager, func(c rune) bool { return !unicode.IsPrint(c) }):
		bad = field.Invalid(path, manager, "should only contain printable characters")
	default:
		return manager, force, nil
	}
	kind := schema.GroupKind{Group: metav1.GroupName, Kind: "PatchOptions"}
	return "", false, apierrors.NewInvalid(kind, "", field.ErrorList{bad})
}

// configuration reads what is applied. Its values are written as the server writes them, so that 0.1 and 100m are the same.
func (r *request) configuration() (*unstructured.Unstructured, error) {
	obj, err := r.parse(r.body)
	if err != nil {
		return nil, err
	}
	if len(obj.GetManagedFields()) > 0 {
		return nil, badRequest("metadata.managedFields must be nil")
	}
	written := map[string]any{}
	data, err := api.YAMLToJSON(r.body)
	if err != nil {
		return nil, undecodable(err, "")
	}
	if err := json.Unmarshal(data, &written); err != nil {
		return nil, fmt.Errorf("decode the applied configuration: %w", err)
	}
	read, err := untyped(obj)
	if err != nil {
		return nil, err
	}
	delete(written, "status") // it is its controller's
	config := &unstructured.Unstructured{Object: canonical(written, read.Object).(map[string]any)}
	if name := config.GetName(); name != "" && name != r.name {
		return nil, badRequest("the name of the object (%s) does not match the name of the request (%s)", name, r.name)
	}
	config.SetName(r.name)
	if ns := config.GetNamespace(); ns != "" && ns != r.namespace {
		return nil, badRequest("the namespace of the object (%s) does not match the namespace of the request (%s)", ns, r.namespace)
	}
	if r.namespace != "" {
		config.SetNamespace(r.namespace)
	}
	return config, nil
}

// canonical returns what was written, with the values as they were read.
func canonical(written, read any) any {
	switch w := written.(type) {
	case map[string]any:
		r, _ := read.(map[string]any)
		for name, value := range w {
			if v, ok := r[name]; ok {
				w[name] = canonical(value, v)
			}
		}
		return w
	case []any:
		if r, ok := read.([]any); ok && len(r) == len(w) {
			for i := range w {
				w[i] = canonical(w[i], r[i])
			}
		}
		return w
	}
	if read == nil {
		return written
	}
	return read
}

// track has the manager of an update that is no apply patch own what it changes, if owners are kept of the object.
func (s *Server) track(r *request, cur store.AnyEntry, next object) error {
	shown := r.kind.shown(cur)
	if sent := next.GetManagedFields(); len(shown.GetManagedFields()) == 0 || isReset(sent) {
		next.SetManagedFields(nil)
		return nil
	}
	fields, err := s.fieldManager(r.kind)
	if err != nil {
		return err
	}
	live, err := untyped(shown)
	if err != nil {
		return err
	}
	full := next.DeepCopyObject().(object)
	api.SetDefaults(full)
	r.kind.SetStatus(full, r.kind.Status(shown))
	changed, err := untyped(full)
	if err != nil {
		return err
	}
	updated, err := fields.Update(live, changed, r.manager())
	if err != nil {
		return fmt.Errorf("find out which fields of %s change: %w", cur.GetKey(), err)
	}
	next.SetManagedFields(updated.(*unstructured.Unstructured).GetManagedFields())
	keepTimes(next, shown)
	return nil
}

// isReset reports whether a client has the owners forgotten.
func isReset(sent []metav1.ManagedFieldsEntry) bool {
	return sent != nil && len(sent) == 0 || len(sent) == 1 && sent[0].Manager == "" && sent[0].FieldsV1 == nil
}

// manager names who updates: as the request says, or after its client.
func (r *request) manager() string {
	if name := r.query.Get("fieldManager"); name != "" {
		return name
	}
	agent, _, _ := strings.Cut(r.UserAgent(), "/")
	if len(agent) > maxManager {
		agent = agent[:maxManager]
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, agent)
}

// keepTimes leaves the times of owners alone when nothing else of them has changed: that is no change.
func keepTimes(next, before object) {
	if slices.EqualFunc(next.GetManagedFields(), before.GetManagedFields(), func(a, b metav1.ManagedFieldsEntry) bool {
		a.Time, b.Time = nil, nil
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		return errX == nil && errY == nil && string(x) == string(y)
	}) {
		next.SetManagedFields(before.GetManagedFields())
	}
}

// checkManagers bounds what is kept of owners.
func (k *kind) checkManagers(o object) error {
	if n := len(o.GetManagedFields()); n > maxManagers {
		return k.invalid(o.GetName(), field.ErrorList{field.TooMany(field.NewPath("metadata", "managedFields"), n, maxManagers)})
	}
	return nil
}

// applyError is the answer to an apply patch that could not be merged. Conflicts are a Status already.
func applyError(err error) error {
	if status, ok := err.(apierrors.APIStatus); ok {
		return status.(error)
	}
	return badRequest("apply the configuration: %v", err)
}

// fieldManager merges applied configurations of a kind, and knows who owns what.
func (s *Server) fieldManager(k *kind) (*managedfields.FieldManager, error) {
	types, err := s.fieldTypes()
	if err != nil {
		return nil, err
	}
	as := unconverted{}
	return managedfields.NewDefaultCRDFieldManager(types, as, as, as, k.groupKind().WithVersion(k.version.Version), k.version, "", nil)
}

func (s *Server) newFieldTypes() (managedfields.TypeConverter, error) {
	documents, err := s.openAPI()
	if err != nil {
		return nil, err
	}
	return managedfields.NewTypeConverter(documents.Schemas(), false)
}

// unconverted is what the library asks for of an API whose kinds have one version each, and no defaults that it knows.
type unconverted struct{}

func (unconverted) Convert(in, out, _ any) error {
	return fmt.Errorf("convert a %T to a %T: there is one version", in, out)
}

func (unconverted) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

func (unconverted) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

func (unconverted) Default(runtime.Object) {}

func (unconverted) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	return o, nil
}

// emptyObject is what a configuration is applied to when there is no object yet.
func (r *request) emptyObject() *unstructured.Unstructured {
	o, _ := unconverted{}.New(r.kind.groupKind().WithVersion(r.kind.version.Version))
	return o.(*unstructured.Unstructured)
}

// untyped is an object as the library takes it.
func untyped(o object) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("encode %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	return u, nil
}

// typed reads what the library has merged.
func (r *request) typed(o runtime.Object) (object, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the merged object: %w", err)
	}
	return r.kind.parse(data)
}
