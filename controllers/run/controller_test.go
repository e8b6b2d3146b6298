package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// runsOn is the script of a task that runs until the test says how it ends.
var runsOn = []offer.State{offer.TaskStarting, offer.TaskRunning}

// idOf is the id of a Run's attempt.
func (w *world) idOf(key store.Key, attempt int) string {
	return TaskID{Namespace: key.Namespace, Run: key.Name, Incarnation: w.now(key).Rev.SpecCreate, Attempt: attempt}.String()
}

func quickRetries(r *v1.Run) { r.Spec.Retries.Delay = &v1.Duration{Duration: time.Millisecond} }

// TestI1I2OneRun: a Run comes to its end with three writes, each before what speaks of it; the fake master
// checks the order.
func TestI1I2OneRun(t *testing.T) {
	w := newWorld(t)
	w.lead(func(c *Config) { c.Agents = agentsAt("/var/lib/mesos/agent") })
	key := w.createRun("one")
	got := w.ends(key)
	id := w.idOf(key, 1)
	w.until("the end is acknowledged", func() bool { return w.master.has("ACK " + id + " TASK_FINISHED") })
	var wrote []v1.RunPhase
	for _, s := range w.history(key) {
		if s.Phase != v1.RunPending { // why it waits, if it had to for long
			wrote = append(wrote, s.Phase)
		}
	}
	if diff := cmp.Diff([]v1.RunPhase{v1.RunLaunching, v1.RunRunning, v1.RunSucceeded}, wrote); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	want := v1.RunStatus{Phase: v1.RunSucceeded, Attempts: []v1.Attempt{{
		TaskID: id, AgentID: "S1", Hostname: "node1", AgentURL: "http://node1:5051/slave(1)", State: v1.RunSucceeded, ContainerID: "c-" + id,
		Sandbox: "/var/lib/mesos/agent/slaves/S1/frameworks/F-0001/executors/" + id + "/runs/c-" + id,
	}}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(v1.Time{}, &v1.Time{})); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if a := got.Attempts[0]; a.StartTime == nil || a.FinishTime == nil || a.StartTime.Before(a.LaunchTime.Time) || a.FinishTime.Before(a.StartTime.Time) {
		t.Errorf("times of the attempt: %+v", a)
	}
}

type agentsAt string

func (a agentsAt) WorkDir(string) (string, bool) { return string(a), true }

func TestManyRunsAtOnce(t *testing.T) {
	w := newWorld(t)
	const n = 300
	var keys []store.Key
	for i := range n {
		keys = append(keys, w.createRun(fmt.Sprintf("r%d", i)))
	}
	w.lead()
	for _, key := range keys {
		if s := w.ends(key); s.Phase != v1.RunSucceeded || len(s.Attempts) != 1 {
			t.Errorf("%s: %s with %d attempts", key, s.Phase, len(s.Attempts))
		}
	}
	if launches, accepts := w.master.count("LAUNCH"), w.master.count("ACCEPT"); launches != n || accepts > n/4 {
		t.Errorf("%d launches with %d ACCEPTs, want %d with far fewer", launches, accepts, n)
	}
}

func TestRetries(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = []offer.State{offer.TaskStarting, offer.TaskRunning, offer.TaskFailed}
	w.master.script["r/3"] = []offer.State{offer.TaskRunning, offer.TaskFinished}
	w.lead()
	s := w.ends(w.createRun("r", quickRetries))
	var states []v1.RunPhase
	for _, a := range s.Attempts {
		states = append(states, a.State)
	}
	if diff := cmp.Diff([]v1.RunPhase{v1.RunFailed, v1.RunFailed, v1.RunSucceeded}, states); diff != "" || s.Phase != v1.RunSucceeded {
		t.Errorf("%s, attempts (-want +got):\n%s", s.Phase, diff)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.lead()
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	w.edit(key, func(s *v1.RunSpec) { s.Cancel = true })
	if s := w.ends(key); s.Phase != v1.RunKilled || s.Reason != "Cancelled" || s.Attempts[0].State != v1.RunKilled {
		t.Errorf("status = %+v", s)
	}
}

func TestDeletedRunIsKilledAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.lead()
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	id := w.idOf(key, 1)
	w.remove(key)
	w.until("nothing is left", func() bool { return w.now(key) == nil })
	w.until("its end is acknowledged", func() bool { return w.master.has("ACK " + id + " TASK_KILLED") })
	if !w.master.has("KILL " + id) {
		t.Error("it was not killed")
	}
}

