package run

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// declining is a master that hears of DECLINE only when there is no err.
type declining struct {
	fakeMaster
	err   error
	heard [][]string
}

func (m *declining) Decline(_ context.Context, ids []string, _ time.Duration) error {
	if m.err == nil {
		m.heard = append(m.heard, ids)
	}
	return m.err
}

func (*declining) Suppress(context.Context, ...string) error { return nil }

// TestOffersAreDeclinedUntilMesosHears: a call can fail while the subscription goes on. An offer that is in
// nobody's hand, and ours as far as Mesos knows, would be offered to nobody any more.
func TestOffersAreDeclinedUntilMesosHears(t *testing.T) {
	now, m := t0, &declining{err: errors.New("401")}
	p := New(Config{Roles: []string{"horae"}, Mesos: m, Now: func() time.Time { return now }, Enqueue: func(store.Key) {}, Offers: OfferConfig{Hold: time.Second}}).placer
	p.gate = gateOpen
	p.post(note{offers: []offer.Offer{agent(1, 1, 1000), agent(2, 1, 1000)}})
	p.read()
	next := p.callMesos(t.Context())
	for range 3 {
		now = next
		if next = p.callMesos(t.Context()); next.Sub(now) > declinePause {
			t.Fatalf("declined in vain, and then not for %s", next.Sub(now))
		}
	}
	m.err = nil
	now = now.Add(declinePause)
	p.callMesos(t.Context())
	now = now.Add(time.Hour)
	p.callMesos(t.Context())
	if diff := cmp.Diff([][]string{{"O1", "O2"}}, m.heard); diff != "" {
		t.Errorf("Mesos heard (-want +got):\n%s", diff)
	}
	// With the subscription the offers end.
	m.err = errors.New("broken pipe")
	p.post(note{offers: []offer.Offer{agent(3, 1, 1000)}})
	p.read()
	now = now.Add(time.Hour)
	p.callMesos(t.Context())
	m.err = nil
	for _, g := range []gateState{gateDisconnected, gateReconciling, gateOpen} {
		p.post(note{gate: &g})
	}
	p.read()
	now = now.Add(time.Hour)
	if p.callMesos(t.Context()); len(m.heard) != 1 {
		t.Errorf("Mesos heard %v: offers of another subscription", m.heard[1:])
	}
}

// TestOffersComeBackWithinASubscription: the offers of an ACCEPT that was not sent are held again,
// unless another subscription has begun meanwhile.
func TestOffersComeBackWithinASubscription(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile []gateState
		want      int
	}{
		"the same":                  {want: 1},
		"it has ended":              {meanwhile: []gateState{gateDisconnected}},
		"another":                   {meanwhile: []gateState{gateDisconnected, gateReconciling, gateOpen}},
		"another, and not yet open": {meanwhile: []gateState{gateReconciling}},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(Config{Roles: []string{"horae"}, Mesos: &fakeMaster{}, Enqueue: func(store.Key) {}}).placer
			for _, g := range []gateState{gateReconciling, gateOpen} {
				p.post(note{gate: &g})
			}
			p.read()
			before := p.subscription
			for _, g := range tt.meanwhile {
				p.post(note{gate: &g})
			}
			p.post(note{offers: []offer.Offer{agent(1, 1, 1000)}, back: before})
			if p.read(); p.held.offers.Len() != tt.want {
				t.Errorf("%d offers are held, want %d", p.held.offers.Len(), tt.want)
			}
		})
	}
}

// TestTheEndOfADeletedRunMakesRoom: a Run whose spec is gone does not say of which Job it was, and those of its
// Job that wait for room are tried again all the same.
func TestTheEndOfADeletedRunMakesRoom(t *testing.T) {
	unique := constrained(one("hostname", v1.OpUnique, "")...)
	first, second := wants(t, "first", "1", "1Mi", unique), wants(t, "second", "1", "1Mi", unique)
	gone := &store.Run{Key: first.Run.Key, Object: &v1.Run{}, Rev: store.Revisions{StatusMod: 20}}
	for name, end := range map[string]func(*Controller){
		"its end is seen": func(c *Controller) { c.gather(gone, nil) },
		"it is gone":      func(c *Controller) { c.forget(first.Run.Key) },
		"it is not stored": func(c *Controller) {
			r := &round{tasks: []offer.Task{{ID: "t"}}, writes: []intent{{run: first.Run}}}
			_ = c.placer.stored(t.Context(), r, []error{store.ErrConflict})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(Config{Roles: []string{"horae"}, Mesos: &fakeMaster{}, Enqueue: func(store.Key) {}})
			c.live.placed(first, "S1", "node1")
			c.placer.want(second)
			c.placer.post(note{offers: []offer.Offer{agent(1, 1, 1000)}})
			c.placer.read()
			tried := func() int { return c.placer.queue.Place(&c.placer.held.offers, c.placer.live, t0).Tried }
			if tried() != 1 || tried() != 0 {
				t.Fatal("what was tried in vain is to be tried once")
			}
			end(c)
			c.placer.read()
			if n := tried(); n != 1 {
				t.Errorf("%d are tried again, want 1", n)
			}
		})
	}
}
