package run

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"horae/internal/offer"
	"horae/internal/store"
)

// nobody has no Runs, and is told nothing.
type nobody struct{}

func (nobody) Run(string, string) *store.Run                             { return nil }
func (nobody) Runs(string) []*store.Run                                  { return nil }
func (nobody) Kill(context.Context, offer.TaskRef, *time.Duration) error { return nil }
func (nobody) Acknowledge(context.Context, offer.Update) error           { return nil }
func (nobody) Reconcile(context.Context, []offer.TaskRef) error          { return nil }

// TestGateOpensAfterItWasClosed: a conversation that is awake just as a subscription begins, and has nobody to ask after, opens the
// gate at once. The placer must hear that the gate is closed before that, and not after: it would wait for the next subscription.
func TestGateOpensAfterItWasClosed(t *testing.T) {
	c := &conversation{
		runs: nobody{}, talker: nobody{}, flight: &inFlight{}, log: testr.New(t), clock: time.Now,
		settleWait: time.Hour, every: time.Hour, wakeup: make(chan struct{}, 1),
	}
	var told []gateState
	opened, over := make(chan struct{}), make(chan struct{})
	c.gate = func(s gateState) {
		if s == gateReconciling {
			go func() { // what run does
				defer close(over)
				c.begin()
				c.plan(c.clock())
			}()
			select {
			case <-opened: // already
			case <-time.After(50 * time.Millisecond): // it waits for us
			}
		}
		told = append(told, s)
		if s == gateOpen {
			close(opened)
		}
	}
	c.subscribed("f")
	<-over
	if want := []gateState{gateReconciling, gateOpen}; !slices.Equal(told, want) {
		t.Errorf("the placer hears %v, want %v", told, want)
	}
}