// TestDeletedAndMadeAgain: the new Run begins when the old one's task is dead.
func TestDeletedAndMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.lead()
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	old := w.idOf(key, 1)
	w.master.set(func(m *fakeMaster) { delete(m.script, "r") })
	w.remove(key)
	w.createRun("r")
	w.until("the new one has ended", func() bool { return w.phase(key) == v1.RunSucceeded })
	id := w.idOf(key, 1)
	if id == old {
		t.Fatal("I4: the new Run's task has the old one's id")
	}
	events := strings.Join(w.master.events(), "\n")
	if killed, launched := strings.Index(events, "ACK "+old+" TASK_KILLED"), strings.Index(events, "LAUNCH "+id); killed < 0 || killed > launched {
		t.Errorf("the new one was launched before the old one was dead:\n%s", events)
	}
}

func TestRunsOfAJobThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.master.script["live"] = runsOn
	w.lead()
	live, ended := w.createRun("live"), w.createRun("ended")
	w.until("it runs", func() bool { return w.phase(live) == v1.RunRunning })
	w.ends(ended)
	w.remove(store.JobKey("default", "hello"))
	w.until("nothing is left", func() bool { return w.now(live) == nil && w.now(ended) == nil })
}

// TestI1CrashBetweenIntentAndAccept: the intent is stored, the leader dies, the ACCEPT was never sent. The
// successor asks, hears that nobody knows the task, and launches the next attempt.
func TestI1CrashBetweenIntentAndAccept(t *testing.T) {
	w := newWorld(t)
	var accepting sync.WaitGroup
	accepting.Add(1)
	release := make(chan struct{})
	w.master.onAccept = func(offer.Launch) (bool, error) {
		accepting.Done()
		<-release
		return false, errUnanswered
	}
	first := w.lead()
	key := w.createRun("r")
	accepting.Wait()
	if p := w.phase(key); p != v1.RunLaunching {
		t.Fatalf("phase = %s", p)
	}
	go close(release)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.master.set(func(m *fakeMaster) { m.onAccept = nil })

	w.lead()
	s := w.ends(key)
	if len(s.Attempts) != 2 || !s.Attempts[0].NotStarted || s.Phase != v1.RunSucceeded {
		t.Errorf("status = %+v", s)
	}
}

// TestI9UnansweredAccept: the ACCEPT has arrived, but its answer has not. Reconciliation on the same
// subscription says nothing, and no second attempt is made; after a new subscription the task goes on.
func TestI9UnansweredAccept(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.master.mute = true
	w.master.onAccept = func(l offer.Launch) (bool, error) { return true, errUnanswered }
	resubscribed := make(chan string, 1)
	w.lead(func(c *Config) { c.Resubscribe = func(reason string) { resubscribed <- reason } })
	key := w.createRun("r")
	<-resubscribed
	id := w.idOf(key, 1)
	// An answer that was under way before the ACCEPT arrived.
	w.master.send("a late answer", func(c *Controller) {
		c.Update(offer.Update{TaskID: id, AgentID: "S1", State: offer.TaskUnknown, Reason: mesosReconciliation})
	})
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	w.master.set(func(m *fakeMaster) { m.mute, m.onAccept = false, nil })
	w.master.resubscribe("")
	w.until("it was asked after", func() bool { return w.master.has("UPDATE " + id + " TASK_RUNNING reconciled") })
	w.master.finish(id, offer.TaskFinished)
	if s := w.ends(key); len(s.Attempts) != 1 || s.Phase != v1.RunSucceeded {
		t.Errorf("status = %+v", s)
	}
}

