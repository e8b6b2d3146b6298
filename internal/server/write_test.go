package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

func TestCreateStoresWhatTheUserWroteAndShowsItWithDefaults(t *testing.T) {
	f := start(t)
	j := f.createJob("hello")
	if j.Generation != 1 || j.UID == "" || j.ResourceVersion == "" || !j.CreationTimestamp.Time.Equal(now) {
		t.Errorf("metadata: %+v", j.ObjectMeta)
	}
	if j.Spec.TimeZone != "Etc/UTC" || j.Spec.ConcurrencyPolicy != v1.ConcurrencyForbid {
		t.Errorf("the answer has no defaults: %+v", j.Spec)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(f.stored(store.JobKey("default", "hello"))), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "horae/v1", "kind": "Job",
		"metadata": map[string]any{"name": "hello", "namespace": "default", "creationTimestamp": "2026-11-22T14:30:00Z"},
		"spec":     map[string]any{"schedule": "0 * * * *", "task": map[string]any{"shell": "echo hello"}},
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("stored document (-want +got):\n%s", diff)
	}
	if a := f.do("POST", jobsPath, jobYAML("hello")); a.code != http.StatusConflict || a.status.Reason != metav1.StatusReasonAlreadyExists {
		t.Errorf("again: %d %s", a.code, a.body)
	}
}

func TestRefusedCreations(t *testing.T) {
	f := start(t)
	for _, tt := range []struct {
		name, path, body string
		headers          []string
		code             int
		field            string
		says             string
	}{
		{name: "a wrong value names its field", body: strings.Replace(jobYAML("a"), "0 * * * *", "never", 1), code: 422, field: "spec.schedule", says: "is no schedule"},
		{name: "an unknown field names its path", body: jobYAML("a", "    comand: [x]"), code: 400, field: "spec.task.comand"},
		{name: "a key that stands twice", body: jobYAML("a", "    shell: again"), code: 400, says: "shell"},
		{name: "unknown fields are errors", body: jobYAML("a", "    comand: [x]"), code: 400, field: "spec.task.comand"},
		{name: "wrong types are errors at every level of fieldValidation", path: "?fieldValidation=Ignore", body: jobYAML("a", "    command: x"), code: 400, field: "spec.task.command"},
		{name: "a level of fieldValidation that there is not", path: "?fieldValidation=Loose", body: jobYAML("a"), code: 400, says: "Loose"},
		{name: "generateName", body: strings.Replace(jobYAML("a"), "name: a", "generateName: a-", 1), code: 422, field: "metadata.generateName"},
		{name: "no name", body: strings.Replace(jobYAML("a"), "  name: a\n", "  labels: {a: b}\n", 1), code: 422, field: "metadata.name"},
		{name: "a name that is none", body: jobYAML("A_b"), code: 422, field: "metadata.name"},
		{name: "another namespace than the path's", body: strings.Replace(jobYAML("a"), "name: a", "name: a\n  namespace: b", 1), code: 400, says: "does not match the namespace"},
		{name: "a resourceVersion", body: strings.Replace(jobYAML("a"), "name: a", "name: a\n  resourceVersion: '5'", 1), code: 400, says: "resourceVersion"},
		{name: "an owner reference", body: strings.Replace(jobYAML("a"), "name: a", "name: a\n  ownerReferences: [{apiVersion: v1, kind: Pod, name: x, uid: y}]", 1), code: 422, field: "metadata.ownerReferences"},
		{name: "a finalizer", body: strings.Replace(jobYAML("a"), "name: a", "name: a\n  finalizers: [a/b]", 1), code: 422, field: "metadata.finalizers"},
		{name: "a Run among the Jobs", body: "{apiVersion: horae/v1, kind: Run, metadata: {name: a}, spec: {job: a, reason: Manual, task: {shell: x}}}", code: 400, says: "jobs takes a Job"},
		{name: "two documents", body: jobYAML("a") + "---\n" + jobYAML("b"), code: 400, says: "one object"},
		{name: "nothing", body: " ", code: 400, says: "no document"},
		{name: "protobuf", body: "k8s", headers: []string{"Content-Type", "application/vnd.kubernetes.protobuf"}, code: 415, says: "application/json"},
		{name: "a body over the limit", body: jobYAML("a", "    # "+strings.Repeat("x", maxBody)), code: 413},
		{name: "an unknown dryRun", path: "?dryRun=Some", body: jobYAML("a"), code: 400, says: "All"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do("POST", jobsPath+tt.path, tt.body, tt.headers...)
			if a.code != tt.code || a.status.Status != metav1.StatusFailure || int(a.status.Code) != tt.code {
				t.Fatalf("got %d %s, want %d", a.code, a.body, tt.code)
			}
			if !strings.Contains(a.status.Message, tt.says) {
				t.Errorf("message %q does not say %q", a.status.Message, tt.says)
			}
			if tt.field != "" && (a.status.Details == nil || !hasCause(a.status.Details.Causes, tt.field)) {
				t.Errorf("no cause names %s: %s", tt.field, a.body)
			}
		})
	}
	if jobs := f.cache.Jobs(""); len(jobs) > 0 {
		t.Errorf("something was written: %v", jobs[0].Key)
	}
}

