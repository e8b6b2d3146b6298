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

// Talker is the part of the driver that asks, answers and kills.
type Talker interface {
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

// askFailedPause is when all are asked again after a question that did not go through: it may have been the one that matters.
const askFailedPause = 30 * time.Second

// conversation settles with Mesos what became of the live attempts. After each subscription it asks after all of them, holds
// the placer's gate closed until each has been heard of or has been silent for settleWait (I9), and goes on asking, with
// back-off, after the silent ones alone: a master that has just started says nothing of agents that have not come back.
//
// One goroutine (run) asks; the handler's methods leave it what has happened and go on.
type conversation struct {
	runs   Runs
	talker Talker
	flight *inFlight
	log    logr.Logger
	clock  func() time.Time
	// gate is called under mu: the placer hears of each state in the order in which they came.
	gate func(gateState)
	// pretend hands in an update that Mesos did not send; enqueue has a Run reconciled.
	pretend func(offer.Update)
	enqueue func(store.Key)
	// settleWait is how long the gate waits for those who are silent; every is the period of asking after all.
	settleWait, every time.Duration

	mu     sync.Mutex
	wakeup chan struct{}
	// The fields below are guarded by mu.
	epoch     int64 // counts subscriptions
	connected bool
	framework string
	fresh     bool   // a subscription that run has not seen yet
	removed   string // a framework that Mesos has removed with all its tasks
	lostAgent map[string]bool
	asks      []offer.TaskRef
	strays    []offer.Update
	// unsettled are the tasks that were asked after and not heard of since; nil until they are known. heard are those heard of
	// before that.
	unsettled map[string]offer.TaskRef
	heard     map[string]bool
	openGate  bool

	// The fields below belong to run's goroutine.
	round   int       // of asking after the unsettled
	nextAt  time.Time // of the next round
	allAt   time.Time // of the next question after all
	askOpen bool      // the master has not been asked for what we do not know
}

func (c *conversation) wake() {
	select {
	case c.wakeup <- struct{}{}:
	default:
	}
}

func (c *conversation) subscribed(frameworkID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.connected, c.fresh, c.framework = true, true, frameworkID
	c.unsettled, c.heard, c.openGate = nil, map[string]bool{}, false
	c.asks = nil
	c.flight.void() // I9: what was on its way names offers that this subscription does not know.
	c.gate(gateReconciling)
	c.wake()
}

func (c *conversation) disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.fresh, c.unsettled, c.openGate = false, false, nil, false
	c.gate(gateDisconnected)
}

// hear notes that Mesos has spoken of the task.
func (c *conversation) hear(taskID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.unsettled != nil:
		if _, ok := c.unsettled[taskID]; ok {
			delete(c.unsettled, taskID)
			if len(c.unsettled) == 0 {
				c.wake()
			}
		}
	case c.heard != nil:
		c.heard[taskID] = true
	}
}

func (c *conversation) ask(refs []offer.TaskRef) {
	if len(refs) == 0 {
		return
	}
	c.mu.Lock()
	c.asks = append(c.asks, refs...)
	c.mu.Unlock()
	c.wake()
}

// stray takes an update of a task whose id is not one of ours.
func (c *conversation) stray(u offer.Update) {
	c.mu.Lock()
	c.strays = append(c.strays, u)
	c.mu.Unlock()
	c.wake()
}

func (c *conversation) agentLost(id string) {
	c.mu.Lock()
	if c.lostAgent == nil {
		c.lostAgent = map[string]bool{}
	}
	c.lostAgent[id] = true
	c.mu.Unlock()
	c.wake()
}

func (c *conversation) frameworkRemoved(id string) {
	c.mu.Lock()
	c.removed = id
	c.mu.Unlock()
	c.wake()
}

// current says which subscription there is, or was last.
func (c *conversation) current() (epoch int64, framework string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch, c.framework
}

// talk is what is to be said at one time.
type talk struct {
	ask    []offer.TaskRef
	strays []offer.Update
	// agents are to be asked after with all their tasks; all: everybody is.
	agents map[string]bool
	all    bool
	// open: also ask the master what it knows to be alive, which may be tasks that no Run has.
	open bool
	next time.Time
}

// run talks until ctx ends.
func (c *conversation) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.settleRemoved()
		c.begin()
		t := c.plan(c.clock())
		if t.all || len(t.agents) > 0 {
			t.ask = append(t.ask, c.live(func(a *v1.Attempt) bool { return t.all || t.agents[a.AgentID] })...)
		}
		c.say(ctx, &t)
		timer.Reset(max(time.Until(t.next), 0))
		select {
		case <-ctx.Done():
			return
		case <-c.wakeup:
		case <-timer.C:
		}
	}
}

// say makes the calls. When a question does not go through all are asked again before long.
func (c *conversation) say(ctx context.Context, t *talk) {
	var err error
	if t.open {
		err = c.talker.Reconcile(ctx, nil)
	}
	for ; len(t.ask) > 0 && err == nil; t.ask = t.ask[min(asksAtATime, len(t.ask)):] {
		err = c.talker.Reconcile(ctx, t.ask[:min(asksAtATime, len(t.ask))])
	}
	if err != nil && ctx.Err() == nil {
		if again := c.clock().Add(min(askFailedPause, c.every)); again.Before(c.allAt) {
			c.allAt = again
			if again.Before(t.next) {
				t.next = again
			}
		}
		c.log.V(1).Info("Questions after tasks did not go through", "tasks", len(t.ask), "reason", err.Error())
	}
	for _, u := range t.strays {
		c.sendAway(ctx, u)
	}
}

