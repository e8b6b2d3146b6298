package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// fakeMaster is a master with its agents, at the interface: it launches the tasks that it accepts, sends a task's next
// update once the one before is acknowledged, and holds everybody to I1, I2 and I4 by reading etcd.
type fakeMaster struct {
	w *world

	mu sync.Mutex
	// The fields below are guarded by mu.
	log        []string
	subscriber *Controller
	queue      []func(*Controller) // events, in order
	wakeup     chan struct{}

	agents     int
	offers     int               // made so far
	held       map[string]string // offer by agent, while it is out
	filtered   map[string]bool   // agents that were declined
	suppressed bool

	tasks  map[string]*fakeTask
	script map[string][]offer.State // by Run: what becomes of its tasks, the n-th by name/n; default: starts, runs, finishes
	mute   bool                     // questions are not answered
	// onAccept decides whether an ACCEPT arrives and what its sender hears; nil: it does.
	onAccept func(l offer.Launch) (arrives bool, answer error)
	// check says what is wrong with a task; nil: nothing ever is.
	check func(*offer.Task) error
}

// fakeTask is a task as its agent knows it.
type fakeTask struct {
	offer.Task
	states []offer.State // the first one was sent and is not acknowledged
	state  offer.State   // the last one sent
}

// subscribe begins a subscription, which ends the one before.
func (m *fakeMaster) subscribe(c *Controller) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscriber, m.queue, m.wakeup = c, nil, make(chan struct{}, 1)
	m.held, m.filtered, m.suppressed = map[string]string{}, map[string]bool{}, false
	m.sendLocked("SUBSCRIBED", func(c *Controller) { c.Subscribed("F-0001") })
	m.allocateLocked()
	for _, t := range m.tasks {
		m.updateLocked(t) // What is not acknowledged is sent again.
	}
}

// resubscribe is a subscription of the same controller.
func (m *fakeMaster) resubscribe(string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("RESUBSCRIBE")
	m.sendLocked("DISCONNECTED", func(c *Controller) { c.Disconnected(nil) })
	m.held, m.filtered, m.suppressed = map[string]string{}, map[string]bool{}, false
	m.sendLocked("SUBSCRIBED", func(c *Controller) { c.Subscribed("F-0001") })
	m.allocateLocked()
}

// deliver hands events to the subscriber, one at a time, as the driver does, until ctx ends.
func (m *fakeMaster) deliver(ctx context.Context) {
	m.mu.Lock()
	c, wakeup := m.subscriber, m.wakeup
	m.mu.Unlock()
	for {
		m.mu.Lock()
		var events []func(*Controller)
		if m.subscriber == c {
			events, m.queue = m.queue, nil
		}
		m.mu.Unlock()
		for _, e := range events {
			e(c)
		}
		select {
		case <-ctx.Done():
			return
		case <-wakeup:
		}
	}
}

func (m *fakeMaster) sendLocked(what string, f func(*Controller)) {
	m.noteLocked("%s", what)
	m.queue = append(m.queue, f)
	select {
	case m.wakeup <- struct{}{}:
	default:
	}
}

// send delivers an event that a test makes up.
func (m *fakeMaster) send(what string, f func(*Controller)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sendLocked(what, f)
}

func (m *fakeMaster) noteLocked(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
	m.w.notify()
}

func (m *fakeMaster) events() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

func (m *fakeMaster) has(event string) bool { return slices.Contains(m.events(), event) }

func (m *fakeMaster) count(prefix string) int {
	n := 0
	for _, e := range m.events() {
		if strings.HasPrefix(e, prefix) {
			n++
		}
	}
	return n
}

