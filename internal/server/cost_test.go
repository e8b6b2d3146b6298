package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"horae/api"
	"horae/internal/costtest"
)

// attack is a request that once stopped a manager, or may be thought to.
type attack struct {
	name, method, path, contentType, body string
	codes                                 []int
}

func repeat(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

const (
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
)

// attacks on jobs, of which "a" is there.
func attacks() []attack {
	job := func(spec string) string {
		return `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b"},"spec":` + spec + `}`
	}
	cpus := func(q string) string {
		return job(`{"task":{"shell":"true","resources":{"cpus":"` + q + `"}}}`)
	}
	add := func(path, value string) string { return fmt.Sprintf(`{"op":"add","path":%q,"value":%s}`, path, value) }
	notes := add("/metadata/annotations", `{"a":"`+strings.Repeat("x", 1000)+`"}`)
	post := func(name, body string, codes ...int) attack { return attack{name, "POST", "", yamlType, body, codes} }
	patch := func(name, contentType, body string, codes ...int) attack {
		return attack{name, "PATCH", "/a", contentType, body, codes}
	}
	return []attack{
		patch("copies of copies", jsonPatch, "["+notes+repeat(24, func(i int) string {
			return fmt.Sprintf(`,{"op":"copy","from":"/metadata/annotations","path":"/metadata/annotations/b%d"}`, i)
		})+"]", 422),
		patch("very many copies", jsonPatch, "["+notes+repeat(9_000, func(i int) string {
			return `,{"op":"copy","from":"/metadata/annotations","path":"/metadata/labels"}`
		})+"]", 422),
		patch("tests", jsonPatch, "["+add("/metadata/annotations", `{"a":"`+strings.Repeat("x", 500_000)+`"}`)+
			strings.Repeat(`,{"op":"test","path":"/metadata/annotations","value":{}}`, 9_000)+"]", 422),
		patch("moves in a long list", jsonPatch, "["+add("/spec/task/args", "["+strings.Repeat(`"",`, 100_000)+`""]`)+
			strings.Repeat(`,{"op":"move","from":"/spec/task/args/0","path":"/spec/task/args/-"}`, 9_000)+"]", 422),
		patch("moves that nest", jsonPatch, "["+add("/a", "{}")+","+add("/b", "{}")+strings.Repeat(`,{"op":"move","from":"/a","path":"/b/c"},`+add("/a", "{}")+
			`,{"op":"move","from":"/b","path":"/a/c"},`+add("/b", "{}"), 2_400)+"]", 400, 422),
		patch("a path that is deep", jsonPatch, "["+add(strings.Repeat("/a", 100_000), "1")+"]", 422),
		patch("a value that is deep", jsonPatch, "["+add("/spec", strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000))+"]", 422),
		patch("operations without a value", jsonPatch, `[{"op":"test","path":""}]`, 400),
		patch("a merge that is deep", mergePatch, strings.Repeat(`{"a":`, 9_000)+`"`+strings.Repeat("x", 500_000)+`"`+strings.Repeat("}", 9_000), 422),
		patch("a merge of a quantity", mergePatch, `{"spec":{"task":{"resources":{"cpus":"1e-100000000"}}}}`, 422),
		patch("a JSON patch of a quantity", jsonPatch, "["+add("/spec/task/resources", `{"cpus":"1e-100000000"}`)+"]", 400),
		post("a small quantity", cpus("1e-100000000"), 400),
		post("a large quantity", cpus("1E+2147483648"), 400),
		post("a long quantity", cpus(strings.Repeat("9", 300_000)), 400),
		post("merges", "annotations: &a {"+repeat(10_000, func(i int) string { return fmt.Sprintf("k%d: v, ", i) })+"}\nlabels: {<<: ["+strings.Repeat("*a, ", 4_000)+"]}\n", 400),
		post("wrong variables", job(`{"task":{"shell":"true","env":[{"name":"A"}`+repeat(10_000, func(i int) string { return fmt.Sprintf(`,{"name":"=%d"}`, i) })+`]}}`), 422),
		post("wrong labels", `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b","labels":{"a":"b"`+repeat(40_000, func(i int) string { return fmt.Sprintf(`,"%d=":"="`, i) })+`}},"spec":{"task":{"shell":"true"}}}`, 422),
		post("many constraints", job(`{"task":{"shell":"true","constraints":[{"attribute":"a","operator":"Exists"}`+strings.Repeat(`,{"attribute":"a","operator":"Unlike","value":"[\\pL\\pN\\pS]{1000}"}`, 14_000)+`]}}`), 422),
		post("large patterns", job(`{"task":{"shell":"true","constraints":[{"attribute":"a","operator":"Exists"}`+strings.Repeat(`,{"attribute":"a","operator":"Unlike","value":"`+strings.Repeat("a{999}", 600)+`"}`, 63)+`]}}`), 422),
		post("nested Lists", strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 4_000)+strings.Repeat("]}", 4_000), 400),
		post("unknown fields", job("{"+repeat(70_000, func(i int) string { return fmt.Sprintf(`"f%d":1,`, i) })+`"z":1}`), 400),
		post("unknown fields in metadata", `{"apiVersion":"horae/v1","kind":"Job","metadata":{`+repeat(70_000, func(i int) string { return fmt.Sprintf(`"f%d":1,`, i) })+`"z":1}}`, 400),
		{"a trigger's aliases", "POST", "/a/trigger", yamlType, "x: &a {" + repeat(10_000, func(i int) string { return fmt.Sprintf("k%d: v, ", i) }) + "}\nargs: {<<: [" + strings.Repeat("*a, ", 4_000) + "]}\n", []int{400}},
		{"options of a deletion", "DELETE", "/b", yamlType, "x: &a {" + repeat(10_000, func(i int) string { return fmt.Sprintf("k%d: v, ", i) }) + "}\ny: {<<: [" + strings.Repeat("*a, ", 4_000) + "]}\n", []int{400}},
	}
}