// TestAcceptThatWasNotSent is retried under the next number, and does not count.
func TestAcceptThatWasNotSent(t *testing.T) {
	w := newWorld(t)
	refusals := 2
	w.master.onAccept = func(offer.Launch) (bool, error) {
		if refusals--; refusals >= 0 {
			return false, errNotSent
		}
		return true, nil
	}
	w.lead()
	s := w.ends(w.createRun("r", func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }))
	if len(s.Attempts) != 3 || !s.Attempts[1].NotStarted || s.Phase != v1.RunSucceeded {
		t.Errorf("status = %+v", s)
	}
}

// TestATaskThatCannotBePutIntoMesossWords settles its own attempt, in the write that would have been its
// intent, and nobody else's: the others of its ACCEPT are launched.
func TestATaskThatCannotBePutIntoMesossWords(t *testing.T) {
	w := newWorld(t)
	w.master.agents = 1
	w.master.check = func(task *offer.Task) error {
		if id, _ := ParseTaskID(task.ID); id.Run == "bad" && id.Attempt <= 2 {
			return errors.New("env[0].value: must not be set beside secret")
		}
		return nil
	}
	keys := []store.Key{w.createRun("a"), w.createRun("bad", func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }), w.createRun("c")}
	w.lead()
	for _, key := range keys {
		s := w.ends(key)
		if key.Name != "bad" {
			if len(s.Attempts) != 1 || s.Phase != v1.RunSucceeded {
				t.Errorf("%s: %+v", key, s)
			}
			continue
		}
		if len(s.Attempts) != 3 || s.Phase != v1.RunSucceeded {
			t.Fatalf("%s: %+v", key, s)
		}
		for _, a := range s.Attempts[:2] {
			if !a.NotStarted || a.State != v1.RunLost || a.Message != "the task was not sent to Mesos: env[0].value: must not be set beside secret" {
				t.Errorf("attempt %+v", a)
			}
			if w.master.has("LAUNCH " + a.TaskID) {
				t.Errorf("%s was launched", a.TaskID)
			}
		}
		for _, s := range w.history(key) {
			if n := len(s.Attempts); n > 0 && n <= 2 && s.Attempts[n-1].State == v1.RunLaunching {
				t.Errorf("attempt %d was to be launched: %+v", n, s)
			}
		}
	}
}

// TestI9NothingIsLaunchedBeforeLiveAttemptsAreSettled: while Mesos is silent about a live attempt, nothing is
// launched.
func TestI9NothingIsLaunchedBeforeLiveAttemptsAreSettled(t *testing.T) {
	w := newWorld(t)
	w.master.script["live"] = runsOn
	first := w.lead()
	live := w.createRun("live")
	id := w.idOf(live, 1)
	w.until("it runs, and Mesos knows that we know", func() bool { return w.master.has("ACK " + id + " TASK_RUNNING") })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.master.set(func(m *fakeMaster) { m.mute = true; m.log = nil })

	second := w.lead(func(c *Config) { c.SettleWait = time.Hour })
	waiting := w.createRun("waiting")
	w.until("it is asked after", func() bool { return w.master.has("ASK " + id) })
	w.until("the other says why it waits", func() bool { r := w.now(waiting); return r != nil && r.Object.Status.Reason == "Reconciling" })
	if w.master.count("LAUNCH") > 0 {
		t.Fatal("something was launched")
	}
	second.Update(offer.Update{TaskID: id, AgentID: "S1", State: offer.TaskRunning, Reason: mesosReconciliation})
	if s := w.ends(waiting); s.Phase != v1.RunSucceeded {
		t.Errorf("status = %+v", s)
	}
}

// TestI9SilenceHoldsUpNobodyForEver: after a while only the attempt that Mesos is silent about is waited for;
// it is asked after again, and never replaced.
func TestI9SilenceHoldsUpNobodyForEver(t *testing.T) {
	w := newWorld(t)
	w.master.script["live"] = runsOn
	first := w.lead()
	live := w.createRun("live")
	id := w.idOf(live, 1)
	w.until("it runs, and Mesos knows that we know", func() bool { return w.master.has("ACK " + id + " TASK_RUNNING") })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.master.set(func(m *fakeMaster) { m.mute = true; m.log = nil })

	w.lead(func(c *Config) { c.SettleWait = 10 * time.Millisecond })
	w.ends(w.createRun("other"))
	w.until("it is asked after again and again", func() bool { return w.master.count("ASK "+id) >= 4 })
	if r := w.now(live).Object; r.Status.Phase != v1.RunRunning || len(r.Status.Attempts) != 1 {
		t.Errorf("status of the silent one = %+v", r.Status)
	}
}

