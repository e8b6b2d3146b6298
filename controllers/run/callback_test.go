package run

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

func async(timeout *v1.Duration) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Async = &v1.Async{Timeout: timeout} }
}

// reported is the document of callbacks of attempt n.
func reported(n int, change ...func(*v1.CallbackDocument)) *store.Callback {
	c := &store.Callback{CallbackDocument: v1.CallbackDocument{TaskID: taskID(n)}, Revision: 7}
	for _, f := range change {
		f(&c.CallbackDocument)
	}
	return c
}

func ends(phase v1.RunPhase) func(*v1.CallbackDocument) {
	return func(d *v1.CallbackDocument) {
		d.Outcome = &v1.CallbackOutcome{Phase: phase, Message: "as called back", Time: *timeAt(4 * time.Second), ID: "x"}
	}
}

func progressed(n int64) func(*v1.CallbackDocument) {
	return func(d *v1.CallbackDocument) { d.Progress = &n }
}

// taskDone is an asynchronous attempt whose task ended 5 s after t0.
func taskDone(a *v1.Attempt) { a.TaskFinishTime = timeAt(5 * time.Second) }

func calledBack(phase v1.RunPhase) func(*v1.Attempt) {
	return func(a *v1.Attempt) { a.Callback = &v1.CallbackOutcome{Phase: phase, Time: *timeAt(4 * time.Second)} }
}