func TestRequestsCostWhatTheirSizeIsWorth(t *testing.T) {
	f := start(t)
	f.createJob("a")
	f.createJob("b")
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			costtest.Check(t, len(a.body)+10_000, func() {
				got := f.do(a.method, jobsPath+a.path, a.body, "Content-Type", a.contentType)
				if !slices.Contains(a.codes, got.code) || len(got.body) > 150_000 {
					t.Errorf("answered %d, want %v, in %d bytes: %.200s", got.code, a.codes, len(got.body), got.body)
				}
			})
		})
	}
}

func TestCausesAreCapped(t *testing.T) {
	f := start(t)
	for _, a := range attacks() {
		if a.name != "wrong variables" {
			continue
		}
		st := f.want(http.StatusUnprocessableEntity, f.do(a.method, jobsPath, a.body)).status
		causes := st.Details.Causes
		if len(causes) != 51 || causes[50].Message != "and 9,950 more" || causes[0].Field != "spec.task.env[1].name" || !strings.HasSuffix(st.Message, ", and 9,950 more") {
			t.Errorf("%d causes, the last is %+v", len(causes), causes[len(causes)-1])
		}
	}
}

func FuzzJSONPatch(f *testing.F) {
	doc := `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a"},"spec":{"task":{"args":["a","b"],"env":[{"name":"A"}]}}}`
	for _, seed := range []string{
		`[{"op":"add","path":"/spec/task/args/-","value":1}]`, `[{"op":"copy","from":"/spec","path":"/spec/x"},{"op":"copy","from":"/spec","path":"/spec/y"}]`,
		`[{"op":"test","path":"","value":null}]`, `[{"op":"remove","path":"/spec/task/args/0"}]`, `[{"op":"replace","path":"","value":[]}]`, `[{"op":"move","from":"/metadata","path":"/a"}]`,
		`{"spec":{"task":null}}`, `[]`, `[{"op":"add","path":"/spec/task/args/-3","value":{}}]`, `[null]`, `{"a":{"b":{"c":[null,{"d":null}]}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		costtest.Check(t, len(patch)+len(doc), func() {
			for _, apply := range patchKinds {
				patched, err := apply([]byte(doc), patch)
				var refused apierrors.APIStatus
				if err != nil && !errors.As(err, &refused) {
					t.Fatalf("refused without a status: %v", err)
				}
				if err == nil {
					_, _ = api.ParseOne(patched)
				}
			}
		})
	})
}