// TestUpdateBeforeTheCacheKnows: an update may come before the cache has seen the intent. It is neither dropped
// nor acknowledged.
func TestUpdateBeforeTheCacheKnows(t *testing.T) {
	w := newWorld(t)
	lag := &laggingCache{}
	key := store.RunKey("default", "r")
	w.master.onAccept = func(offer.Launch) (bool, error) {
		lag.freeze(key) // as it was before the intent, which is stored by now
		return true, nil
	}
	w.lead(func(c *Config) { lag.Cache, c.Cache = c.Cache, lag })
	w.createRun("r")
	w.until("an update has come", func() bool { return w.master.count("UPDATE default.r") > 0 })
	if n := w.master.count("ACK") + w.master.count("KILL"); n > 0 {
		t.Fatalf("it was acknowledged or killed:\n%s", strings.Join(w.master.events(), "\n"))
	}
	lag.thaw()
	if s := w.ends(key); s.Phase != v1.RunSucceeded || len(s.Attempts) != 1 {
		t.Errorf("status = %+v", s)
	}
}

// laggingCache shows one Run as it was when it was frozen.
type laggingCache struct {
	Cache
	mu     sync.Mutex
	frozen *store.Run
}

func (l *laggingCache) Run(namespace, name string) *store.Run {
	r := l.Cache.Run(namespace, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen != nil && name == l.frozen.Key.Name {
		return l.frozen
	}
	return r
}

func (l *laggingCache) freeze(key store.Key) {
	r := l.Cache.Run(key.Namespace, key.Name)
	without := *r.Object
	without.Status = v1.RunStatus{}
	entry := *r
	entry.Object, entry.Rev.StatusMod = &without, 0
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = &entry
}

func (l *laggingCache) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = nil
}

// TestIntentThatIsOutOfDateIsNotLaunched: the Run was cancelled after it was placed.
func TestIntentThatIsOutOfDateIsNotLaunched(t *testing.T) {
	w := newWorld(t)
	lag := &laggingCache{}
	key := w.createRun("r")
	w.edit(key, func(s *v1.RunSpec) { s.Cancel = true })
	stale := *w.now(key)
	run := stale.Object.DeepCopy()
	run.Spec.Cancel = false
	stale.Object, stale.Rev.SpecMod = run, stale.Rev.SpecCreate
	lag.frozen = &stale
	c := w.lead(func(c *Config) { lag.Cache, c.Cache = c.Cache, lag })
	w.until("it was tried", func() bool { return w.master.count("OFFERS") > 0 })
	other := w.createRun("other")
	w.ends(other)
	lag.thaw()
	c.cfg.Enqueue(key)
	if s := w.ends(key); s.Phase != v1.RunKilled || len(s.Attempts) != 0 {
		t.Errorf("status = %+v", s)
	}
	if n := w.master.count("LAUNCH"); n != 1 {
		t.Errorf("%d tasks were launched, want the other Run's only", n)
	}
}

func TestUnknownTasksAreKilledAndAcknowledged(t *testing.T) {
	w := newWorld(t)
	w.lead()
	for name, u := range map[string]struct {
		offer.Update
		kill bool
	}{
		"another framework's id":     {offer.Update{TaskID: "app.ab3d", AgentID: "S1", State: offer.TaskRunning, UUID: []byte("1")}, true},
		"a Run that nobody knows":    {offer.Update{TaskID: "default.nobody.7.1", AgentID: "S1", State: offer.TaskRunning, UUID: []byte("2")}, true},
		"the same, dead":             {offer.Update{TaskID: "default.nobody.7.2", AgentID: "S1", State: offer.TaskFinished, UUID: []byte("3")}, false},
		"another framework's, dead":  {offer.Update{TaskID: "app.ab3e", AgentID: "S1", State: offer.TaskKilled, UUID: []byte("4")}, false},
		"one that cannot be reached": {offer.Update{TaskID: "default.nobody.7.3", AgentID: "S1", State: offer.TaskUnreachable, UUID: []byte("5")}, false},
	} {
		t.Run(name, func(*testing.T) {
			w.master.send("stray", func(c *Controller) { c.Update(u.Update) })
			w.until("it is acknowledged", func() bool { return w.master.has(fmt.Sprintf("ACK %s %s", u.TaskID, u.State)) })
			if killed := w.master.has("KILL " + u.TaskID); killed != u.kill {
				t.Errorf("killed: %v, want %v", killed, u.kill)
			}
		})
	}
}

