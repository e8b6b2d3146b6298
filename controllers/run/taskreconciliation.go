package run

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// TaskCaller is the part of the driver that asks after tasks, acknowledges their updates, and kills them.
type TaskCaller interface {
	Kill(ctx context.Context, task offer.TaskRef, grace *time.Duration) error
	Acknowledge(ctx context.Context, u offer.Update) error
	Reconcile(ctx context.Context, tasks []offer.TaskRef) error
}

// Runs is the part of the cache that lists and finds Runs.
type Runs interface {
	Run(namespace, name string) *store.Run
	Runs(namespace string) []*store.Run
}

// asksAtATime is how many tasks one RECONCILE names at most: the master answers each with an update.
const asksAtATime = 1000

// taskReconciliation settles with Mesos what became of the live attempts. After each subscription it asks after
// all of them, holds the placer's gate closed until each has been heard of or has been silent for a while (I9),
// and goes on asking, with back-off, after the silent ones alone: a master that has just started says nothing
// of agents that have not come back. What to ask when is decided in settling.go.
//
// One goroutine (run) asks. The other methods record what has happened and return at once.
type taskReconciliation struct {
	runs   Runs
	caller TaskCaller
	flight *inFlight
	log    logr.Logger
	now    func() time.Time
	// gate is called under mu: the placer hears of each state in the order in which they came.
	gate func(gateState)
	// inject hands in an update that Mesos did not send; enqueue has a Run reconciled.
	inject  func(offer.Update)
	enqueue func(store.Key)

	wakeup chan struct{}
	mu     sync.Mutex
	state  settling // guarded by mu
}

// change makes a transition, and wakes run if the transition asks for that.
func (c *taskReconciliation) change(transition func(s *settling) (wake bool)) {
	c.mu.Lock()
	wake := transition(&c.state)
	c.mu.Unlock()
	if !wake {
		return
	}
	select {
	case c.wakeup <- struct{}{}:
	default:
	}
}

func (c *taskReconciliation) subscribed(frameworkID string) {
	c.change(func(s *settling) bool {
		s.subscribed(frameworkID)
		c.flight.void() // I9: what was on its way names offers that this subscription does not know.
		c.gate(gateReconciling)
		return true
	})
}

func (c *taskReconciliation) disconnected() {
	c.change(func(s *settling) bool {
		s.disconnected()
		c.gate(gateDisconnected)
		return false
	})
}

// hear notes that Mesos has reported the task.
func (c *taskReconciliation) hear(taskID string) {
	c.change(func(s *settling) bool { return s.hear(taskID) })
}

func (c *taskReconciliation) ask(refs []offer.TaskRef) {
	c.change(func(s *settling) bool { s.asks = append(s.asks, refs...); return len(refs) > 0 })
}

// unknown takes an update of a task whose id is not one of ours.
func (c *taskReconciliation) unknown(u offer.Update) {
	c.change(func(s *settling) bool { s.unknown = append(s.unknown, u); return true })
}

func (c *taskReconciliation) agentLost(id string) {
	c.change(func(s *settling) bool { s.agentLost(id); return true })
}

func (c *taskReconciliation) frameworkRemoved(id string) {
	c.change(func(s *settling) bool { s.removed = id; return true })
}

// current says which subscription there is, or was last.
func (c *taskReconciliation) current() (epoch int64, framework string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.epoch, c.state.framework
}

// run asks until ctx ends.
func (c *taskReconciliation) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.settleRemoved()
		c.begin()
		q := c.advance()
		if q.all || len(q.agents) > 0 {
			q.ask = append(q.ask, c.live(func(a *v1.Attempt) bool { return q.all || q.agents[a.AgentID] })...)
		}
		next := c.send(ctx, q)
		timer.Reset(max(next.Sub(c.now()), 0))
		select {
		case <-ctx.Done():
			return
		case <-c.wakeup:
		case <-timer.C:
		}
	}
}

// advance decides what to ask now, and opens the gate when it is time.
func (c *taskReconciliation) advance() questions {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.state.next(c.now())
	if q.openGate {
		c.log.Info("Launching", "unsettled", q.unsettled)
		c.gate(gateOpen)
	}
	return q
}