func hasCause(causes []metav1.StatusCause, field string) bool {
	for _, c := range causes {
		if strings.HasPrefix(c.Field, field) {
			return true
		}
	}
	return false
}

func TestUpdates(t *testing.T) {
	const mergePatch, jsonPatch = "application/merge-patch+json", "application/json-patch+json"
	for _, tt := range []struct {
		name string
		// edit changes the object that was read and puts it back; otherwise patch is sent as patchType.
		edit             func(*v1.Job)
		patch, patchType string
		path             string
		code             int
		generation       int64
		// stored must be part of the stored document, absent must not.
		stored, absent string
	}{
		{name: "a PUT of what was read writes nothing", edit: func(*v1.Job) {}, code: 200, generation: 1, absent: "Etc/UTC"},
		{name: "a PUT stores the change without the defaults", edit: func(j *v1.Job) { j.Spec.Suspend = true }, code: 200, generation: 2, stored: `"suspend":true`, absent: "Etc/UTC"},
		{name: "a PUT of another status writes nothing", edit: func(j *v1.Job) { j.Status.Succeeded = 7 }, code: 200, generation: 1},
		{name: "a PUT removes a label", edit: func(j *v1.Job) { j.Labels = nil }, code: 200, generation: 2, absent: `"team"`},
		{name: "a PUT of a later resourceVersion", edit: func(j *v1.Job) { j.ResourceVersion = "1"; j.Spec.Suspend = true }, code: 409, generation: 1},
		{name: "a PUT of another uid", edit: func(j *v1.Job) { j.UID = "other"; j.Spec.Suspend = true }, code: 409, generation: 1},
		{name: "a PUT under another name", edit: func(j *v1.Job) { j.Name = "b" }, code: 400, generation: 1},
		{name: "a PUT of an invalid value", edit: func(j *v1.Job) { j.Spec.Schedule = "never" }, code: 422, generation: 1},
		{name: "a dry run writes nothing", edit: func(j *v1.Job) { j.Spec.Suspend = true }, path: "?dryRun=All", code: 200, generation: 1},
		{name: "a merge patch", patch: `{"spec":{"suspend":true}}`, patchType: mergePatch, code: 200, generation: 2, stored: `"suspend":true`, absent: "Etc/UTC"},
		{name: "a merge patch that changes nothing", patch: `{"spec":{"suspend":false,"timeZone":"Etc/UTC"}}`, patchType: mergePatch, code: 200, generation: 1},
		{name: "a merge patch that spells a default differently", patch: `{"spec":{"retries":{"delay":"PT1M"}}}`, patchType: mergePatch, code: 200, generation: 1},
		{name: "a merge patch removes a field", patch: `{"metadata":{"labels":{"team":null}}}`, patchType: mergePatch, code: 200, generation: 2, absent: `"team"`},
		{name: "a merge patch with a resourceVersion that is old", patch: `{"metadata":{"resourceVersion":"1"},"spec":{"suspend":true}}`, patchType: mergePatch, code: 409, generation: 1},
		{name: "a merge patch with an unknown field", patch: `{"spec":{"suspended":true}}`, patchType: mergePatch, code: 400, generation: 1},
		{name: "a merge patch that is no object", patch: `[1]`, patchType: mergePatch, code: 400, generation: 1},
		{name: "a merge patch of the status", patch: `{"status":{"succeeded":7}}`, patchType: mergePatch, code: 200, generation: 1},
		{name: "a JSON patch on a default", patch: `[{"op":"test","path":"/spec/timeZone","value":"Etc/UTC"},{"op":"replace","path":"/spec/timeZone","value":"Europe/Berlin"}]`, patchType: jsonPatch, code: 200, generation: 2, stored: "Europe/Berlin"},
		{name: "a JSON patch whose test fails", patch: `[{"op":"test","path":"/spec/timeZone","value":"UTC"}]`, patchType: jsonPatch, code: 422, generation: 1},
		{name: "a JSON patch that is no list", patch: `{}`, patchType: jsonPatch, code: 400, generation: 1},
		{name: "a strategic merge patch", patch: `{"spec":{"suspend":true}}`, patchType: "application/strategic-merge-patch+json", code: 415, generation: 1},
		{name: "server-side apply without a manager", patch: jobYAML("a"), patchType: "application/apply-patch+yaml", code: 422, generation: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t)
			j := decode[v1.Job](t, f.want(201, f.do("POST", jobsPath, strings.Replace(jobYAML("a"), "name: a", "name: a\n  labels: {team: x, env: y}", 1))))
			var a answer
			if tt.edit != nil {
				tt.edit(j)
				body, err := json.Marshal(j)
				if err != nil {
					t.Fatal(err)
				}
				a = f.do("PUT", jobsPath+"/a"+tt.path, string(body))
			} else {
				a = f.do("PATCH", jobsPath+"/a"+tt.path, tt.patch, "Content-Type", tt.patchType)
			}
			f.want(tt.code, a)
			got := f.job("a")
			if got.Generation != tt.generation {
				t.Errorf("generation %d, want %d", got.Generation, tt.generation)
			}
			doc := f.stored(store.JobKey("default", "a"))
			if !strings.Contains(doc, tt.stored) {
				t.Errorf("the stored document lacks %s: %s", tt.stored, doc)
			}
			if tt.absent != "" && strings.Contains(doc, tt.absent) {
				t.Errorf("the stored document has %s: %s", tt.absent, doc)
			}
			if tt.code == 415 && !strings.Contains(a.header.Get("Accept-Patch"), mergePatch) {
				t.Errorf("Accept-Patch: %q", a.header.Get("Accept-Patch"))
			}
		})
	}
}

