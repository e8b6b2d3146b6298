package run

import (
	"context"
	"errors"
	"fmt"
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

// TestOffersAreDeclinedUntilMesosHears: a call can fail while the subscription goes on. An offer that is in nobody's hand, and ours as
// far as Mesos knows, would be offered to nobody any more.
func TestOffersAreDeclinedUntilMesosHears(t *testing.T) {
	now, m := t0, &declining{err: errors.New("401")}
	p := New(Config{Roles: []string{"horae"}, Mesos: m, Clock: func() time.Time { return now }, Enqueue: func(store.Key) {}, Hand: HandConfig{Hold: time.Second}}).placer
	p.gate = gateOpen
	p.tell(note{offers: []offer.Offer{agent(1, 1, 1000), agent(2, 1, 1000)}})
	p.read()
	next := p.say(t.Context())
	for range 3 {
		now = next
		if next = p.say(t.Context()); next.Sub(now) > declinePause {
			t.Fatalf("declined in vain, and then not for %s", next.Sub(now))
		}
	}
	m.err = nil
	now = now.Add(declinePause)
	p.say(t.Context())
	now = now.Add(time.Hour)
	p.say(t.Context())
	if diff := cmp.Diff([][]string{{"O1", "O2"}}, m.heard); diff != "" {
		t.Errorf("Mesos heard (-want +got):\n%s", diff)
	}
	// With the subscription the offers end.
	m.err = errors.New("broken pipe")
	p.tell(note{offers: []offer.Offer{agent(3, 1, 1000)}})
	p.read()
	now = now.Add(time.Hour)
	p.say(t.Context())
	m.err = nil
	for _, g := range []gateState{gateDisconnected, gateReconciling, gateOpen} {
		p.tell(note{gate: &g})
	}
	p.read()
	now = now.Add(time.Hour)
	if p.say(t.Context()); len(m.heard) != 1 {
		t.Errorf("Mesos heard %v: offers of another subscription", m.heard[1:])
	}
}

// TestOffersComeBackWithinASubscription: what an ACCEPT that was not sent would have used is in hand again, unless another subscription
// has begun meanwhile.
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
				p.tell(note{gate: &g})
			}
			p.read()
			before := p.subscription
			for _, g := range tt.meanwhile {
				p.tell(note{gate: &g})
			}
			p.tell(note{offers: []offer.Offer{agent(1, 1, 1000)}, back: before})
			if p.read(); p.hand.offers.has() != tt.want {
				t.Errorf("%d offers in hand, want %d", p.hand.offers.has(), tt.want)
			}
		})
	}
}

// TestTheEndOfADeletedRunMakesRoom: a Run whose spec is gone does not say of which Job it was, and those of its Job that wait for room
// are tried again all the same.
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
			c.census.placed(first, "S1", "node1")
			c.placer.want(second)
			c.placer.read()
			c.placer.backlog.due(1) // It was tried in vain.
			end(c)
			c.placer.read()
			if due := c.placer.backlog.due(1); len(due) != 1 {
				t.Errorf("%d are tried again, want 1", len(due))
			}
		})
	}
}

// crowded is a placer with the gate open, n Runs of a shape of BenchmarkPlace that wait, and so many agents' offers in hand, of which
// none has room for any of them.
func crowded(b *testing.B, shape string, n, agents int) (p *placer, now *time.Time) {
	now = new(time.Time)
	*now = t0.Add(time.Minute)
	c := New(Config{
		Roles: []string{"horae"}, Mesos: &fakeMaster{}, Clock: func() time.Time { return *now }, Enqueue: func(store.Key) {}, Place: PlaceConfig{Ageing: time.Minute, AssumedDuration: time.Hour},
	})
	p = c.placer
	p.gate, p.tellWhy = gateOpen, func(store.Key, Why) {}
	for i := range n {
		p.want(wants(b, fmt.Sprint("r", i), "100m", "32Mi", func(r *v1.Run) { benchShapes[shape](i, r) }))
	}
	var offers []offer.Offer
	for i := range agents {
		offers = append(offers, agentInRack(i, 0.01))
	}
	p.tell(note{offers: offers})
	p.read()
	if rounds := p.place(); len(rounds) > 0 {
		b.Fatalf("%d have found a place", len(rounds))
	}
	return p, now
}

func agentInRack(n int, cpus float64) offer.Offer {
	o := agent(n, cpus, 64000)
	o.Attributes = []offer.Attribute{text("dc", "north"), text("rack", fmt.Sprint("rack-", n%10))}
	return o
}

// BenchmarkRound is what something new costs while many wait for whom there is no place.
func BenchmarkRound(b *testing.B) {
	for _, shape := range []string{"one shape", "mixed", "each another", "unique"} {
		for _, n := range []int{100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("an offer for nobody/%s/%d", shape, n), func(b *testing.B) {
				p, _ := crowded(b, shape, n, 1_000)
				for b.Loop() {
					p.tell(note{offers: []offer.Offer{agentInRack(5000, 0.05)}})
					p.read()
					if rounds := p.place(); len(rounds) > 0 {
						b.Fatalf("%d have found a place", len(rounds))
					}
					p.hand.offers.removeAgent("S5000")
				}
			})
		}
	}
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("an offer for one/mixed/%d", n), func(b *testing.B) {
			p, _ := crowded(b, "mixed", n, 1_000)
			small := wants(b, "small", "50m", "32Mi")
			for b.Loop() {
				p.want(small)
				p.tell(note{offers: []offer.Offer{agentInRack(5000, 0.05)}})
				p.read()
				if rounds := p.place(); len(rounds) != 1 {
					b.Fatal("it has found no place")
				}
				p.census.remove(small.Run.Key)
			}
		})
		b.Run(fmt.Sprintf("one more for whom there is none/mixed/%d", n), func(b *testing.B) {
			p, _ := crowded(b, "mixed", n, 1_000)
			more := wants(b, "more", "50m", "32Mi")
			for b.Loop() {
				p.want(more)
				p.read()
				if rounds := p.place(); len(rounds) > 0 {
					b.Fatal("it has found a place")
				}
				p.drop(more.Run.Key)
				p.read()
			}
		})
	}
}

// BenchmarkWhys is what it costs, each second, to see whether there is something new to be told about why Runs wait: after nothing has
// happened, and after each of them was tried once more in vain.
func BenchmarkWhys(b *testing.B) {
	for _, shape := range []string{"mixed", "each another", "unique"} {
		for _, n := range []int{1_000, 10_000} {
			for _, tried := range []string{"nothing new", "tried again", "maintenance planned"} {
				b.Run(fmt.Sprintf("%s/%d/%s", shape, n, tried), func(b *testing.B) {
					p, now := crowded(b, shape, n, 1_000)
					if tried == "maintenance planned" {
						o := agentInRack(6000, 0.01)
						o.Unavailable = &offer.Window{Start: t0.Add(10 * time.Minute), Duration: time.Hour}
						p.tell(note{offers: []offer.Offer{o}})
						p.read()
						p.place()
					}
					for b.Loop() {
						if tried == "tried again" {
							b.StopTimer()
							p.tell(note{offers: []offer.Offer{agentInRack(5000, 0.05)}})
							p.read()
							p.place()
							p.hand.offers.removeAgent("S5000")
							b.StartTimer()
						}
						*now = now.Add(whyTick)
						p.tellWhys(*now)
					}
				})
			}
		}
	}
}
