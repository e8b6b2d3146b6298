package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"horae/internal/store"
)

func TestApplyTellsWhatBecameOfEachObject(t *testing.T) {
	h := build(t)
	file := h.file("hello.yaml", hello)
	for _, step := range []struct {
		name, from, to, want string
	}{
		{name: "a new object", want: "job.horae/hello created\n"},
		{name: "the same file again", want: "job.horae/hello unchanged\n"},
		{name: "another value", from: "echo hello", to: "echo again", want: "job.horae/hello configured\n"},
		{name: "a comment", from: "spec:", to: "spec: # see the wiki", want: "job.horae/hello unchanged\n"},
	} {
		doc := strings.Replace(hello, step.from, step.to, 1)
		if step.from != "" && step.from != "echo hello" {
			doc = strings.Replace(doc, "echo hello", "echo again", 1)
		}
		h.file("hello.yaml", doc)
		if got := h.ok("apply -f", file); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

func TestApplyRemovesWhatTheFileNoLongerSaysAndKeepsWhatOthersSet(t *testing.T) {
	h := build(t)
	h.apply(strings.Replace(hello, "shell: echo hello", "shell: echo hello\n    env: [{name: A, value: b}]", 1))
	h.ok("suspend hello")
	if r := h.apply(strings.Replace(hello, "  labels: {team: data}\n", "", 1)); r.out != "job.horae/hello configured\n" {
		t.Fatalf("got %+v", r)
	}
	j := h.cache.Job("default", "hello").Object
	if len(j.Labels) != 0 || len(j.Spec.Task.Env) != 0 {
		t.Errorf("what the file no longer says is still there: %v %v", j.Labels, j.Spec.Task.Env)
	}
	if !j.Spec.Suspend {
		t.Error("suspend, which no file has ever said, is gone")
	}
}

func TestApplyOfAnObjectThatOthersMadeWarns(t *testing.T) {
	h := build(t)
	resp, err := h.store.Client().Put(t.Context(), store.JobKey("default", "hello").Spec(), "apiVersion: horae/v1\nkind: Job\nspec: {description: kept, task: {shell: x}}")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cache.WaitFor(t.Context(), resp.Header.Revision); err != nil {
		t.Fatal(err)
	}
	r := h.apply(hello)
	if r.code != 0 || !strings.Contains(r.err, "Warning: job.horae/hello was not made by apply") {
		t.Errorf("got %+v", r)
	}
	if j := h.cache.Job("default", "hello").Object; j.Spec.Description != "kept" || j.Spec.Task.Shell != "echo hello" {
		t.Errorf("got %+v", j.Spec)
	}
}

func TestApplyMendsABrokenDocument(t *testing.T) {
	h := build(t)
	resp, err := h.store.Client().Put(t.Context(), store.JobKey("default", "hello").Spec(), "kind: Job\napiVersion: horae/v1\nspec: {tusk: {}}")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cache.WaitFor(t.Context(), resp.Header.Revision); err != nil {
		t.Fatal(err)
	}
	if r := h.apply(hello); r.out != "job.horae/hello configured\n" {
		t.Errorf("got %+v", r)
	}
	if e := h.cache.Job("default", "hello"); e.Err != nil || e.Object.Spec.Task.Shell != "echo hello" {
		t.Errorf("got %v %+v", e.Err, e.Object.Spec)
	}
}

// several has a right document, one with a wrong value, one with a field that there is not, one with a key twice, one of a kind
// that there is not, and a right one.
const several = hello + `--- # a comment
apiVersion: horae/v1
kind: Job
metadata: {name: wrong}
spec: {schedule: "0 25 * * *", timeZone: Mars/Phobos, task: {}}
---
# nothing here
---
apiVersion: horae/v1
kind: Job
metadata: {name: typo}
spec: {task: {comand: [x]}}
---
apiVersion: horae/v1
kind: Job
metadata: {name: twice}
spec:
  suspend: true
  suspend: false
  task: {shell: x}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
---
apiVersion: v1
kind: List
items:
- {apiVersion: horae/v1, kind: Job, metadata: {name: last, namespace: other}, spec: {task: {shell: x}}}
`

func TestApplyGoesOnAfterAMistakeAndFails(t *testing.T) {
	h := build(t)
	r := h.apply(several)
	if r.code != ExitFailed {
		t.Errorf("exit %d", r.code)
	}
	golden(t, "apply-several", r.out+"--- stderr\n"+r.err)
	if h.cache.Job("other", "last") == nil {
		t.Error("the last document was not applied")
	}
}

func TestApplyReadsDirectoriesJSONAndURLs(t *testing.T) {
	h := build(t)
	dir := filepath.Dir(h.file("jobs/a.yaml", strings.ReplaceAll(hello, "name: hello", "name: a")))
	h.file("jobs/b.json", `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b"},"spec":{"task":{"shell":"x"}}}
{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"c"},"spec":{"task":{"shell":"x"}}}`)
	h.file("jobs/README.md", "not a manifest")
	h.file("jobs/more/d.yml", strings.ReplaceAll(hello, "name: hello", "name: d"))
	if got, want := h.ok("apply -f", dir), "job.horae/a created\njob.horae/b created\njob.horae/c created\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := h.ok("apply -R -f", dir); !strings.HasSuffix(got, "job.horae/d created\n") {
		t.Errorf("recursively: %q", got)
	}
	link := filepath.Join(filepath.Dir(dir), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if got := h.ok("apply -f", link); !strings.HasPrefix(got, "job.horae/a unchanged\n") {
		t.Errorf("by a link: %q", got)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if got := h.ok("apply -f", web.URL+"/a.yaml"); got != "job.horae/a unchanged\n" {
		t.Errorf("by URL: %q", got)
	}
	if r := h.run("apply -f", web.URL+"/none.yaml"); r.code != 1 || !strings.Contains(r.err, "404") {
		t.Errorf("a URL that is not there: %+v", r)
	}
	if r := h.run("apply -f", filepath.Join(dir, "none.yaml")); r.code != 1 || !strings.Contains(r.err, "does not exist") {
		t.Errorf("a file that is not there: %+v", r)
	}
	h.file("empty/README.md", "")
	if r := h.run("apply -f", filepath.Join(dir, "../empty")); r.code != 1 || !strings.Contains(r.err, ".yaml") {
		t.Errorf("a directory without manifests: %+v", r)
	}
}

func TestApplyInANamespace(t *testing.T) {
	h := build(t)
	if r := h.apply(hello, "-n", "team-a"); r.code != 0 || h.cache.Job("team-a", "hello") == nil {
		t.Errorf("got %+v", r)
	}
	own := strings.Replace(hello, "name: hello", "name: hello\n  namespace: team-b", 1)
	if r := h.apply(own); r.code != 0 || h.cache.Job("team-b", "hello") == nil {
		t.Errorf("the document's own: %+v", r)
	}
	if r := h.apply(own, "-n", "team-a"); r.code != 1 || !strings.Contains(r.err, "--namespace=team-b") {
		t.Errorf("two that differ: %+v", r)
	}
	h.file(".config/horae/config.yaml", "server: "+h.url+"\nnamespace: team-c\n")
	delete(h.env, "HORAE_SERVER")
	if r := h.apply(hello); r.code != 0 || h.cache.Job("team-c", "hello") == nil {
		t.Errorf("that of the configuration: %+v", r)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	h := build(t)
	if r := h.apply(hello, "--dry-run=server"); r.out != "job.horae/hello created (server dry run)\n" {
		t.Errorf("got %+v", r)
	}
	if jobs := h.cache.Jobs(""); len(jobs) != 0 {
		t.Error("it was created")
	}
	h.apply(hello)
	if r := h.apply(strings.Replace(hello, "echo", "cat", 1), "--dry-run=server"); r.out != "job.horae/hello configured (server dry run)\n" {
		t.Errorf("got %+v", r)
	}
	if r := h.run("delete job hello --dry-run=server"); r.out != "job.horae \"hello\" deleted (server dry run)\n" {
		t.Errorf("got %+v", r)
	}
	if r := h.run("trigger hello --dry-run=server --wait"); !strings.HasSuffix(r.out, "created (server dry run)\n") {
		t.Errorf("got %+v", r)
	}
	if j := h.cache.Job("default", "hello"); j == nil || j.Object.Spec.Task.Shell != "echo hello" || len(h.cache.Runs("")) != 0 {
		t.Error("a dry run has changed something")
	}
}

func TestApplyReadsYAMLAsTheServerDoes(t *testing.T) {
	h := build(t)
	text := strings.Replace(hello, "metadata:", "metadata: # yes, no and on are text in YAML 1.2", 1)
	text = strings.Replace(text, "schedule: \"0 2 * * *\"\n  timeZone: Europe/Berlin", "dependsOn: [{job: a, on: Failed}]", 1)
	r := h.apply(text)
	if j := h.cache.Job("default", "hello"); r.code != 0 || j == nil || j.Object.Spec.DependsOn[0].On != "Failed" {
		t.Errorf("a dependency's field on: %+v", r)
	}
}

// TestApplyReadsJSONAsJSON: YAML knows no pairs of escapes, and a document of one line is none of YAML's.
func TestApplyReadsJSONAsJSON(t *testing.T) {
	h := build(t)
	const doc = `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"escapes"},"spec":{"description":"nightly \ud83d\ude80 load\/\u007f",` +
		`"priority":100,"task":{"shell":"echo done"}}}`
	for name, text := range map[string]string{"one": doc, "two": doc + "\n" + doc, "behind comments": "# a comment\n---\n" + doc} {
		if r := h.apply(text); r.code != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if j := h.cache.Job("default", "escapes"); j == nil || j.Object.Spec.Description != "nightly 🚀 load/\u007f" || j.Object.Spec.Priority != 100 {
		t.Errorf("got %+v", j)
	}
}

func TestApplyPrintsObjects(t *testing.T) {
	h := build(t)
	if r := h.apply(hello, "-o", "name"); r.out != "job.horae/hello\n" {
		t.Errorf("-o name: %+v", r)
	}
	if r := h.apply(hello, "-o", "yaml"); !strings.Contains(r.out, "timeZone: Europe/Berlin") {
		t.Errorf("-o yaml: %+v", r)
	}
}

func TestSplitDocuments(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
		lines    []int
	}{
		{name: "one", in: "a: 1\n", want: []string{"a: 1\n"}, lines: []int{1}},
		{name: "two", in: "a: 1\n---\nb: 2", want: []string{"a: 1\n", "b: 2"}, lines: []int{1, 3}},
		{name: "empty ones between", in: "---\n\n---\n# c\n---\na: 1\n---\n", want: []string{"a: 1\n"}, lines: []int{6}},
		{name: "dashes inside of a text", in: "a: |\n  ---\n  x\n", want: []string{"a: |\n  ---\n  x\n"}, lines: []int{1}},
		{name: "JSON after JSON", in: "{\"a\":1}\n{\"b\":2}", want: []string{`{"a":1}`, `{"b":2}`}, lines: []int{1, 2}},
		{name: "JSON documents between dashes", in: "{\"a\":1}\n---\n{\"b\":2}", want: []string{"{\"a\":1}\n", `{"b":2}`}, lines: []int{1, 3}},
		{name: "nothing", in: " \n# x\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parts := splitDocuments([]byte(tt.in))
			if len(parts) != len(tt.want) {
				t.Fatalf("got %d parts, want %d", len(parts), len(tt.want))
			}
			for i, p := range parts {
				if string(p.data) != tt.want[i] || p.line != tt.lines[i] {
					t.Errorf("part %d: %q at line %d, want %q at %d", i, p.data, p.line, tt.want[i], tt.lines[i])
				}
			}
		})
	}
}