func TestAStatusThatMovesIsNoConflictForAUser(t *testing.T) {
	f := start(t)
	f.createJob("a")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Phase = v1.RunRunning })
	run.Spec.Cancel = true
	body, _ := json.Marshal(run)
	got := decode[v1.Run](t, f.want(200, f.do("PUT", runsPath+"/"+run.Name, string(body))))
	if !got.Spec.Cancel || got.Status.Phase != v1.RunRunning || got.Generation != 2 {
		t.Errorf("got %+v %+v", got.ObjectMeta, got.Status)
	}
	got.Spec.Task.Shell = "other"
	body, _ = json.Marshal(got)
	if a := f.do("PUT", runsPath+"/"+run.Name, string(body)); a.code != 422 || !hasCause(a.status.Details.Causes, "spec") {
		t.Errorf("a Run's task is fixed: %d %s", a.code, a.body)
	}
}

func TestWhatAnotherToolWroteIsKeptInItsForm(t *testing.T) {
	f := start(t)
	f.put("/horae/spec/jobs/default/a", "kind: Job\napiVersion: horae/v1\nspec:\n  task: {shell: x}\n  timeout: PT90S\n")
	f.want(200, f.do("PATCH", jobsPath+"/a", `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json"))
	doc := f.stored(store.JobKey("default", "a"))
	if !strings.Contains(doc, `"timeout":"1m30s"`) || !strings.Contains(doc, `"suspend":true`) || strings.Contains(doc, "Etc/UTC") {
		t.Errorf("stored: %s", doc)
	}
}

func TestABrokenDocumentIsShownAndCanBeMended(t *testing.T) {
	f := start(t)
	f.createJob("good")
	f.put("/horae/spec/jobs/default/bad", "kind: Job\napiVersion: horae/v1\nspec:\n  tusk: {}\n")
	list := decode[v1.JobList](t, f.want(200, f.do("GET", jobsPath, "")))
	if len(list.Items) != 2 || list.Items[0].Name != "bad" {
		t.Fatalf("list: %+v", list.Items)
	}
	c := list.Items[0].Status.Conditions
	if len(c) != 1 || c[0].Type != v1.JobAccepted || c[0].Status != metav1.ConditionFalse || !strings.Contains(c[0].Message, "spec.tusk") {
		t.Errorf("conditions: %+v", c)
	}
	table := decode[metav1.Table](t, f.want(200, f.do("GET", jobsPath, "", "Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")))
	if got := fmt.Sprint(table.Rows[0].Cells); !strings.Contains(got, "Invalid") {
		t.Errorf("table: %s", got)
	}
	if a := f.do("POST", jobsPath+"/bad/trigger", ""); a.code != 409 || !strings.Contains(a.status.Message, "spec.tusk") {
		t.Errorf("trigger: %d %s", a.code, a.body)
	}
	patch := `{"metadata":{"annotations":{"a":"b"}},"spec":{"schedule":"0 0 * * *","task":{"shell":"true"}}}`
	got := decode[v1.Job](t, f.want(200, f.do("PATCH", jobsPath+"/bad", patch, "Content-Type", "application/merge-patch+json")))
	if got.Spec.Task.Shell != "true" || len(got.Status.Conditions) != 0 || got.Generation != 2 {
		t.Errorf("mended: %+v", got)
	}
}

func TestDelete(t *testing.T) {
	f := start(t)
	j := f.createJob("a")
	f.createJob("b", "  suspend: true")
	f.want(404, f.do("DELETE", jobsPath+"/none", ""))
	for _, tt := range []struct {
		name, body, query string
		code              int
	}{
		{name: "a precondition on another uid", body: `{"preconditions":{"uid":"x"}}`, code: 409},
		{name: "a precondition on an old revision", body: `{"preconditions":{"resourceVersion":"1"}}`, code: 409},
		{name: "orphans", query: "?propagationPolicy=Orphan", code: 400},
		{name: "a body that is none", body: `{"preconditions":`, code: 400},
		{name: "a dry run", body: `{"dryRun":["All"]}`, code: 200},
	} {
		if a := f.do("DELETE", jobsPath+"/a"+tt.query, tt.body); a.code != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.code, a.body)
		}
	}
	f.job("a")
	st := decode[metav1.Status](t, f.want(200, f.do("DELETE", jobsPath+"/a", fmt.Sprintf(`{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background","preconditions":{"uid":%q}}`, j.UID))))
	if st.Status != metav1.StatusSuccess || st.Details.Name != "a" || st.Details.UID != j.UID {
		t.Errorf("status: %+v", st)
	}
	f.want(404, f.do("GET", jobsPath+"/a", ""))

	gone := decode[v1.JobList](t, f.want(200, f.do("DELETE", jobsPath+"?fieldSelector=spec.suspend=true", "")))
	if len(gone.Items) != 1 || gone.Items[0].Name != "b" {
		t.Errorf("deleted: %+v", gone.Items)
	}
	f.want(404, f.do("GET", jobsPath+"/b", ""))
}

func TestAnObjectWhoseSpecIsGoneIsNotFoundAndCanBeMadeAnew(t *testing.T) {
	f := start(t)
	f.createJob("a")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Phase = v1.RunRunning })
	f.want(200, f.do("DELETE", runsPath+"/"+run.Name, ""))
	f.want(404, f.do("GET", runsPath+"/"+run.Name, ""))
	if l := decode[v1.RunList](t, f.want(200, f.do("GET", runsPath, ""))); len(l.Items) != 0 {
		t.Errorf("listed: %+v", l.Items)
	}
	anew := *run
	anew.ResourceVersion = ""
	body, _ := json.Marshal(&anew)
	got := decode[v1.Run](t, f.want(201, f.do("POST", runsPath, string(body))))
	if got.UID == run.UID || got.Status.Phase != "" {
		t.Errorf("the new one inherits: %+v", got)
	}
}

func TestTrigger(t *testing.T) {
	f := start(t)
	f.createJob("a")
	got := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", `{"args":["x","y"],"env":[{"name":"A","value":"b"}]}`)))
	if got.Kind != "Run" || got.Spec.Job != "a" || got.Spec.Reason != v1.ReasonManual || got.Labels[v1.LabelJob] != "a" ||
		!cmp.Equal(got.Spec.Args, []string{"x", "y"}) || len(got.Spec.Env) != 1 {
		t.Errorf("got %+v", got)
	}
	dry := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger?dryRun=All", `{"force":true}`)))
	f.want(404, f.do("GET", runsPath+"/"+dry.Name, ""))
	f.want(404, f.do("POST", jobsPath+"/none/trigger", ""))
	if a := f.do("POST", jobsPath+"/a/trigger", `{"arg":["x"]}`); a.code != 400 || !strings.Contains(a.status.Message, "arg") {
		t.Errorf("an unknown field: %d %s", a.code, a.body)
	}
	if a := f.do("POST", jobsPath+"/a/trigger", `{"env":[{"value":"b"}]}`); a.code != 422 {
		t.Errorf("a variable without a name: %d %s", a.code, a.body)
	}
	if a := f.do("GET", jobsPath+"/a/trigger", ""); a.code != 405 {
		t.Errorf("GET: %d", a.code)
	}
	if a := f.do("PUT", jobsPath+"/a/status", jobYAML("a")); a.code != 405 || !strings.Contains(a.status.Message, "controller") {
		t.Errorf("PUT status: %d %s", a.code, a.body)
	}
}

// TestTriggerWithAnID: who does not know whether a trigger arrived may repeat it, at any manager, while its Run is active or not.
func TestTriggerWithAnID(t *testing.T) {
	f := start(t)
	g := f.another(nil)
	f.createJob("a")
	f.createJob("b")
	const body = `{"id":"20261122","args":["x"]}`
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", body)))
	if run.Name != "a-m20261122" {
		t.Errorf("its name is %s", run.Name)
	}
	if again := decode[v1.Run](t, f.want(200, g.do("POST", jobsPath+"/a/trigger", body))); again.UID != run.UID {
		t.Errorf("again, at another manager: %+v", again.ObjectMeta)
	}
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Phase = v1.RunSucceeded })
	if again := decode[v1.Run](t, f.want(200, f.do("POST", jobsPath+"/a/trigger", body))); again.UID != run.UID || again.Status.Phase != v1.RunSucceeded {
		t.Errorf("again, behind its end: %+v", again)
	}
	if other := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/b/trigger", body))); other.Name != "b-m20261122" {
		t.Errorf("of another Job: %s", other.Name)
	}
	for _, id := range []string{"A", "a-b", "123456789", "ü", " "} {
		if a := f.do("POST", jobsPath+"/a/trigger", fmt.Sprintf(`{"id":%q}`, id)); a.code != 400 || !strings.Contains(a.status.Message, "one to eight") {
			t.Errorf("%q: %d %s", id, a.code, a.body)
		}
	}
}