// send makes the calls, and returns when to go on. When a question does not go through all are asked again
// before long.
func (c *taskReconciliation) send(ctx context.Context, q questions) (next time.Time) {
	var err error
	if q.open {
		err = c.caller.Reconcile(ctx, nil)
	}
	for rest := q.ask; len(rest) > 0 && err == nil; rest = rest[min(asksAtATime, len(rest)):] {
		err = c.caller.Reconcile(ctx, rest[:min(asksAtATime, len(rest))])
	}
	next = q.next
	if err != nil && ctx.Err() == nil {
		c.mu.Lock()
		if again := c.state.askFailed(c.now()); again.Before(next) {
			next = again
		}
		c.mu.Unlock()
		c.log.V(1).Info("Questions after tasks did not go through", "tasks", len(q.ask), "error", err.Error())
	}
	for _, u := range q.unknown {
		c.endUnknown(ctx, u)
	}
	return next
}

// settleRemoved ends the attempts of a framework that Mesos has removed: no update will come for them.
func (c *taskReconciliation) settleRemoved() {
	c.mu.Lock()
	removed := c.state.removed
	c.state.removed = ""
	c.mu.Unlock()
	if removed == "" {
		return
	}
	live := c.live(func(*v1.Attempt) bool { return true })
	c.log.Info("Mesos has removed the framework and its tasks; they count as lost", "framework", removed,
		"attempts", len(live))
	for _, ref := range live {
		c.inject(offer.Update{
			TaskID: ref.TaskID, AgentID: ref.AgentID, State: offer.TaskLost, Reason: reasonFrameworkRemoved, Source: "MASTER",
			Timestamp: c.now(), Message: "framework " + removed,
		})
	}
}

// begin finds out which attempts are to be asked after on a new subscription. Whatever changes the answer wakes run.
func (c *taskReconciliation) begin() {
	c.mu.Lock()
	begins, epoch := c.state.begins(), c.state.epoch
	c.mu.Unlock()
	if !begins {
		return
	}
	live := c.live(func(*v1.Attempt) bool { return true })
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.state.begins() || c.state.epoch != epoch {
		return // It is over already, or not the one that they were alive before.
	}
	c.state.begin(live, c.now())
	for _, ref := range live { // What was sent on an earlier subscription, a kill for instance, may not have arrived.
		if id, ok := ParseTaskID(ref.TaskID); ok {
			c.enqueue(id.Key())
		}
	}
	c.log.Info("Asking after live attempts", "attempts", len(live))
}

// live are the tasks of live attempts of which it makes sense to ask.
func (c *taskReconciliation) live(which func(*v1.Attempt) bool) []offer.TaskRef {
	var refs []offer.TaskRef
	for _, r := range c.runs.Runs("") {
		if a := liveAttempt(r); a != nil && which(a) && !c.flight.has(a.TaskID) {
			refs = append(refs, offer.TaskRef{TaskID: a.TaskID, AgentID: a.AgentID})
		}
	}
	return refs
}

// endUnknown acknowledges an update of a task that no Run has, and kills the task if it is not dead.
func (c *taskReconciliation) endUnknown(ctx context.Context, u offer.Update) {
	if !terminal(u.State) && u.State != offer.TaskUnreachable {
		c.log.Info("Killing a task that no Run has", "task", u.TaskID, "state", u.State, "agent", u.AgentID)
		if err := c.caller.Kill(ctx, offer.TaskRef{TaskID: u.TaskID, AgentID: u.AgentID}, nil); err != nil {
			// Not acknowledged either: Mesos sends the update again.
			c.log.V(1).Info("Kill did not go through", "task", u.TaskID, "error", err.Error())
			return
		}
	}
	if u.WantsAck() {
		if err := c.caller.Acknowledge(ctx, u); err != nil {
			c.log.V(1).Info("Acknowledgement did not go through", "task", u.TaskID, "error", err.Error())
		}
	}
}
