package run

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/callback"
	"horae/internal/offer"
	"horae/internal/store"
)

// model is a Run that is planned for over and over, by a controller that may crash between any two steps, while
// Mesos says anything in any order. It stands for etcd: run is what is stored.
type model struct {
	run  *store.Run
	now  time.Time
	box  []offer.Update // came, and not dealt with
	uuid int
	// launched are all task ids that ever were; ended says how each attempt's end was first stored.
	launched map[string]bool
	ended    map[string]v1.RunPhase
	acked    map[string]bool
	removed  bool
	// callback is what callbacks have reported; reported are the outcomes that were stored, by attempt.
	callback *store.Callback
	reported map[string]v1.RunPhase
}

var anyState = []offer.State{
	offer.TaskStaging, offer.TaskStarting, offer.TaskRunning, offer.TaskKilling, offer.TaskFinished, offer.TaskFailed, offer.TaskKilled,
	offer.TaskError, offer.TaskLost, offer.TaskDropped, offer.TaskUnreachable, offer.TaskGone, offer.TaskGoneByOperator, offer.TaskUnknown,
}

var anyReason = []string{"", "", "RECONCILIATION", "INVALID_OFFERS", "AGENT_DISCONNECTED", "AGENT_DRAINING", "MAX_COMPLETION_TIME_REACHED", "NOT_SENT", "EXECUTOR_TERMINATED"}

// TestI2I4I7I8Model: whatever Mesos says in whatever order, and however often the controller crashes, task ids
// never repeat (I4), what has ended stays as it ended (I7), an acknowledged update's effect is stored (I2), and
// nothing cached is modified (I8).
func TestI2I4I7I8Model(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			now: t0, launched: map[string]bool{}, ended: map[string]v1.RunPhase{}, acked: map[string]bool{}, reported: map[string]v1.RunPhase{},
			run: testRun(func(r *v1.Run) {
				r.Spec.Retries.Limit = ptr(int32(rapid.IntRange(0, 3).Draw(t, "limit")))
				r.Spec.Retries.OnLost = ptr(rapid.Bool().Draw(t, "on lost"))
				r.Spec.Retries.Jitter = rapid.Bool().Draw(t, "jitter")
				if rapid.Bool().Draw(t, "timeout") {
					r.Spec.Timeout = seconds(30)
				}
				if rapid.IntRange(0, 3).Draw(t, "deadline") == 0 {
					r.Spec.Deadline = seconds(600)
				}
				if rapid.Bool().Draw(t, "async") {
					r.Spec.Async = &v1.Async{}
					if rapid.Bool().Draw(t, "async timeout") {
						r.Spec.Async.Timeout = seconds(45)
					}
				}
				if rapid.Bool().Draw(t, "replace") {
					r.Spec.Unreachable = &v1.Unreachable{After: seconds(20), Then: v1.UnreachableReplace}
				}
			}),
		}
		t.Repeat(map[string]func(*rapid.T){
			"mesos says something": func(t *rapid.T) {
				n := len(m.launched)
				if n == 0 {
					t.Skip("nothing was launched")
				}
				m.uuid++
				u := update(rapid.IntRange(1, n).Draw(t, "attempt"), rapid.SampledFrom(anyState).Draw(t, "state"), because(rapid.SampledFrom(anyReason).Draw(t, "reason")))
				u.UUID = nil
				if rapid.Bool().Draw(t, "wants ack") {
					u.UUID = fmt.Appendf(nil, "%d", m.uuid)
				}
				u.Timestamp = m.now
				m.box = append(m.box, u)
			},
			"mesos repeats itself": func(t *rapid.T) {
				if len(m.box) == 0 {
					t.Skip("it has said nothing")
				}
				m.box = append(m.box, rapid.SampledFrom(m.box).Draw(t, "update"))
			},
			"somebody calls back": func(t *rapid.T) { m.callBack(t) },
			"time passes": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "ms")) * time.Millisecond)
			},
			"the user cancels": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					m.change(func(r *v1.Run) { r.Spec.Cancel = true })
				}
			},
			"the controller plans": func(t *rapid.T) { m.plan(t, rapid.IntRange(0, 4).Draw(t, "crash")) },
		})
	})
}

// change makes the next entry of the cache: the old one stays as it is.
func (m *model) change(f func(*v1.Run)) {
	e, obj := *m.run, m.run.Object.DeepCopy()
	f(obj)
	e.Object = obj
	e.Rev.StatusMod++
	m.run = &e
}

// callBack is a callback of any attempt, as a manager takes it: it is stored if the attempt is alive.
func (m *model) callBack(t *rapid.T) {
	attempts := m.run.Object.Status.Attempts
	if len(attempts) == 0 {
		return
	}
	a := &attempts[len(attempts)-1]
	if a.State.Terminal() {
		return // 410
	}
	c := &v1.Callback{ID: fmt.Sprint(rapid.IntRange(1, 5).Draw(t, "id"))}
	switch rapid.IntRange(0, 2).Draw(t, "callback") {
	case 0:
		c.Phase = rapid.SampledFrom([]v1.RunPhase{v1.RunSucceeded, v1.RunFailed}).Draw(t, "outcome")
	case 1:
		c.Progress = ptr(rapid.Int64Range(0, 10).Draw(t, "progress"))
	case 2:
		c.ProgressAdd = ptr(rapid.Int64Range(0, 10).Draw(t, "more progress"))
	}
	var before *v1.CallbackDocument
	if m.callback != nil {
		before = &m.callback.CallbackDocument
	}
	next, repeated, err := callback.Merge(before, a, m.run.Object.Spec.Async != nil, c, m.now)
	if err != nil || repeated {
		return
	}
	m.uuid++
	m.callback = &store.Callback{CallbackDocument: *next, Revision: int64(m.uuid)}
	if next.Outcome != nil {
		m.reported[a.TaskID] = next.Outcome.Phase
	}
}

