package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"horae/api"
	"horae/internal/store"
)

// request is a request to the resources of the group, with what its path names. These fields alone decide what is
// done (and will decide whether it is allowed).
type request struct {
	*http.Request
	kind *kind
	// verb is Kubernetes's: get, list, watch, create, update, patch, delete, deletecollection.
	verb string
	// namespace is empty for a list of all namespaces.
	namespace   string
	name        string
	subresource string
	// summary of the objects of the kind; nil: the request is not about one.
	summary *summary
	query   url.Values
	// client whose shares the request takes of.
	client string
	// body of a request that writes.
	body []byte
	form form
	// dropped says what was left out of the document that was parsed last, at the client's request.
	dropped []string
}

func (r *request) key() store.Key { return r.kind.key(r.namespace, r.name) }

// The query parameters. Others are ignored, as Kubernetes does: clients send parameters that newer servers know.
const (
	paramLabels    = "labelSelector"
	paramFields    = "fieldSelector"
	paramRevision  = "resourceVersion"
	paramMatch     = "resourceVersionMatch"
	paramInitial   = "sendInitialEvents"
	paramBookmarks = "allowWatchBookmarks"
	paramTimeout   = "timeoutSeconds"
	paramContinue  = "continue"
	paramDryRun    = "dryRun"
	paramInclude   = "includeObject"
	paramValidate  = "fieldValidation"
	paramWatch     = "watch"
)

// flag reads a boolean parameter; given without a value it is true.
func (r *request) flag(name string) (bool, error) {
	if !r.query.Has(name) {
		return false, nil
	}
	v := r.query.Get(name)
	if v == "" {
		return true, nil
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, badRequest("%s=%q: must be true or false", name, v)
	}
	return b, nil
}

// number reads a parameter that is a whole number, not negative; absent it is 0.
func (r *request) number(name string) (int64, error) {
	v := r.query.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return 0, badRequest("%s=%q: must be a whole number, not negative", name, v)
	}
	return n, nil
}

// dryRun reports whether nothing is to be written.
func (r *request) dryRun() (bool, error) {
	all := r.query[paramDryRun]
	switch {
	case len(all) == 0:
		return false, nil
	case slices.Equal(all, []string{metav1.DryRunAll}):
		return true, nil
	}
	return false, badRequest("dryRun=%s: the one value is All", strings.Join(all, ","))
}

// checkFieldValidation accepts the three levels of Kubernetes. The default is Strict: nothing is dropped unless the client
// asks for that.
func (r *request) checkFieldValidation() error {
	switch v := r.query.Get(paramValidate); v {
	case "", metav1.FieldValidationStrict, metav1.FieldValidationWarn, metav1.FieldValidationIgnore:
		return nil
	default:
		return badRequest("fieldValidation=%q: must be Strict, Warn or Ignore", v)
	}
}

// parse reads one document of the request's kind, as strictly as the request says.
func (r *request) parse(data []byte) (object, error) {
	r.dropped = nil
	level := r.query.Get(paramValidate)
	if level == "" || level == metav1.FieldValidationStrict {
		return r.kind.parse(data)
	}
	obj, mistakes, err := api.ParseLenient(data)
	if err != nil {
		return nil, undecodable(err, "")
	}
	var list *api.Error
	if errors.As(mistakes, &list) && level == metav1.FieldValidationWarn {
		for _, f := range list.Fields {
			r.dropped = append(r.dropped, f.Path+": "+f.Message)
		}
	}
	return r.kind.own(obj)
}

// checkTarget refuses namespaces that cannot be part of a key.
func (r *request) checkTarget() error {
	if r.namespace != "" {
		if msgs := validation.IsDNS1123Label(r.namespace); len(msgs) > 0 {
			return badRequest("namespace %q: %s", r.namespace, msgs[0])
		}
	}
	return nil
}

// selection is which objects a list or a watch is about.
type selection struct {
	labels labels.Selector
	fields fields.Selector
}

func (r *request) selection() (selection, error) {
	l, err := labels.Parse(r.query.Get(paramLabels))
	if err != nil {
		return selection{}, badRequest("labelSelector: %v", err)
	}
	f, err := fields.ParseSelector(r.query.Get(paramFields))
	if err != nil {
		return selection{}, badRequest("fieldSelector: %v", err)
	}
	known := r.kind.fieldNames()
	for _, req := range f.Requirements() {
		if !slices.Contains(known, req.Field) {
			return selection{}, badRequest("fieldSelector: field %q is not supported for %s; there are %s",
				req.Field, r.kind.kind, strings.Join(known, ", "))
		}
	}
	return selection{l, f}, nil
}

func (k *kind) fieldNames() []string {
	names := []string{"metadata.name", "metadata.namespace"}
	for f := range k.fields(k.New()) {
		names = append(names, f)
	}
	slices.Sort(names)
	return names
}

func (s selection) matches(k *kind, o object) bool {
	if !s.labels.Empty() && !s.labels.Matches(labels.Set(o.GetLabels())) {
		return false
	}
	if s.fields.Empty() {
		return true
	}
	set := k.fields(o)
	set["metadata.name"], set["metadata.namespace"] = o.GetName(), o.GetNamespace()
	return s.fields.Matches(set)
}

// readsStatus reports whether the selection depends on what controllers write.
func (s selection) readsStatus() bool {
	return slices.ContainsFunc(s.fields.Requirements(), func(q fields.Requirement) bool { return strings.HasPrefix(q.Field, "status.") })
}

// read takes in the request's body, bounded in size and time.
func (r *request) read(w http.ResponseWriter, limit int64, within time.Duration) error {
	// A failure to set the deadline leaves the connection's own limits.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(within))
	var err error
	if r.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return nil
}