// TestTasksThatNobodyKnowsAreFound: a Run's documents were taken away while nobody led. Its task does not live
// on unseen.
func TestTasksThatNobodyKnowsAreFound(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	first := w.lead()
	key := w.createRun("r")
	id := w.idOf(key, 1)
	w.until("it runs", func() bool { return w.master.has("ACK " + id + " TASK_RUNNING") })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Apply(t.Context(), store.Change{Writes: []store.Write{store.DeleteSpec(key), store.DeleteStatus(key)}}); err != nil {
		t.Fatal(err)
	}
	w.lead()
	w.until("it is killed", func() bool { return w.master.has("ACK " + id + " TASK_KILLED") })
}

// TestI6DeposedLeaderLaunchesNothing: its intent is refused by etcd, and it ends.
func TestI6DeposedLeaderLaunchesNothing(t *testing.T) {
	w := newWorld(t)
	c := w.lead()
	w.ends(w.createRun("before"))
	if _, err := w.etcd.Delete(t.Context(), c.leader); err != nil {
		t.Fatal(err)
	}
	key := w.createRun("after")
	w.until("it has ended", c.ended)
	if err := c.stop(); !errors.Is(err, store.ErrFenced) {
		t.Errorf("error = %v, want ErrFenced", err)
	}
	if w.phase(key) != "" || w.master.count("LAUNCH default.after") > 0 {
		t.Errorf("phase = %s\n%s", w.phase(key), strings.Join(w.master.events(), "\n"))
	}
}

func TestFrameworkRemoved(t *testing.T) {
	w := newWorld(t)
	w.master.script["r/1"] = runsOn
	w.lead()
	key := w.createRun("r", quickRetries)
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	w.master.set(func(m *fakeMaster) {
		clear(m.tasks)
		m.sendLocked("REMOVED", func(c *Controller) { c.Disconnected(nil); c.FrameworkRemoved("F-0001") })
	})
	w.master.resubscribe("")
	s := w.ends(key)
	if len(s.Attempts) != 2 || s.Attempts[0].State != v1.RunLost || s.Attempts[0].Reason != "FRAMEWORK_REMOVED" || s.Phase != v1.RunSucceeded {
		t.Errorf("status = %+v", s)
	}
}

// lostKills is a master that kills never reach.
type lostKills struct{ *fakeMaster }

func (m lostKills) Kill(_ context.Context, ref offer.TaskRef, _ *time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("KILL %s lost", ref.TaskID)
	return nil
}

// TestKilledAgainByTheNextLeader: a kill that did not arrive is sent again, at once by whoever leads next.
func TestKilledAgainByTheNextLeader(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	first := w.lead(func(c *Config) { c.Mesos = lostKills{w.master} })
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	w.edit(key, func(s *v1.RunSpec) { s.Cancel = true })
	w.until("the kill is lost", func() bool { return w.master.has("KILL " + w.idOf(key, 1) + " lost") })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if p := w.phase(key); p != v1.RunRunning {
		t.Fatalf("phase %s while the task lives", p)
	}
	w.lead()
	if s := w.ends(key); s.Phase != v1.RunKilled || s.Reason != "Cancelled" || len(s.Attempts) != 1 {
		t.Errorf("status = %+v", s)
	}
}

