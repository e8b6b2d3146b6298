package openapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	openapiv2 "github.com/google/gnostic-models/openapiv2"
	openapiv3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	v1 "horae/api/v1"
)

var (
	all     = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
	goTypes = Types{
		v1.GroupVersion.WithKind("Job"): reflect.TypeFor[v1.Job](), {Version: "v1", Kind: "Event"}: reflect.TypeFor[corev1.Event](),
	}
)

func make3(t *testing.T) *Documents {
	t.Helper()
	d, err := New("v1.2.3", goTypes,
		&metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "events", Kind: "Event", Namespaced: true, Verbs: []string{"get", "list", "watch"}},
		}},
		&metav1.APIResourceList{GroupVersion: "horae/v1", APIResources: []metav1.APIResource{
			{Name: "jobs", Kind: "Job", Namespaced: true, Verbs: all}, {Name: "jobs/status", Kind: "Job", Namespaced: true, Verbs: []string{"get"}},
			{Name: "jobs/trigger", Kind: "Job", Namespaced: true, Verbs: []string{"create"}},
			{Name: "tokens", Kind: "Token", Verbs: all},
		}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(serve func(http.ResponseWriter, *http.Request), path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	serve(w, r)
	return w
}

func (d *Documents) serveV3(w http.ResponseWriter, r *http.Request) {
	if !d.ServeV3(w, r) {
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestVersion3(t *testing.T) {
	d := make3(t)
	var list struct {
		Paths map[string]struct {
			ServerRelativeURL string `json:"serverRelativeURL"`
		}
	}
	if err := json.Unmarshal(get(d.serveV3, "/openapi/v3").Body.Bytes(), &list); err != nil || len(list.Paths) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	link := list.Paths["apis/horae/v1"].ServerRelativeURL
	answer := get(d.serveV3, link)
	if answer.Code != 200 || !strings.Contains(answer.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("by its link: %d %v", answer.Code, answer.Header())
	}
	if again := get(d.serveV3, link, "If-None-Match", answer.Header().Get("Etag")); again.Code != 304 {
		t.Errorf("what the client has: %d", again.Code)
	}
	if old := get(d.serveV3, "/openapi/v3/apis/horae/v1?hash=0"); old.Code != 301 || old.Header().Get("Location") != link {
		t.Errorf("by an old link: %d %v", old.Code, old.Header())
	}
	if none := get(d.serveV3, "/openapi/v3/apis/horae/v2"); none.Code != 404 {
		t.Errorf("of another version: %d", none.Code)
	}
	binary := get(d.serveV3, link, "Accept", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
	var message openapiv3.Document
	if err := proto.Unmarshal(binary.Body.Bytes(), &message); err != nil || message.GetInfo().GetVersion() != "v1.2.3" {
		t.Errorf("as protobuf: %v %v", &message, err)
	}

	var doc spec3.OpenAPI
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	patch := doc.Paths.Paths["/apis/horae/v1/namespaces/{namespace}/jobs/{name}"].Patch
	var media, params []string
	for typ := range patch.RequestBody.Content {
		media = append(media, typ)
	}
	for _, p := range patch.Parameters {
		params = append(params, p.Name)
	}
	slices.Sort(media)
	slices.Sort(params)
	if got, want := strings.Join(media, " "), "application/apply-patch+yaml application/json-patch+json application/merge-patch+json"; got != want {
		t.Errorf("patches: %s", got)
	}
	if got := strings.Join(params, " "); got != "dryRun fieldManager fieldValidation force" {
		t.Errorf("parameters of a patch: %s", got)
	}
	for path, verbs := range map[string]string{
		"/apis/horae/v1/jobs": "get", "/apis/horae/v1/namespaces/{namespace}/jobs": "get post delete",
		"/apis/horae/v1/namespaces/{namespace}/jobs/{name}": "get put delete patch", "/apis/horae/v1/namespaces/{namespace}/jobs/{name}/status": "get",
		"/apis/horae/v1/namespaces/{namespace}/jobs/{name}/trigger": "post", "/apis/horae/v1/tokens/{name}": "get put delete patch",
	} {
		if got := methods(doc.Paths.Paths[path]); got != verbs {
			t.Errorf("%s: %q, want %q", path, got, verbs)
		}
	}
	job := doc.Components.Schemas["horae.v1.Job"]
	retries := job.Properties["spec"].Properties["retries"]
	cpus := job.Properties["spec"].Properties["task"].Properties["resources"].Properties["cpus"]
	switch {
	case len(job.Properties["metadata"].AllOf) != 1 || job.Extensions[extensionGVK] == nil:
		t.Errorf("Job: %+v", job)
	case retries.Properties["limit"].Format != "int32" || retries.Properties["limit"].Default == nil || retries.Description == "":
		t.Errorf("spec.retries: %+v", retries)
	case len(job.Properties["spec"].Properties["concurrencyPolicy"].Enum) != 4:
		t.Errorf("spec.concurrencyPolicy: %+v", job.Properties["spec"].Properties["concurrencyPolicy"])
	case cpus.Format != "int-or-string" || cpus.Type[0] != "string":
		t.Errorf("a quantity: %+v", cpus)
	}
}

func methods(p *spec3.Path) string {
	var list []string
	if p == nil {
		return "none"
	}
	for _, m := range []struct {
		name string
		op   *spec3.Operation
	}{{"get", p.Get}, {"post", p.Post}, {"put", p.Put}, {"delete", p.Delete}, {"patch", p.Patch}} {
		if m.op != nil {
			list = append(list, m.name)
		}
	}
	return strings.Join(list, " ")
}

func TestVersion2(t *testing.T) {
	d := make3(t)
	var doc spec.Swagger
	if err := json.Unmarshal(get(d.ServeV2, "/openapi/v2").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths.Paths) != 10 || doc.Definitions["horae.v1.Job"].Properties["spec"].Properties == nil || doc.Definitions["io.k8s.api.core.v1.Event"].Description == "" {
		t.Errorf("%d paths", len(doc.Paths.Paths))
	}
	// Every reference leads somewhere.
	raw, _ := json.Marshal(doc)
	for _, part := range strings.Split(string(raw), `"$ref":"#/definitions/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := doc.Definitions[name]; !ok {
			t.Errorf("a reference leads to %s, which is not defined", name)
		}
	}
	for _, accept := range []string{
		"application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf, application/json",
	} {
		answer := get(d.ServeV2, "/openapi/v2", "Accept", accept)
		var message openapiv2.Document
		if err := proto.Unmarshal(answer.Body.Bytes(), &message); err != nil || len(message.GetPaths().GetPath()) != 10 {
			t.Errorf("%s: %d %v", accept, answer.Code, err)
		}
	}
	if answer := get(d.ServeV2, "/openapi/v2", "Accept", "text/plain"); answer.Code != 406 {
		t.Errorf("as text: %d", answer.Code)
	}
}

// The ownership of fields is computed with these schemas.
func TestSchemasAreStructural(t *testing.T) {
	d := make3(t)
	converter, err := managedfields.NewTypeConverter(d.Schemas(), false)
	if err != nil {
		t.Fatal(err)
	}
	j := &v1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Job"}}
	j.Labels = map[string]string{"team": "data"}
	if _, err := converter.ObjectToTyped(j); err != nil {
		t.Errorf("a Job: %v", err)
	}
}

// A kind whose schema is not known may have any field; the others are complete.
func TestAKindWithoutASchema(t *testing.T) {
	d, err := New("v1", Types{}, &metav1.APIResourceList{GroupVersion: "horae/v1", APIResources: []metav1.APIResource{{Name: "widgets", Kind: "Widget", Verbs: all}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := d.Schemas()["horae.v1.Widget"]; s.Extensions["x-kubernetes-preserve-unknown-fields"] != true || len(s.Properties) != 3 {
		t.Errorf("%+v", s)
	}
	if _, err := New("v1", Types{}, &metav1.APIResourceList{GroupVersion: "a/b/c"}); err == nil {
		t.Error("a group and version that is none")
	}
}