// TestTriggerHeedsTheConcurrencyPolicy: a second Run starts only if the Job allows it, or whoever triggers it insists.
func TestTriggerHeedsTheConcurrencyPolicy(t *testing.T) {
	for _, policy := range []v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyQueue, v1.ConcurrencyReplace, v1.ConcurrencyAllow} {
		t.Run(string(policy), func(t *testing.T) {
			f := start(t)
			f.createJob("a")
			f.want(200, f.do("PATCH", jobsPath+"/a", fmt.Sprintf(`{"spec":{"concurrencyPolicy":%q}}`, policy), "Content-Type", "application/merge-patch+json"))
			first := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
			a := f.do("POST", jobsPath+"/a/trigger", "")
			if policy == v1.ConcurrencyAllow {
				f.want(201, a)
				return
			}
			if a.code != 409 || a.status.Reason != metav1.StatusReasonConflict || !strings.Contains(a.status.Message, first.Name) || !strings.Contains(a.status.Message, "--force") {
				t.Errorf("while one is active: %d %s", a.code, a.body)
			}
			f.want(409, f.do("POST", jobsPath+"/a/trigger?dryRun=All", ""))
			second := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", `{"force":true}`)))
			for _, run := range []*v1.Run{first, second} {
				f.setStatus(run.Name, func(s *v1.RunStatus) { s.Phase = v1.RunSucceeded })
			}
			f.want(201, f.do("POST", jobsPath+"/a/trigger", ""))
		})
	}
}