// TestCallbacks: every order of the end of a task and of its callback, and what limits the wait.
func TestCallbacks(t *testing.T) {
	const (
		R, F, K, X, S = v1.RunRunning, v1.RunFailed, v1.RunKilled, v1.RunLost, v1.RunSucceeded
		P             = v1.RunPending
	)
	retry := time.Minute
	running := attempt(1, R)
	for name, tc := range map[string]struct {
		run      *store.Run
		callback *store.Callback
		update   *offer.Update
		want     outcome
		drop     bool // what callbacks have reported is removed
		guard    bool
	}{
		"the task ends well: the callback is awaited": {
			run: testRun(async(nil), withAttempts(running)), update: ptr(update(1, offer.TaskFinished)),
			want: outcome{Phase: R, Attempt: R, Reason: "AwaitingCallback", Acks: "after"},
		},
		"the task ends well before it was seen to run": {
			run: testRun(async(nil), withAttempts(attempt(1, v1.RunLaunching))), update: ptr(update(1, offer.TaskFinished)),
			want: outcome{Phase: R, Attempt: R, Reason: "AwaitingCallback", Acks: "after"},
		},
		"the task fails: so does the attempt": {
			run: testRun(async(nil), withAttempts(running)), update: ptr(update(1, offer.TaskFailed, exited(1))),
			want: outcome{Phase: P, Attempt: F, Reason: "Retrying", Acks: "after", Retry: retry, Next: retry}, guard: true,
		},
		"the callback comes while the task runs": {
			run: testRun(async(nil), withAttempts(running)), callback: reported(1, ends(S)),
			want: outcome{Phase: R, Attempt: R},
		},
		"then the task ends well": {
			run:      testRun(async(nil), withAttempts(attempt(1, R, calledBack(S)))),
			callback: reported(1, ends(S)), update: ptr(update(1, offer.TaskFinished)),
			want: outcome{Phase: S, Attempt: S, Acks: "after"}, drop: true, guard: true,
		},
		"then the task fails, which does not matter": {
			run:      testRun(async(nil), withAttempts(attempt(1, R, calledBack(S)))),
			callback: reported(1, ends(S)), update: ptr(update(1, offer.TaskFailed, exited(1))),
			want: outcome{Phase: S, Attempt: S, Acks: "after"}, drop: true, guard: true,
		},
		"then its agent is lost, which does not matter": {
			run: testRun(async(nil), withAttempts(attempt(1, R, calledBack(S)))), update: ptr(update(1, offer.TaskLost)),
			want: outcome{Phase: S, Attempt: S, Acks: "after"}, guard: true,
		},
		"a failure was reported, then the task ends well": {
			run: testRun(async(nil), withAttempts(attempt(1, R, calledBack(F)))), update: ptr(update(1, offer.TaskFinished)),
			want: outcome{Phase: P, Attempt: F, Reason: "Retrying", Acks: "after", Retry: retry, Next: retry}, guard: true,
		},
		"the callback and the end of the task are seen at once: the callback was stored first": {
			run: testRun(async(nil), withAttempts(running)), callback: reported(1, ends(S)), update: ptr(update(1, offer.TaskFailed, exited(1))),
			want: outcome{Phase: S, Attempt: S, Acks: "after"}, drop: true, guard: true,
		},
		"the callback comes after the task": {
			run: testRun(async(nil), withAttempts(attempt(1, R, taskDone))), callback: reported(1, ends(S)),
			want: outcome{Phase: S, Attempt: S}, drop: true, guard: true,
		},
		"a failure is reported after the task": {
			run: testRun(async(nil), withAttempts(attempt(1, R, taskDone))), callback: reported(1, ends(F)),
			want: outcome{Phase: P, Attempt: F, Reason: "Retrying", Retry: retry, Next: retry}, drop: true, guard: true,
		},
		"a failure is reported of the last attempt": {
			run:      testRun(async(nil), retries(0), withAttempts(attempt(1, R, taskDone))),
			callback: reported(1, ends(F)),
			want:     outcome{Phase: F, Attempt: F, Reason: "CallbackFailed"}, drop: true, guard: true,
		},
		"exit codes mean nothing for a failure that a callback reported": {
			run: testRun(async(nil), withAttempts(attempt(1, R, taskDone, func(a *v1.Attempt) { a.ExitCode = ptr(int32(0)) })), func(r *v1.Run) {
				r.Spec.Retries.ExitCodes = &v1.RetryExitCodes{Only: []int32{3}}
			}),
			callback: reported(1, ends(F)),
			want:     outcome{Phase: P, Attempt: F, Reason: "Retrying", Retry: retry, Next: retry}, drop: true, guard: true,
		},
		"a callback of an earlier attempt": {
			run:      testRun(async(nil), withAttempts(attempt(1, F), attempt(2, R))),
			callback: reported(1, ends(S)), want: outcome{}, drop: true,
		},
		"a document that cannot be used": {
			run:      testRun(async(nil), withAttempts(running)),
			callback: &store.Callback{Revision: 7, Err: errNotSent}, want: outcome{}, drop: true,
		},
		"a callback of a Run that has ended": {
			run:      testRun(async(nil), withAttempts(attempt(1, S))),
			callback: reported(1, ends(F)), want: outcome{}, drop: true,
		},
		"an outcome of a Run that is not asynchronous means nothing": {
			run: testRun(withAttempts(running)), callback: reported(1, ends(F)), want: outcome{},
		},
		"progress": {
			run: testRun(withAttempts(running)), callback: reported(1, progressed(40)), want: outcome{Phase: R, Attempt: R},
		},
		"progress with the end of the task": {
			run: testRun(withAttempts(running)), callback: reported(1, progressed(40)), update: ptr(update(1, offer.TaskFinished)),
			want: outcome{Phase: S, Attempt: S, Acks: "after"}, drop: true,
		},
		"the callback is awaited until its time is up": {
			run:  testRun(async(seconds(60)), withAttempts(attempt(1, R, taskDone))),
			want: outcome{Phase: R, Attempt: R, Reason: "AwaitingCallback", Next: 55 * time.Second},
		},
		"the time for the callback is up": {
			run:  testRun(async(seconds(5)), withAttempts(attempt(1, R, taskDone))),
			want: outcome{Phase: P, Attempt: F, Reason: "Retrying", Retry: retry, Next: retry}, guard: true,
		},
		"the time for the callback is up, of the last attempt": {
			run:  testRun(async(seconds(5)), retries(0), withAttempts(attempt(1, R, taskDone))),
			want: outcome{Phase: F, Attempt: F, Reason: "CallbackTimeout"}, guard: true,
		},
		"the deadline is over while the callback is awaited": {
			run:  testRun(async(nil), withAttempts(attempt(1, R, taskDone)), func(r *v1.Run) { r.Spec.Deadline = seconds(9) }),
			want: outcome{Phase: F, Attempt: F, Reason: "DeadlineExceeded"}, guard: true,
		},
		"neither timeout nor queueTimeout count while the callback is awaited": {
			run: testRun(async(nil), withAttempts(attempt(1, R, taskDone)), func(r *v1.Run) {
				r.Spec.Timeout, r.Spec.QueueTimeout, r.Spec.StartBy = seconds(1), seconds(1), timeAt(time.Second)
			}),
			want: outcome{Phase: R, Attempt: R, Reason: "AwaitingCallback"},
		},
		"cancelled while the callback is awaited": {
			run:  testRun(async(nil), withAttempts(attempt(1, R, taskDone)), cancelled),
			want: outcome{Phase: K, Attempt: K, Reason: "Cancelled"}, guard: true,
		},
		"cancelled when the callback has come already": {
			run:  testRun(async(nil), withAttempts(attempt(1, R, taskDone, calledBack(S))), cancelled),
			want: outcome{Phase: S, Attempt: S}, guard: true,
		},
		"cancelled while the task runs": {
			run:  testRun(async(nil), withAttempts(running), cancelled),
			want: outcome{Phase: R, Attempt: R, Reason: "Cancelled", Kill: true, Next: killPause},
		},
		"deleted while the callback is awaited": {
			run: deleted(testRun(async(nil), withAttempts(attempt(1, R, taskDone)))), callback: reported(1, progressed(1)),
			want: outcome{Remove: true}, drop: true,
		},
		"an update of a task that has ended says nothing": {
			run: testRun(async(nil), withAttempts(attempt(1, R, taskDone))), update: ptr(update(1, offer.TaskLost)),
			want: outcome{Phase: R, Attempt: R, Reason: "AwaitingCallback", Acks: "now"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Run: tc.run, Callback: tc.callback}
			if tc.update != nil {
				in.Updates = []offer.Update{*tc.update}
			}
			d := Plan(in, at(plannedAt))
			if diff := cmp.Diff(tc.want, outcomeOf(d)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if d.DropCallback != tc.drop || d.GuardCallback != tc.guard {
				t.Errorf("drop %v, guard %v; want %v, %v", d.DropCallback, d.GuardCallback, tc.drop, tc.guard)
			}
			if a := tc.run.Object.Status.Attempts; len(a) > 0 && a[len(a)-1].TaskFinishTime != nil && liveAttempt(tc.run) != nil {
				t.Errorf("Mesos is asked about a task that has ended")
			}
		})
	}
}

