package run

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"horae/internal/offer"
	"horae/internal/store"
)

// nobody has no Runs, and ignores every update.
type nobody struct{}

func (nobody) Run(string, string) *store.Run                             { return nil }
func (nobody) Runs(string) []*store.Run                                  { return nil }
func (nobody) Kill(context.Context, offer.TaskRef, *time.Duration) error { return nil }
func (nobody) Acknowledge(context.Context, offer.Update) error           { return nil }
func (nobody) Reconcile(context.Context, []offer.TaskRef) error          { return nil }

// busy has no Runs, and something happens each time it is asked for them.
type busy struct {
	nobody
	happens func()
}

func (b *busy) Runs(string) []*store.Run {
	b.happens()
	return nil
}

// TestRemovalIsSettledBeforeAnythingIsLaunched: what lives when a framework's removal is settled counts as
// lost. So the gate stays closed until it is, whenever the removal and the next subscription come: what was
// launched since is not the removed framework's.
func TestRemovalIsSettledBeforeAnythingIsLaunched(t *testing.T) {
	for name, comes := range map[string]struct{ first, meanwhile func(*taskReconciliation) }{
		"after the look for removals": {first: func(c *taskReconciliation) { c.frameworkRemoved("f1"); c.subscribed("f2") }},
		"as the living are counted": {
			first:     func(c *taskReconciliation) { c.subscribed("f1") },
			meanwhile: func(c *taskReconciliation) { c.disconnected(); c.frameworkRemoved("f1"); c.subscribed("f2") },
		},
		"another subscription alone": { // the live attempts were not counted yet
			first:     func(c *taskReconciliation) { c.subscribed("f1") },
			meanwhile: func(c *taskReconciliation) { c.disconnected(); c.subscribed("f1") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			open := false
			runs := &busy{happens: func() {}}
			c := &taskReconciliation{
				runs: runs, caller: nobody{}, flight: &inFlight{}, log: testr.New(t), now: time.Now, gate: func(s gateState) { open = s == gateOpen },
				state: settling{wait: time.Hour, every: time.Hour}, wakeup: make(chan struct{}, 1),
			}
			look := func() {
				c.begin()
				c.advance()
			}
			c.settleRemoved()
			comes.first(c)
			if comes.meanwhile != nil {
				runs.happens = sync.OnceFunc(func() { comes.meanwhile(c) })
			}
			if look(); open {
				t.Fatal("the gate is open")
			}
			select {
			case <-c.wakeup:
			default:
				t.Fatal("nothing makes it look again")
			}
			c.settleRemoved()
			if look(); !open {
				t.Error("the gate is closed")
			}
		})
	}
}

// TestGateOpensAfterItWasClosed: a taskReconciliation that is awake just as a subscription begins, and has
// nobody to ask after, opens the gate at once. The placer must hear that the gate is closed before that, and
// not after: it would wait for the next subscription.
func TestGateOpensAfterItWasClosed(t *testing.T) {
	c := &taskReconciliation{
		runs: nobody{}, caller: nobody{}, flight: &inFlight{}, log: testr.New(t), now: time.Now,
		state: settling{wait: time.Hour, every: time.Hour}, wakeup: make(chan struct{}, 1),
	}
	var states []gateState
	opened, over := make(chan struct{}), make(chan struct{})
	c.gate = func(s gateState) {
		if s == gateReconciling {
			go func() { // what run does
				defer close(over)
				c.begin()
				c.advance()
			}()
			select {
			case <-opened: // already
			case <-time.After(50 * time.Millisecond): // it waits for us
			}
		}
		states = append(states, s)
		if s == gateOpen {
			close(opened)
		}
	}
	c.subscribed("f")
	<-over
	if want := []gateState{gateReconciling, gateOpen}; !slices.Equal(states, want) {
		t.Errorf("the placer gets %v, want %v", states, want)
	}
}