// settleRemoved ends the attempts of a framework that Mesos has removed: no update will tell.
func (c *conversation) settleRemoved() {
	c.mu.Lock()
	removed := c.removed
	c.removed = ""
	c.mu.Unlock()
	if removed == "" {
		return
	}
	live := c.live(func(*v1.Attempt) bool { return true })
	c.log.Info("Mesos has removed the framework and its tasks; they count as lost", "framework", removed, "attempts", len(live))
	for _, ref := range live {
		c.pretend(offer.Update{
			TaskID: ref.TaskID, AgentID: ref.AgentID, State: offer.TaskLost, Reason: reasonFrameworkRemoved, Source: "MASTER", Timestamp: c.clock(),
			Message: "framework " + removed,
		})
	}
}

// begin finds out who is to be asked after on a new subscription.
func (c *conversation) begin() {
	c.mu.Lock()
	begins, epoch := c.beginsLocked(), c.epoch
	c.mu.Unlock()
	if !begins {
		return
	}
	live := c.live(func(*v1.Attempt) bool { return true })
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.beginsLocked() || c.epoch != epoch {
		return // It is over already, or not the one that they were alive before.
	}
	c.fresh, c.unsettled = false, make(map[string]offer.TaskRef, len(live))
	for _, ref := range live {
		if !c.heard[ref.TaskID] {
			c.unsettled[ref.TaskID] = ref
		}
	}
	c.heard = nil
	for _, ref := range live { // What was sent on an earlier subscription, a kill for instance, may not have arrived.
		if id, ok := ParseTaskID(ref.TaskID); ok {
			c.enqueue(id.Key())
		}
	}
	c.round, c.nextAt, c.askOpen = 0, time.Time{}, true
	c.allAt = c.clock().Add(c.every)
	c.log.Info("Asking after live attempts", "attempts", len(live))
}

// beginsLocked reports whether there is a new subscription, and nothing left to be settled before it: what a removed framework had is
// lost, and what is launched from now on is not. Whatever changes the answer wakes run.
func (c *conversation) beginsLocked() bool { return c.fresh && c.removed == "" }

// plan says what to ask now, and opens the gate when it is time.
func (c *conversation) plan(now time.Time) talk {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := talk{strays: c.strays, next: now.Add(time.Hour)}
	c.strays = nil
	if !c.connected || c.unsettled == nil {
		return t
	}
	t.ask, c.asks = c.asks, nil
	// 1. Those who have not been heard of since the subscription, with back-off.
	if len(c.unsettled) > 0 && !now.Before(c.nextAt) {
		for _, ref := range c.unsettled {
			t.ask = append(t.ask, ref)
		}
		c.nextAt = now.Add(doubled(c.settleWait, c.round, repeatMax))
		c.round++
	}
	if len(c.unsettled) > 0 {
		t.next = c.nextAt
	}
	// 2. The gate opens when all are settled, or when the second question after those who are silent is due (I9).
	if !c.openGate && (len(c.unsettled) == 0 || c.round > 1) {
		c.openGate = true
		c.log.Info("Launching", "unsettled", len(c.unsettled))
		c.gate(gateOpen)
	}
	// 3. Hints, and everybody from time to time.
	t.agents, c.lostAgent = c.lostAgent, nil
	if t.all = !now.Before(c.allAt); t.all {
		c.allAt = now.Add(c.every)
	}
	t.open, c.askOpen = c.askOpen || t.all, false
	if c.allAt.Before(t.next) {
		t.next = c.allAt
	}
	return t
}

// live are the tasks of live attempts of which it makes sense to ask.
func (c *conversation) live(which func(*v1.Attempt) bool) []offer.TaskRef {
	var refs []offer.TaskRef
	for _, r := range c.runs.Runs("") {
		if a := liveAttempt(r); a != nil && which(a) && !c.flight.has(a.TaskID) {
			refs = append(refs, offer.TaskRef{TaskID: a.TaskID, AgentID: a.AgentID})
		}
	}
	return refs
}

// liveAttempt is the Run's attempt that may be alive, also that of an earlier incarnation; nil: none.
func liveAttempt(r *store.Run) *v1.Attempt {
	obj := objectOf(r)
	if n := len(obj.Status.Attempts); n > 0 && !obj.Status.Attempts[n-1].State.Terminal() {
		return &obj.Status.Attempts[n-1]
	}
	return nil
}

// objectOf is the Run whose status it is: an earlier incarnation's, if that is not at rest.
func objectOf(r *store.Run) *v1.Run {
	if r.Earlier != nil {
		return r.Earlier
	}
	return r.Object
}

// sendAway acknowledges an update of a task that no Run has, and kills the task if it is not dead.
func (c *conversation) sendAway(ctx context.Context, u offer.Update) {
	if !terminal(u.State) && u.State != offer.TaskUnreachable {
		c.log.Info("Killing a task that no Run has", "task", u.TaskID, "state", u.State, "agent", u.AgentID)
		if err := c.talker.Kill(ctx, offer.TaskRef{TaskID: u.TaskID, AgentID: u.AgentID}, nil); err != nil {
			// Not acknowledged either: Mesos tells again.
			c.log.V(1).Info("Kill did not go through", "task", u.TaskID, "reason", err.Error())
			return
		}
	}
	if u.WantsAck() {
		if err := c.talker.Acknowledge(ctx, u); err != nil {
			c.log.V(1).Info("Acknowledgement did not go through", "task", u.TaskID, "reason", err.Error())
		}
	}
}