// TestLiveAttemptsAreAskedAfterFromTimeToTime: the outcome of a lost update is found by asking; a question
// that is not answered or cannot be sent is asked again.
func TestLiveAttemptsAreAskedAfterFromTimeToTime(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.lead(func(c *Config) { c.ReconcileEvery = 200 * time.Millisecond })
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	id := w.idOf(key, 1)
	asked := w.master.count("ASK " + id)
	w.until("it is asked after, again and again", func() bool { return w.master.count("ASK "+id) > asked+1 })
	w.master.set(func(m *fakeMaster) { delete(m.tasks, id) }) // without an update
	w.until("it is found out", func() bool {
		s := w.now(key).Object.Status
		return s.Attempts[0].State == v1.RunLost
	})
}

func TestAgentLostIsAskedAfter(t *testing.T) {
	w := newWorld(t)
	w.master.script["r"] = runsOn
	w.lead()
	key := w.createRun("r")
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	w.master.send("FAILURE", func(c *Controller) { c.AgentLost("S1") })
	w.until("it is asked after", func() bool { return w.master.has("ASK " + w.idOf(key, 1)) })
	w.master.send("FAILURE", func(c *Controller) { c.AgentLost("S9") })
	if w.phase(key) != v1.RunRunning {
		t.Error("a hint ended it")
	}
}

func TestWaitingRunSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.lead()
	large := w.createRun("large", func(r *v1.Run) { r.Spec.Task.Resources.CPUs = quantity("1000") })
	w.ends(w.createRun("small"))
	w.until("it says why", func() bool { return w.now(large).Object.Status.Reason == "InsufficientCPUs" })
	s := w.now(large).Object.Status
	if s.Phase != v1.RunPending || !strings.HasSuffix(s.Message, "none with 1000 cpus; the best had 100") {
		t.Errorf("status = %+v", s)
	}
	written := map[string]bool{}
	for _, s := range w.history(large) {
		if written[s.Reason] {
			t.Errorf("%s was written again", s.Reason)
		}
		written[s.Reason] = true
	}
}

func TestOffersAreDeclinedAndSuppressedWhenNothingWaits(t *testing.T) {
	w := newWorld(t)
	w.lead(func(c *Config) {
		c.Offers = OfferConfig{Hold: time.Millisecond, MaxHold: time.Millisecond, SuppressAfter: time.Millisecond}
	})
	w.until("offers are suppressed", func() bool { return w.master.has("SUPPRESS") })
	w.ends(w.createRun("r"))
	if !w.master.has("REVIVE") {
		t.Error("offers were not asked for")
	}
}

// TestI1I2I9CrashesAtAnyTime: leaders die at any point of many Runs' lives. Every Run reaches its end, and none
// ran twice.
func TestI1I2I9CrashesAtAnyTime(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	var luck sync.Mutex
	draw := func(n int) int {
		luck.Lock()
		defer luck.Unlock()
		return rng.IntN(n)
	}
	// An ACCEPT may be lost, and so may its answer.
	w.master.onAccept = func(offer.Launch) (bool, error) {
		switch draw(8) {
		case 0:
			return false, errUnanswered
		case 1:
			return true, errUnanswered
		}
		return true, nil
	}
	perhaps := func(c *Config) { c.Resubscribe = w.master.resubscribe }
	var keys []store.Key
	for range 10 {
		c := w.lead(perhaps)
		for range 6 {
			keys = append(keys, w.createRun(fmt.Sprintf("r%d", len(keys))))
		}
		// A little is let happen: so many events more.
		until := len(w.master.events()) + 1 + draw(40)
		w.until("something happens", func() bool { return len(w.master.events()) >= until || allEnded(w, keys) })
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
	}
	w.lead(perhaps)
	for _, key := range keys {
		if s := w.ends(key); s.Phase != v1.RunSucceeded {
			t.Errorf("%s: %+v", key, s)
		}
		if tasks := w.master.tasksOf(key); len(tasks) != 1 {
			t.Errorf("%s ran %d times: %s", key, len(tasks), tasks)
		}
	}
}

func allEnded(w *world, keys []store.Key) bool {
	for _, key := range keys {
		if !w.phase(key).Terminal() {
			return false
		}
	}
	return true
}