// tasksOf are the tasks of the Run that an agent has run.
func (m *fakeMaster) tasksOf(key store.Key) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id := range m.tasks {
		if t, _ := ParseTaskID(id); t.Key() == key {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *fakeMaster) set(f func(*fakeMaster)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

// allocateLocked offers every agent that is not offered, unless it was declined.
func (m *fakeMaster) allocateLocked() {
	if m.suppressed {
		return
	}
	var offers []offer.Offer
	for i := 1; i <= m.agents; i++ {
		o := agent(i, 100, 100000)
		if m.held[o.AgentID] != "" || m.filtered[o.AgentID] {
			continue
		}
		m.offers++
		o.ID = fmt.Sprint("O", m.offers)
		m.held[o.AgentID] = o.ID
		offers = append(offers, o)
	}
	if len(offers) > 0 {
		m.sendLocked("OFFERS", func(c *Controller) { c.Offers(offers) })
	}
}

// giveBackLocked takes offers back and says whether all were valid.
func (m *fakeMaster) giveBackLocked(ids []string) (agents []string, valid bool) {
	valid = true
	for _, id := range ids {
		found := false
		for a, held := range m.held {
			if held == id {
				delete(m.held, a)
				agents, found = append(agents, a), true
			}
		}
		valid = valid && found
	}
	return agents, valid
}

// Accept is the ACCEPT call.
func (m *fakeMaster) Accept(_ context.Context, l offer.Launch) error {
	for _, t := range l.Tasks {
		id, _ := ParseTaskID(t.ID)
		run := m.w.now(id.Key())
		if run == nil || !slices.ContainsFunc(run.Object.Status.Attempts, func(a v1.Attempt) bool { return a.TaskID == t.ID }) {
			m.w.t.Errorf("I1: ACCEPT of %s, which etcd does not know", t.ID)
		}
	}
	m.mu.Lock()
	arrives, answer := true, error(nil)
	onAccept := m.onAccept
	m.mu.Unlock()
	if onAccept != nil {
		arrives, answer = onAccept(l)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !arrives {
		m.noteLocked("ACCEPT lost")
		return answer
	}
	m.noteLocked("ACCEPT %d", len(l.Tasks))
	_, valid := m.giveBackLocked(l.OfferIDs)
	for _, task := range l.Tasks {
		m.noteLocked("LAUNCH %s", task.ID)
		if m.tasks[task.ID] != nil {
			m.w.t.Errorf("I4: task id %s is used again", task.ID)
		}
		if !valid {
			u := offer.Update{TaskID: task.ID, AgentID: task.AgentID, State: offer.TaskDropped, Reason: "INVALID_OFFERS", Source: "MASTER"}
			m.sendLocked("UPDATE "+task.ID+" TASK_DROPPED", func(c *Controller) { c.Update(u) })
			continue
		}
		id, _ := ParseTaskID(task.ID)
		states, ok := m.script[fmt.Sprintf("%s/%d", id.Run, id.Attempt)]
		if !ok {
			states, ok = m.script[id.Run]
		}
		if !ok {
			states = []offer.State{offer.TaskStarting, offer.TaskRunning, offer.TaskFinished}
		}
		t := &fakeTask{Task: task, states: slices.Clone(states)}
		m.tasks[task.ID] = t
		m.updateLocked(t)
	}
	m.allocateLocked()
	return answer
}

// updateLocked sends the task's first state that is not acknowledged.
func (m *fakeMaster) updateLocked(t *fakeTask) {
	if len(t.states) == 0 {
		return
	}
	t.state = t.states[0]
	u := offer.Update{
		TaskID: t.ID, AgentID: t.AgentID, State: t.state, Source: "EXECUTOR", UUID: []byte(t.ID + " " + string(t.state)), Timestamp: time.Now(),
		ContainerID: "c-" + t.ID,
	}
	m.sendLocked("UPDATE "+t.ID+" "+string(t.state), func(c *Controller) { c.Update(u) })
}

// Decline is the DECLINE call.
func (m *fakeMaster) Decline(_ context.Context, ids []string, refuse time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("DECLINE %d", len(ids))
	agents, _ := m.giveBackLocked(ids)
	for _, a := range agents {
		m.filtered[a] = refuse > 0
	}
	return nil
}

// Revive is the REVIVE call.
func (m *fakeMaster) Revive(context.Context, ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("REVIVE")
	m.suppressed = false
	clear(m.filtered)
	m.allocateLocked()
	return nil
}

// Suppress is the SUPPRESS call.
// Check finds nothing wrong with a task, unless the test does.
func (m *fakeMaster) Check(t *offer.Task) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.check == nil {
		return nil
	}
	return m.check(t)
}

func (m *fakeMaster) Suppress(context.Context, ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("SUPPRESS")
	m.suppressed = true
	return nil
}

// Acknowledge is the ACKNOWLEDGE call.
func (m *fakeMaster) Acknowledge(_ context.Context, u offer.Update) error {
	id, ok := ParseTaskID(u.TaskID)
	if ok {
		if run := m.w.now(id.Key()); run != nil {
			for _, a := range run.Object.Status.Attempts {
				if a.TaskID == u.TaskID && (u.State == offer.TaskRunning && a.State == v1.RunLaunching || terminal(u.State) && !a.TaskEnded()) {
					m.w.t.Errorf("I2: %s of %s was acknowledged while etcd has %s", u.State, u.TaskID, a.State)
				}
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("ACK %s %s", u.TaskID, u.State)
	if t := m.tasks[u.TaskID]; t != nil && len(t.states) > 0 && string(u.UUID) == t.ID+" "+string(t.states[0]) {
		t.states = t.states[1:]
		m.updateLocked(t)
	}
	return nil
}

// AcceptInverse is the ACCEPT_INVERSE_OFFERS call.
func (m *fakeMaster) AcceptInverse(_ context.Context, ids []string, _ time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("ACCEPT_INVERSE %v", slices.Sorted(slices.Values(ids)))
	return nil
}

// DeclineInverse is the DECLINE_INVERSE_OFFERS call.
func (m *fakeMaster) DeclineInverse(_ context.Context, ids []string, _ time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("DECLINE_INVERSE %v", slices.Sorted(slices.Values(ids)))
	return nil
}

// Kill is the KILL call.
func (m *fakeMaster) Kill(_ context.Context, ref offer.TaskRef, _ *time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noteLocked("KILL %s", ref.TaskID)
	switch t := m.tasks[ref.TaskID]; {
	case t == nil:
		m.answerLocked(ref, offer.TaskUnknown)
	case len(t.states) > 0:
		t.states = []offer.State{t.states[0], offer.TaskKilled}
	case !terminal(t.state):
		t.states = []offer.State{offer.TaskKilled}
		m.updateLocked(t)
	}
	return nil
}

// Reconcile is the RECONCILE call.
func (m *fakeMaster) Reconcile(_ context.Context, refs []offer.TaskRef) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(refs) == 0 && !m.mute {
		for _, t := range m.tasks {
			if !terminal(t.state) {
				m.answerLocked(offer.TaskRef{TaskID: t.ID, AgentID: t.AgentID}, t.state)
			}
		}
	}
	for _, ref := range refs {
		m.noteLocked("ASK %s", ref.TaskID)
		if m.mute {
			continue
		}
		switch t := m.tasks[ref.TaskID]; {
		case t == nil:
			m.answerLocked(ref, offer.TaskUnknown)
		case terminal(t.state) && len(t.states) == 0:
			m.answerLocked(ref, offer.TaskGone)
		default:
			m.answerLocked(ref, t.state)
		}
	}
	return nil
}

func (m *fakeMaster) answerLocked(ref offer.TaskRef, state offer.State) {
	u := offer.Update{TaskID: ref.TaskID, AgentID: ref.AgentID, State: state, Reason: mesosReconciliation, Source: "MASTER", Timestamp: time.Now()}
	m.sendLocked("UPDATE "+ref.TaskID+" "+string(state)+" reconciled", func(c *Controller) { c.Update(u) })
}

// finish lets a task that runs on come to its end.
func (m *fakeMaster) finish(taskID string, state offer.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tasks[taskID]
	if t.states = append(t.states, state); len(t.states) == 1 {
		m.updateLocked(t)
	}
}
