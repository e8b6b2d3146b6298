package run

import (
	"fmt"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

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