func (m *model) plan(t *rapid.T, crash int) {
	if m.removed {
		return
	}
	facts := Facts{InFlight: rapid.IntRange(0, 5).Draw(t, "in flight") == 0, Progress: progress(rapid.IntRange(0, 2).Draw(t, "progress"))}
	before := m.run.Object.DeepCopy()
	d := Plan(Input{Run: m.run, Callback: m.callback, Updates: m.box, Facts: facts}, m.now)
	seen := m.callback
	if rapid.IntRange(0, 3).Draw(t, "a callback comes meanwhile") == 0 {
		m.callBack(t)
	}
	if !sameStatus(&before.Status, &m.run.Object.Status) {
		t.Fatalf("I8: the cached status was modified")
	}
	if d.Launch && liveAttempt(m.run) != nil && d.Status == nil {
		t.Fatalf("a second attempt is wanted beside a live one")
	}
	for _, u := range d.AckNow {
		m.noEffect(t, u)
	}
	if crash == 0 {
		return // before anything was stored: nothing was acknowledged but what has no effect
	}
	if (d.DropCallback || d.GuardCallback) && m.callback != seen {
		return // The guard does not hold: nothing is written.
	}
	if d.DropCallback {
		m.callback = nil
	}
	if d.Status != nil {
		m.change(func(r *v1.Run) { r.Status = *d.Status.DeepCopy() })
	}
	m.invariants(t, before)
	if crash == 1 {
		return // after the write, before the acknowledgement: Mesos says it again
	}
	for _, u := range d.AckAfter {
		m.noEffect(t, u)
	}
	m.box = nil
	if d.Launch && d.Status == nil {
		id := NextTask(m.run)
		if m.launched[id.String()] {
			t.Fatalf("I4: task id %s is used again", id)
		}
		m.launched[id.String()] = true
		m.change(func(r *v1.Run) {
			r.Status = Launched(r, v1.Attempt{TaskID: id.String(), AgentID: "S0", State: v1.RunLaunching, LaunchTime: v1.NewTime(m.now)})
		})
		m.invariants(t, m.run.Object)
	}
}

// noEffect: what was acknowledged is never heard of again, so that its effect must be stored by now, or there
// is none (I2). An answer that was not to be trusted while an ACCEPT was under way is the exception: it is
// asked for again.
func (m *model) noEffect(t *rapid.T, u offer.Update) {
	if !u.WantsAck() {
		t.Fatalf("an acknowledgement that nobody wants: %+v", u)
	}
	if u.State == offer.TaskUnknown || u.State == offer.TaskGone || u.State == offer.TaskRunning || u.State == offer.TaskUnreachable {
		return // Reachable and not, again and again: only the last one counts.
	}
	for _, so := range []progress{sent, staged, started} {
		p := newPlan(Input{Run: m.run, Facts: Facts{Progress: so}}, m.now)
		before := p.status
		before.Attempts = append([]v1.Attempt(nil), p.status.Attempts...)
		p.read(u)
		if !sameStatus(&before, &p.status) {
			t.Fatalf("I2: %s of %s was acknowledged, but its effect is not stored", u.State, u.TaskID)
		}
	}
}

func (m *model) invariants(t *rapid.T, before *v1.Run) {
	now := m.run.Object.Status
	if before.Status.Phase.Terminal() && now.Phase != before.Status.Phase {
		t.Fatalf("I7: an ended Run went from %s to %s", before.Status.Phase, now.Phase)
	}
	counted := 0
	for i, a := range now.Attempts {
		if !a.State.Terminal() && i != len(now.Attempts)-1 {
			t.Fatalf("attempt %s is live, and not the last", a.TaskID)
		}
		if !a.State.Terminal() && now.Phase.Terminal() {
			t.Fatalf("the Run has ended %s with attempt %s live", now.Phase, a.TaskID)
		}
		if !a.NotStarted {
			counted++
		}
		if end, ok := m.ended[a.TaskID]; ok && end != a.State {
			t.Fatalf("I7: attempt %s ended %s and is now %s", a.TaskID, end, a.State)
		}
		if a.State.Terminal() {
			m.ended[a.TaskID] = a.State
			if outcome, ok := m.reported[a.TaskID]; ok && a.State != outcome {
				t.Fatalf("attempt %s was reported %s and ended %s", a.TaskID, outcome, a.State)
			} else if !ok && a.State == v1.RunSucceeded && m.run.Object.Spec.Async != nil {
				t.Fatalf("attempt %s succeeded without its callback", a.TaskID)
			}
			if a.FinishTime == nil || a.FinishTime.After(m.now) {
				t.Fatalf("attempt %s ended at %v", a.TaskID, a.FinishTime)
			}
		}
	}
	if most := int(*m.run.Object.Spec.Retries.Limit) + 1; counted > most {
		t.Fatalf("%d attempts count, %d are allowed", counted, most)
	}
	if now.Phase.Terminal() != (now.FinishTime != nil) {
		t.Fatalf("phase %s, finished at %v", now.Phase, now.FinishTime)
	}
}
