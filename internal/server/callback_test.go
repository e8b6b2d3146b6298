package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/callback"
	"horae/internal/store"
)

var callbackKey = []byte("0123456789abcdef0123456789abcdef")

// keys stores the key of the tests.
func (f *fixture) keys() {
	f.t.Helper()
	f.put(store.CallbackKeysKey, `{"keys":["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]}`)
}

// attempted is a Run of an asynchronous Job, or another, with one attempt in this state.
func (f *fixture) attempted(name string, async bool, state v1.RunPhase, change ...func(*v1.Attempt)) (taskID string) {
	f.t.Helper()
	extra := ""
	if async {
		extra = "\n  async: {timeout: 1h}"
	}
	f.want(201, f.do("POST", runsPath, fmt.Sprintf("apiVersion: horae/v1\nkind: Run\nmetadata: {name: %s}\n"+
		"spec:\n  job: a\n  reason: Manual\n  task: {shell: x}%s\n", name, extra)))
	taskID = "default." + name + ".7.1"
	a := v1.Attempt{TaskID: taskID, State: state, LaunchTime: v1.NewTime(now)}
	for _, c := range change {
		c(&a)
	}
	f.setStatus(name, func(s *v1.RunStatus) {
		s.Phase = state
		s.Attempts = []v1.Attempt{a}
	})
	return taskID
}

func (f *fixture) callBack(run, token, body string) answer {
	f.t.Helper()
	var headers []string
	if token != "" {
		headers = []string{"Authorization", "Bearer " + token}
	}
	return f.do("POST", runsPath+"/"+run+"/callback", body, headers...)
}