func retries(n int32) func(*v1.Run) { return func(r *v1.Run) { r.Spec.Retries.Limit = &n } }

func cancelled(r *v1.Run) { r.Spec.Cancel = true }

func deleted(r *store.Run) *store.Run {
	r.Rev.SpecCreate, r.Rev.SpecMod, r.Rev.SpecVersion = 0, 0, 0
	return r
}

// TestTheAttemptSaysWhenItsTaskAndItselfEnded: the two differ for an asynchronous Job.
func TestTheAttemptSaysWhenItsTaskAndItselfEnded(t *testing.T) {
	run := testRun(async(nil), withAttempts(attempt(1, v1.RunRunning)))
	run = planned(t, run, Input{Updates: []offer.Update{update(1, offer.TaskFinished, exited(0))}})
	c := reported(1, ends(v1.RunSucceeded), progressed(12))
	c.Outcome.Time = *timeAt(8 * time.Second)
	run = planned(t, run, Input{Callback: c})
	s := run.Object.Status
	a := s.Attempts[0]
	if !a.TaskFinishTime.Equal(at(3*time.Second)) || !a.FinishTime.Equal(at(8*time.Second)) || !s.FinishTime.Equal(at(8*time.Second)) {
		t.Errorf("the task ended at %v, the attempt at %v, the Run at %v", a.TaskFinishTime, a.FinishTime, s.FinishTime)
	}
	if a.Callback == nil || a.Callback.Message != "as called back" || *a.ExitCode != 0 || s.Progress == nil || *s.Progress != 12 {
		t.Errorf("status %+v", s)
	}
}

// planned is the Run after a plan was carried out.
func planned(t *testing.T, run *store.Run, in Input) *store.Run {
	t.Helper()
	in.Run = run
	d := Plan(in, at(plannedAt))
	if d.Status == nil {
		t.Fatal("nothing changes")
	}
	next, obj := *run, run.Object.DeepCopy()
	obj.Status = *d.Status
	next.Object = obj
	return &next
}

