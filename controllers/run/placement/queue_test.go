package placement

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// nothing is alive.
type nothing struct{}

func (nothing) Usage() map[string]Need { return nil }
func (nothing) Tasks() map[string]int  { return nil }
func (nothing) Sites(store.Key) []Site { return nil }

// TestExplainReportsWhatIsWorthIt: a reason after a moment, another reason at a bounded rate, other numbers
// rarely, an unknown role at once.
func TestExplainReportsWhatIsWorthIt(t *testing.T) {
	q := NewQueue(Config{Roles: []string{"horae"}, AssumedDuration: time.Hour})
	var offers Offers
	now := t0
	q.Put(wants(t, "waits", "8", "1Mi"))
	q.Put(wants(t, "stranger", "8", "1Mi", func(r *v1.Run) { r.Spec.Task.Role = "etl" }))
	explained := func(closed Why) map[string]string {
		m := map[string]string{}
		due, next := q.Explain(closed, now)
		for _, e := range due {
			m[e.Run.Name] = e.Why.Reason
		}
		if next != now.Add(explainEvery) {
			t.Errorf("asked again at %s, want %s", next, now.Add(explainEvery))
		}
		return m
	}
	offering := func(n int) {
		offers.Add([]offer.Offer{agent(n, 1, 1000)})
		if p := q.Place(&offers, nothing{}, now); len(p.Agents) > 0 {
			t.Fatal("a place was found")
		}
	}
	offering(1)
	for _, step := range []struct {
		after  time.Duration
		do     func()
		closed Why
		want   map[string]string
	}{
		{want: map[string]string{"stranger": waitUnknownRole}},
		{after: explainAfter, want: map[string]string{"waits": waitDimension[cpus]}},
		{after: time.Second, do: func() { offering(2) }, want: map[string]string{}}, // other numbers
		{after: time.Second, closed: Why{"Closed", ""}, want: map[string]string{}},  // another reason, a moment after
		{after: reasonEvery, closed: Why{"Closed", ""}, want: map[string]string{"waits": "Closed"}},
		{after: reasonEvery, want: map[string]string{"waits": waitDimension[cpus]}},
		{after: numbersEvery - time.Second, do: func() { offering(3) }, want: map[string]string{}},
		{after: time.Second, want: map[string]string{"waits": waitDimension[cpus]}},
		{after: 10 * numbersEvery, want: map[string]string{}}, // nothing new
	} {
		now = now.Add(step.after)
		if step.do != nil {
			step.do()
		}
		if diff := cmp.Diff(step.want, explained(step.closed)); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", now.Sub(t0), diff)
		}
	}
	// What replaces a request and waits for the same goes on from its last explanation.
	q.Put(wants(t, "waits", "8", "1Mi"))
	now = now.Add(time.Second)
	if got := explained(Why{}); len(got) > 0 {
		t.Errorf("reported again: %v", got)
	}
}

// crowd is a queue of Runs, and offers of which none has room for any of them.
type crowd struct {
	*Queue
	offers Offers
	now    time.Time
}

// crowded has n Runs of a shape of BenchmarkPlace and so many agents' offers.
func crowded(b *testing.B, shape string, n, agents int) *crowd {
	q := &crowd{Queue: NewQueue(Config{Roles: []string{"horae"}, Ageing: time.Minute, AssumedDuration: time.Hour}), now: t0.Add(time.Minute)}
	for i := range n {
		q.Put(wants(b, fmt.Sprint("r", i), "100m", "32Mi", func(r *v1.Run) { benchShapes[shape](i, r) }))
	}
	var offers []offer.Offer
	for i := range agents {
		offers = append(offers, agentInRack(i, 0.01))
	}
	q.offered(offers...)
	if n := q.place(); n > 0 {
		b.Fatalf("%d have found a place", n)
	}
	return q
}

func (q *crowd) offered(offers ...offer.Offer) {
	q.offers.Add(offers)
	q.Meet(offers)
}

// place returns how many agents got something.
func (q *crowd) place() int { return len(q.Place(&q.offers, nothing{}, q.now).Agents) }

func agentInRack(n int, cpus float64) offer.Offer {
	o := agent(n, cpus, 64000)
	o.Attributes = []offer.Attribute{text("dc", "north"), text("rack", fmt.Sprint("rack-", n%10))}
	return o
}

// BenchmarkRound is the cost of one new request while many wait that fit nowhere.
func BenchmarkRound(b *testing.B) {
	for _, shape := range []string{"one shape", "mixed", "each another", "unique"} {
		for _, n := range []int{100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("an offer for nobody/%s/%d", shape, n), func(b *testing.B) {
				q := crowded(b, shape, n, 1_000)
				for b.Loop() {
					q.offered(agentInRack(5000, 0.05))
					if n := q.place(); n > 0 {
						b.Fatalf("%d have found a place", n)
					}
					q.offers.RemoveAgent("S5000")
				}
			})
		}
	}
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("an offer for one/mixed/%d", n), func(b *testing.B) {
			q := crowded(b, "mixed", n, 1_000)
			small := wants(b, "small", "50m", "32Mi")
			for b.Loop() {
				q.Put(small)
				q.offered(agentInRack(5000, 0.05))
				if q.place() != 1 {
					b.Fatal("it has found no place")
				}
			}
		})
		b.Run(fmt.Sprintf("one more that fits nowhere/mixed/%d", n), func(b *testing.B) {
			q := crowded(b, "mixed", n, 1_000)
			more := wants(b, "more", "50m", "32Mi")
			for b.Loop() {
				q.Put(more)
				if q.place() > 0 {
					b.Fatal("it has found a place")
				}
				q.Remove(more.Run.Key)
			}
		})
	}
}

// BenchmarkWhys is the cost, each second, of finding whether the reasons why Runs wait have changed:
// after nothing has happened, and after each of them was tried once more in vain.
func BenchmarkWhys(b *testing.B) {
	for _, shape := range []string{"mixed", "each another", "unique"} {
		for _, n := range []int{1_000, 10_000} {
			for _, tried := range []string{"nothing new", "tried again", "maintenance planned"} {
				b.Run(fmt.Sprintf("%s/%d/%s", shape, n, tried), func(b *testing.B) {
					q := crowded(b, shape, n, 1_000)
					if tried == "maintenance planned" {
						o := agentInRack(6000, 0.01)
						o.Unavailable = &offer.Window{Start: t0.Add(10 * time.Minute), Duration: time.Hour}
						q.offered(o)
						q.place()
					}
					for b.Loop() {
						if tried == "tried again" {
							b.StopTimer()
							q.offered(agentInRack(5000, 0.05))
							q.place()
							q.offers.RemoveAgent("S5000")
							b.StartTimer()
						}
						q.now = q.now.Add(explainEvery)
						q.Explain(Why{}, q.now)
					}
				})
			}
		}
	}
}