// document is what is stored of a Run's callbacks; nil: nothing.
func (f *fixture) document(run string) *store.Callback {
	f.t.Helper()
	if err := f.cache.CatchUp(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	return f.cache.Callback("default", run)
}

func TestCallbacksAreStored(t *testing.T) {
	f := start(t)
	f.keys()
	f.createJob("a")
	task := f.attempted("r", true, v1.RunRunning)
	token := callback.Token(callbackKey, task)

	got := decode[v1.CallbackResult](t, f.want(200, f.callBack("r", token, `{"progressAdd": 3, "id": "x"}`)))
	if got.TaskID != task || *got.Progress != 3 || got.Repeated {
		t.Errorf("progress: %+v", got)
	}
	if got = decode[v1.CallbackResult](t, f.want(200, f.callBack("r", token, `{"progressAdd": 3, "id": "x"}`))); !got.Repeated || *got.Progress != 3 {
		t.Errorf("the same again: %+v", got)
	}
	g := f.another(nil) // Any manager takes them.
	if got = decode[v1.CallbackResult](t, g.want(200, g.callBack("r", token, `{"progressAdd": 4, "id": "y"}`))); *got.Progress != 7 {
		t.Errorf("another manager: %+v", got)
	}
	if got = decode[v1.CallbackResult](t, f.want(200, f.callBack("r", token, `{"phase": "Succeeded", "message": "m", "id": "z"}`))); got.Phase != v1.RunSucceeded {
		t.Errorf("the end: %+v", got)
	}
	d := f.document("r")
	if d == nil || d.Outcome == nil || d.Outcome.Message != "m" || !d.Outcome.Time.Equal(now) || *d.Progress != 7 {
		t.Errorf("stored: %+v", d)
	}
	f.setStatus("r", func(s *v1.RunStatus) {
		s.Phase = v1.RunSucceeded
		s.Attempts[0].State, s.Attempts[0].Callback = v1.RunSucceeded, d.Outcome
	})
	if got = decode[v1.CallbackResult](t, f.want(200, f.callBack("r", token, `{"phase": "Succeeded", "message": "m", "id": "z"}`))); !got.Repeated {
		t.Errorf("the same end again, after the end of the Run: %+v", got)
	}
}

// TestRefusedCallbacks: each has its own error, and changes nothing.
func TestRefusedCallbacks(t *testing.T) {
	f := start(t)
	f.keys()
	f.createJob("a")
	running := callback.Token(callbackKey, f.attempted("running", true, v1.RunRunning))
	plain := callback.Token(callbackKey, f.attempted("plain", false, v1.RunRunning))
	ended := callback.Token(callbackKey, f.attempted("ended", true, v1.RunFailed))
	told := callback.Token(callbackKey, f.attempted("told", true, v1.RunRunning, func(a *v1.Attempt) {
		a.Callback = &v1.CallbackOutcome{Phase: v1.RunFailed, Time: v1.NewTime(now), ID: "x"}
	}))
	const end = `{"phase": "Succeeded"}`
	for name, tc := range map[string]struct {
		run, token, body string
		code             int
		reason           metav1.StatusReason
		says             string
	}{
		"no token":                {"running", "", end, 401, "Unauthorized", "HORAE_CALLBACK_TOKEN"},
		"a token of somebody":     {"running", "hc1.default.running.7.1.AAAA", end, 401, "Unauthorized", "not one that Horae has made"},
		"a token of another key":  {"running", callback.Token([]byte("another key of 32 bytes, or so.."), "default.running.7.1"), end, 401, "Unauthorized", "not one that"},
		"a token of another Run":  {"running", plain, end, 403, "Forbidden", "another Run"},
		"a Run that is gone":      {"gone", callback.Token(callbackKey, "default.gone.7.1"), end, 404, "NotFound", `"gone" not found`},
		"an attempt that ended":   {"ended", ended, end, 410, "Gone", "the attempt ended Failed"},
		"an attempt of long ago":  {"running", callback.Token(callbackKey, "default.running.5.1"), end, 410, "Gone", "not one of the Run's"},
		"an attempt to come":      {"running", callback.Token(callbackKey, "default.running.7.2"), end, 410, "Gone", "not one of the Run's"},
		"a second end":            {"told", told, end, 409, "Conflict", "was reported Failed at 2026-11-22T14:30:00Z already"},
		"progress after the end":  {"told", told, `{"progress": 1}`, 409, "Conflict", "already"},
		"an end of any other Run": {"plain", plain, end, 409, "Conflict", "no spec.async"},
		"nothing":                 {"running", running, "", 400, "BadRequest", `{"progressAdd": n, "id": ...}: the body is empty`},
		"no JSON":                 {"running", running, "phase=Succeeded", 400, "BadRequest", "decode the callback"},
		"an unknown field":        {"running", running, `{"state": "Succeeded"}`, 400, "BadRequest", "state"},
		"another phase":           {"running", running, `{"phase": "Lost"}`, 422, "Invalid", "phase"},
		"negative progress":       {"running", running, `{"progress": -4}`, 422, "Invalid", "progress"},
		"a dry run":               {"running?dryRun=All", running, end, 0, "", ""},
		"too long":                {"running", running, `{"phase": "Succeeded", "message": "` + strings.Repeat("x", maxCallback) + `"}`, 413, "RequestEntityTooLarge", ""},
	} {
		if tc.code == 0 {
			if a := f.do("POST", runsPath+"/running/callback?dryRun=All", end, "Authorization", "Bearer "+running); a.code != 400 {
				t.Errorf("%s: %d %s", name, a.code, a.body)
			}
			continue
		}
		a := f.callBack(tc.run, tc.token, tc.body)
		if a.code != tc.code || a.status.Reason != tc.reason || !strings.Contains(a.status.Message, tc.says) {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
		if tc.token != "" && strings.Contains(string(a.body), tc.token) {
			t.Errorf("%s: the answer shows the token", name)
		}
	}
	for _, run := range []string{"running", "plain", "ended", "told", "gone"} {
		if d := f.document(run); d != nil {
			t.Errorf("%s: stored %+v", run, d)
		}
	}
	if a := f.do("GET", runsPath+"/running/callback", ""); a.code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", a.code, a.body)
	}
}

// TestACallbackBeforeTheCacheHasTheAttempt: the manager that takes it may be behind.
func TestACallbackBeforeTheCacheHasTheAttempt(t *testing.T) {
	f := start(t)
	f.keys()
	f.createJob("a")
	task := f.attempted("r", true, v1.RunRunning)
	f.setStatusUnseen("r", func(s *v1.RunStatus) {
		s.Attempts[0].State = v1.RunFailed
		s.Attempts = append(s.Attempts, v1.Attempt{TaskID: strings.TrimSuffix(task, "1") + "2", State: v1.RunRunning, LaunchTime: v1.NewTime(now)})
	})
	f.want(200, f.callBack("r", callback.Token(callbackKey, strings.TrimSuffix(task, "1")+"2"), `{"phase": "Succeeded"}`))
	if d := f.document("r"); d == nil || !strings.HasSuffix(d.TaskID, ".2") {
		t.Errorf("stored: %+v", d)
	}
}

// TestACallbackIsNotStoredForAnAttemptThatEndsMeanwhile: the write is guarded by the status that it was decided on.
func TestACallbackIsNotStoredForAnAttemptThatEndsMeanwhile(t *testing.T) {
	var f *fixture
	var once sync.Once
	f = start(t, func(c *Config) {
		c.Store = interferingStore{c.Store, func() {
			once.Do(func() { f.setStatusUnseen("r", func(s *v1.RunStatus) { s.Attempts[0].State = v1.RunFailed }) })
		}}
	})
	f.keys()
	f.createJob("a")
	token := callback.Token(callbackKey, f.attempted("r", true, v1.RunRunning))
	if a := f.callBack("r", token, `{"phase": "Succeeded"}`); a.code != http.StatusGone {
		t.Errorf("%d %s", a.code, a.body)
	}
	if d := f.document("r"); d != nil {
		t.Errorf("stored %+v", d)
	}
}

// interferingStore has something happen before a callback is stored.
type interferingStore struct {
	Store
	meanwhile func()
}

func (s interferingStore) Apply(ctx context.Context, c store.Change) (int64, error) {
	if _, is := store.ParseCallbackKey(c.Writes[0].EtcdKey); is {
		s.meanwhile()
	}
	return s.Store.Apply(ctx, c)
}

// TestReportsThatAreNotStored: whatever else its batch holds, a report has a good answer, or one that rests on a report
// before it, only if that is stored.
func TestReportsThatAreNotStored(t *testing.T) {
	f := start(t)
	f.keys()
	f.createJob("a")
	task := f.attempted("r", true, v1.RunRunning)
	token := callback.Token(callbackKey, task)
	f.want(200, f.callBack("r", token, `{"progressAdd": 3, "id": "before"}`))
	stored := f.document("r")
	five := int64(5)
	end := &v1.Callback{Phase: v1.RunSucceeded, ID: "x"}
	otherEnd := &v1.Callback{Phase: v1.RunFailed, ID: "y"}
	progress := &v1.Callback{ProgressAdd: &five, ID: "p"}
	before := &v1.Callback{ProgressAdd: &five, ID: "before"}
	away, cancel := context.WithCancel(t.Context())
	cancel() // as if etcd were away

	type sent struct {
		task     string
		callback *v1.Callback
		repeated bool // it was stored before, and so its answer holds
	}
	for name, batch := range map[string][]sent{
		"one":                            {{task, end, false}},
		"and one of an unknown attempt":  {{task, end, false}, {"default.r.7.9", otherEnd, false}},
		"after one of unknown attempt":   {{"default.r.7.9", otherEnd, false}, {task, progress, false}},
		"progress twice":                 {{task, progress, false}, {task, progress, false}},
		"an end twice, and another":      {{task, end, false}, {task, end, false}, {task, otherEnd, false}},
		"after one that is known":        {{task, before, true}, {task, progress, false}},
		"an unknown attempt of a stored": {{task, before, true}, {"default.r.7.9", otherEnd, false}},
	} {
		var reports []*report
		for _, s := range batch {
			reports = append(reports, &report{taskID: s.task, callback: s.callback, done: make(chan struct{})})
		}
		f.server.storeReports(away, store.RunKey("default", "r"), reports)
		for i, r := range reports {
			switch {
			case batch[i].repeated && (r.err != nil || !r.result.Repeated):
				t.Errorf("%s: %d, which is stored: %+v, %v", name, i, r.result, r.err)
			case !batch[i].repeated && (r.result != nil || r.outcome() != "failed"):
				t.Errorf("%s: %d, which is not stored: %+v, %v", name, i, r.result, r.err)
			}
		}
	}
	if d := f.document("r"); d.Revision != stored.Revision {
		t.Fatalf("stored: %+v", d)
	}
	if got := decode[v1.CallbackResult](t, f.want(200, f.callBack("r", token, `{"progressAdd": 5, "id": "p"}`))); got.Repeated || *got.Progress != 8 {
		t.Errorf("sent again: %+v", got)
	}
}

// TestManyReportsCostFewWrites, and each is counted.
func TestManyReportsCostFewWrites(t *testing.T) {
	f := start(t)
	f.keys()
	f.createJob("a")
	token := callback.Token(callbackKey, f.attempted("r", false, v1.RunRunning))
	before := f.cache.Revision()
	const n = 40
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if a := f.callBack("r", token, fmt.Sprintf(`{"progressAdd": 1, "id": "%d"}`, i)); a.code != 200 {
				t.Errorf("%d %s", a.code, a.body)
			}
		})
	}
	all.Wait()
	d := f.document("r")
	if d == nil || *d.Progress != n {
		t.Fatalf("stored %+v", d)
	}
	if writes := d.Revision - before; writes > n/2 {
		t.Errorf("%d writes", writes)
	}
}

// TestAnEndIsNotHeldUp by the progress before it.
func TestAnEndIsNotHeldUp(t *testing.T) {
	stored := make(chan int, 10)
	q := newReports(time.Hour, func(_ context.Context, _ store.Key, batch []*report) {
		for _, r := range batch {
			r.result = &v1.CallbackResult{}
			close(r.done)
		}
		stored <- len(batch)
	})
	run := store.RunKey("default", "r")
	n := int64(1)
	if _, err := q.submit(t.Context(), run, &report{callback: &v1.Callback{Progress: &n}}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.submit(t.Context(), run, &report{callback: &v1.Callback{Phase: v1.RunFailed}}); err != nil {
		t.Fatal(err)
	}
	if a, b := <-stored, <-stored; a != 1 || b != 1 {
		t.Errorf("stored %d and %d", a, b)
	}
	// Its goroutine waits for an hour: another end has it look, and go.
	q.mu.Lock()
	c := q.runs[run]
	q.mu.Unlock()
	c.urgent <- struct{}{}
}