// TestProgressIsWrittenNowAndThen: progress alone waits, and goes along with what is written anyway.
func TestProgressIsWrittenNowAndThen(t *testing.T) {
	run := testRun(withAttempts(attempt(1, v1.RunRunning)))
	in := Input{Run: run, Callback: reported(1, progressed(5)), Facts: Facts{ProgressWritten: at(plannedAt - progressInterval/4)}}
	if d := Plan(in, at(plannedAt)); d.Status != nil || d.After != progressInterval*3/4 {
		t.Errorf("written too soon, or planned again after %s", d.After)
	}
	if d := Plan(in, at(plannedAt+progressInterval)); d.Status == nil || *d.Status.Progress != 5 {
		t.Error("it is never written")
	}
	in.ProgressWritten = at(time.Hour) // the clock was set back
	if d := Plan(in, at(plannedAt)); d.Status == nil {
		t.Error("a clock that was set back holds it up")
	}
	next := Launched(&v1.Run{Status: v1.RunStatus{Progress: ptr(int64(3))}}, attempt(2, v1.RunLaunching))
	if next.Progress != nil {
		t.Error("the next attempt begins with the progress of the last")
	}
}

// TestMarkedRun: it has no task, and succeeds at once.
func TestMarkedRun(t *testing.T) {
	run := testRun(func(r *v1.Run) {
		r.Spec.Reason, r.Spec.MarkSucceeded, r.Spec.RequestedBy, r.Spec.Note = v1.ReasonManual, true, "ada", "done by hand\nsee the log"
		r.Spec.StartBy, r.Spec.Deadline = timeAt(time.Second), seconds(1)
	})
	d := Plan(Input{Run: run}, at(plannedAt))
	if diff := cmp.Diff(outcome{Phase: v1.RunSucceeded, Reason: "MarkedSucceeded"}, outcomeOf(d)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if want := "marked as succeeded by ada: done by hand"; d.Status.Message != want || !d.Status.FinishTime.Equal(at(plannedAt)) {
		t.Errorf("%q at %v", d.Status.Message, d.Status.FinishTime)
	}
	run = testRun(func(r *v1.Run) { r.Spec.Reason, r.Spec.MarkSucceeded, r.Spec.Cancel = v1.ReasonManual, true, true })
	if d := Plan(Input{Run: run}, at(plannedAt)); d.Status.Phase != v1.RunKilled {
		t.Errorf("cancelled before it was seen: %s", d.Status.Phase)
	}
}

// TestAttemptsKeepTheirMessagesOnce: a Run with many attempts stays small.
func TestAttemptsKeepTheirMessagesOnce(t *testing.T) {
	var list []v1.Attempt
	for i := range keepMessages + 5 {
		a := attempt(i+1, v1.RunFailed, calledBack(v1.RunFailed))
		a.Callback.Message = strings.Repeat("x", longestMessage)
		list = append(list, a)
	}
	kept := trim(list)
	if kept[0].Callback.Message != "" || kept[len(kept)-1].Callback.Message == "" || list[0].Callback.Message == "" {
		t.Error("the callbacks of early attempts keep their messages, or the cached ones were changed")
	}
}

// report stores what a callback reports of a Run's present attempt, as a manager does.
func (w *world) report(key store.Key, change ...func(*v1.CallbackDocument)) {
	w.t.Helper()
	attempts := w.now(key).Object.Status.Attempts
	d := &v1.CallbackDocument{TaskID: attempts[len(attempts)-1].TaskID}
	for _, f := range change {
		f(d)
	}
	put, err := store.PutCallback(key, d)
	if err == nil {
		_, err = w.store.Apply(w.t.Context(), store.Change{Writes: []store.Write{put}})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// hasCallback reports whether etcd has something that callbacks have reported of a Run.
func (w *world) hasCallback(key store.Key) bool {
	resp, err := w.etcd.Get(w.t.Context(), key.Callback())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(resp.Kvs) > 0
}

// callbackKey stores a key for tokens.
func (w *world) callbackKey() {
	w.t.Helper()
	if _, err := w.etcd.Put(w.t.Context(), store.CallbackKeysKey, `{"keys":["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]}`); err != nil {
		w.t.Fatal(err)
	}
}

// TestAnAsynchronousRunOutlivesItsLeader: its task ends under one leader, its callback comes while nobody leads, and the
// next one ends the Run, without asking Mesos about the task.
func TestAnAsynchronousRunOutlivesItsLeader(t *testing.T) {
	w := newWorld(t)
	w.callbackKey()
	first := w.lead()
	key := w.createRun("hello-1", async(nil))
	w.until("the task has ended", func() bool {
		r := w.now(key)
		return r != nil && len(r.Object.Status.Attempts) == 1 && r.Object.Status.Attempts[0].TaskFinishTime != nil
	})
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.report(key, ends(v1.RunSucceeded), progressed(7))
	w.lead()
	s := w.ends(key)
	if s.Phase != v1.RunSucceeded || len(s.Attempts) != 1 || s.Progress == nil || *s.Progress != 7 {
		t.Errorf("it ended %s: %+v", s.Phase, s)
	}
	if w.hasCallback(key) {
		t.Error("what the callback has reported is still in etcd")
	}
}

// TestCallbacksOfRunsThatAreGoneAreRemoved: at the beginning of a term, and when they come.
func TestCallbacksOfRunsThatAreGoneAreRemoved(t *testing.T) {
	w := newWorld(t)
	put := func(name string) store.Key {
		key := store.RunKey("default", name)
		write, err := store.PutCallback(key, &v1.CallbackDocument{TaskID: "default." + name + ".1.1"})
		if err == nil {
			_, err = w.store.Apply(t.Context(), store.Change{Writes: []store.Write{write}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	before := put("gone-1")
	w.lead()
	w.until("the first is removed", func() bool { return !w.hasCallback(before) })
	after := put("gone-2")
	w.until("the second is removed", func() bool { return !w.hasCallback(after) })
}

// TestTasksGetWhatTheyNeedToCallBack: the token is a secret of Mesos, unless the Docker containerizer runs the task.
func TestTasksGetWhatTheyNeedToCallBack(t *testing.T) {
	keys := callbackAccess{cache: fixedKeys{}, url: "https://horae.example.com"}
	url, token, err := keys.of(store.RunKey("data", "hello-1"), taskID(1))
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://horae.example.com/apis/horae/v1/namespaces/data/runs/hello-1/callback"; url != want {
		t.Errorf("%s, want %s", url, want)
	}
	find := func(list []v1.EnvVar, name string) string {
		for _, e := range list {
			if e.Name == name {
				return e.Value
			}
		}
		return ""
	}
	for name, tc := range map[string]struct {
		container *v1.Container
		secret    bool
	}{
		"a command":        {nil, true},
		"Mesos container":  {&v1.Container{Type: v1.ContainerMesos}, true},
		"Docker container": {&v1.Container{Type: v1.ContainerDocker}, false},
	} {
		task := offer.Task{Spec: &v1.TaskSpec{Container: tc.container}}
		addCallback(&task, url, token)
		if find(task.Env, "HORAE_CALLBACK_URL") != url {
			t.Errorf("%s: no address in %v", name, task.Env)
		}
		if got := find(task.SecretEnv, "HORAE_CALLBACK_TOKEN") == token; got != tc.secret {
			t.Errorf("%s: the token is a secret: %v", name, got)
		}
		if got := find(task.Env, "HORAE_CALLBACK_TOKEN") == token; got == tc.secret {
			t.Errorf("%s: the token is a plain variable: %v", name, got)
		}
	}
}

type fixedKeys struct{}

func (fixedKeys) CallbackKeys() ([][]byte, error) { return [][]byte{[]byte("0123456789abcdef")}, nil }

// TestWithoutAKeyOnlyAsynchronousRunsWait: nothing else depends on callbacks.
func TestWithoutAKeyOnlyAsynchronousRunsWait(t *testing.T) {
	w := newWorld(t)
	w.lead()
	plain, waits := w.createRun("plain"), w.createRun("waits", async(nil))
	if s := w.ends(plain); s.Phase != v1.RunSucceeded {
		t.Errorf("it ended %s: %s", s.Phase, s.Message)
	}
	w.until("the other reports why it waits", func() bool {
		r := w.now(waits)
		return r != nil && strings.Contains(r.Object.Status.Message, "no key for callbacks")
	})
	w.callbackKey()
	w.until("its task has ended", func() bool {
		a := w.now(waits).Object.Status.Attempts
		return len(a) > 0 && a[len(a)-1].TaskFinishTime != nil
	})
}