// TestOneOfTriggersAtTheSameTimeWins: neither server has heard of the other's Run when it decides.
func TestOneOfTriggersAtTheSameTimeWins(t *testing.T) {
	f := start(t)
	g := f.another(nil)
	f.createJob("a")
	const triggers = 8
	codes := make(chan int, triggers)
	for i := range triggers {
		at := []*fixture{f, g}[i%2]
		go func() { codes <- at.do("POST", jobsPath+"/a/trigger", "").code }()
	}
	made := 0
	for range triggers {
		switch code := <-codes; code {
		case 201:
			made++
		case 409:
		default:
			t.Errorf("code %d", code)
		}
	}
	if made != 1 {
		t.Errorf("%d Runs were made", made)
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	f := start(t)
	f.createJob("a")
	const writers = 6
	done := make(chan int, writers)
	for i := range writers {
		go func() {
			patch := fmt.Sprintf(`{"metadata":{"annotations":{"w%d":"x"}}}`, i)
			done <- f.do("PATCH", jobsPath+"/a", patch, "Content-Type", "application/merge-patch+json").code
		}()
	}
	for range writers {
		if code := <-done; code != 200 {
			t.Errorf("a patch that names no revision: %d", code)
		}
	}
	if j := f.job("a"); len(j.Annotations) != writers || j.Generation != writers+1 {
		t.Errorf("generation %d, annotations %v", j.Generation, j.Annotations)
	}
}

// behind is a cache that has not heard that a Job is gone until somebody waits for a revision.
type behind struct {
	*cache.Cache
	old    *store.Job
	caught atomic.Bool
}

func (c *behind) Revision() int64 {
	if c.caught.Load() {
		return c.Cache.Revision()
	}
	return c.old.Rev.Resource()
}

func (c *behind) WaitFor(ctx context.Context, revision int64) error {
	c.caught.Store(true)
	return c.Cache.WaitFor(ctx, revision)
}

func (c *behind) Get(key store.Key) store.AnyEntry {
	if c.caught.Load() {
		return c.Cache.Get(key)
	}
	return c.old
}

// TestCreateWhatAnotherServerHasDeleted: etcd decides whether it is there, not a cache that has not heard.
func TestCreateWhatAnotherServerHasDeleted(t *testing.T) {
	f := start(t)
	j := f.createJob("a")
	old := f.cache.Job("default", "a")
	f.want(409, f.do("POST", jobsPath+"?dryRun=All", jobYAML("a")))
	f.want(200, f.do("DELETE", jobsPath+"/a", ""))
	other := f.another(func(c *Config) { c.Cache = &behind{Cache: c.Cache.(*cache.Cache), old: old} })
	other.want(201, other.do("POST", jobsPath+"?dryRun=All", jobYAML("a")))
	if got := decode[v1.Job](t, other.want(201, other.do("POST", jobsPath, jobYAML("a")))); got.UID == j.UID {
		t.Errorf("uid %s: that of the one that was deleted", got.UID)
	}
	a := other.do("POST", jobsPath, jobYAML("a"))
	if a.code != 409 || a.status.Reason != metav1.StatusReasonAlreadyExists {
		t.Errorf("once more: %d %s", a.code, a.body)
	}
}

func TestWhatIsPerhapsNotMeantIsWarnedOf(t *testing.T) {
	f := start(t)
	const twice = "    env: [{name: A, value: b}, {name: A, value: c}]"
	for what, a := range map[string]answer{
		"dry":     f.want(201, f.do("POST", jobsPath+"?dryRun=All", jobYAML("a", twice), "Content-Type", yamlType)),
		"created": f.want(201, f.do("POST", jobsPath, jobYAML("a", twice), "Content-Type", yamlType)),
		"patched": f.want(200, f.do("PATCH", jobsPath+"/a", `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json")),
	} {
		if got := a.header.Get("Warning"); got != `299 - "spec.task.env[1].name: hides the value of spec.task.env[0], which has the same name, A"` {
			t.Errorf("%s: %q", what, got)
		}
	}
	if a := f.want(201, f.do("POST", jobsPath, jobYAML("b"), "Content-Type", yamlType)); a.header.Get("Warning") != "" {
		t.Errorf("without a reason: %q", a.header.Get("Warning"))
	}
}

// Like Kubernetes the server leaves out what no field takes if the client asks for that, and says so unless it asks for silence.
func TestFieldValidation(t *testing.T) {
	f := start(t)
	body := jobYAML("a", "    comand: [x]", "  odd: 1")
	f.want(400, f.do("POST", jobsPath+"?fieldValidation=Strict", body, "Content-Type", yamlType))
	warned := f.want(201, f.do("POST", jobsPath+"?fieldValidation=Warn", body, "Content-Type", yamlType))
	if got := strings.Join(warned.header["Warning"], "\n"); !strings.Contains(got, "spec.odd: unknown field") || !strings.Contains(got, "spec.task.comand: unknown field; did you mean command?") {
		t.Errorf("warnings: %s", got)
	}
	if got := f.stored(store.JobKey("default", "a")); strings.Contains(got, "odd") || strings.Contains(got, "comand") {
		t.Errorf("stored: %s", got)
	}
	silent := f.want(200, f.do("PUT", jobsPath+"/a?fieldValidation=Ignore", jobYAML("a", "  odd: 1"), "Content-Type", yamlType))
	if len(silent.header["Warning"]) != 0 {
		t.Errorf("warnings: %v", silent.header["Warning"])
	}
	patched := f.want(200, f.do("PATCH", jobsPath+"/a?fieldValidation=Warn", `{"spec":{"odd":1,"owner":"a@example.com","owner":"b@example.com"}}`, "Content-Type", mergePatch))
	if len(patched.header["Warning"]) != 1 || decode[v1.Job](t, patched).Spec.Owner != "b@example.com" {
		t.Errorf("patched: %v %s", patched.header["Warning"], patched.body)
	}
	duplicate := f.want(200, f.do("PUT", jobsPath+"/a?fieldValidation=Warn",
		`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a"},"spec":{"owner":"a@example.com","owner":"c@example.com","task":{"shell":"true"}}}`))
	if got := strings.Join(duplicate.header["Warning"], "\n"); !strings.Contains(got, "owner") || decode[v1.Job](t, duplicate).Spec.Owner != "c@example.com" {
		t.Errorf("a duplicate: %s %s", got, duplicate.body)
	}
}
