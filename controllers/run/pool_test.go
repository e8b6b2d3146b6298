package run

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"horae/internal/offer"
)

// TestPoolPlacesAsIfItWereNew: whatever came and went before, a placement is that of the offers in the pool, and those that it
// uses are gone afterwards.
func TestPoolPlacesAsIfItWereNew(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var p pool
		held := map[string]offer.Offer{}
		made, wanted := 0, 0
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"add", "add", "remove", "agent", "place"}).Draw(rt, "step") {
			case "add":
				var offers []offer.Offer
				for range rapid.IntRange(1, 6).Draw(rt, "offers") {
					made++
					o := agent(rapid.IntRange(0, 9).Draw(rt, "agent"), float64(rapid.IntRange(1, 4).Draw(rt, "cpus")), 256)
					o.ID = fmt.Sprint("O", made)
					o.Role = rapid.SampledFrom([]string{"horae", "horae", "other"}).Draw(rt, "role")
					offers, held[o.ID] = append(offers, o), o
				}
				p.add(offers)
			case "remove":
				id := fmt.Sprint("O", rapid.IntRange(1, made+1).Draw(rt, "id"))
				p.remove(id)
				delete(held, id)
			case "agent":
				id := agent(rapid.IntRange(0, 9).Draw(rt, "agent"), 1, 1).AgentID
				p.removeAgent(id)
				for k, o := range held {
					if o.AgentID == id {
						delete(held, k)
					}
				}
			case "place":
				var waiting []*Request
				for range rapid.IntRange(1, 5).Draw(rt, "requests") {
					wanted++
					waiting = append(waiting, wants(t, fmt.Sprint("r", wanted), fmt.Sprintf("%d", rapid.IntRange(1, 5).Draw(rt, "want")), "64Mi"))
				}
				want := Place(view(waiting...), sortedOffers(held))
				got := p.place(view(waiting...))
				if diff := cmp.Diff(fates(want), fates(got)); diff != "" {
					rt.Fatalf("placement of a kept pool (-new +kept):\n%s", diff)
				}
				for _, a := range got.Agents {
					for _, o := range a.Offers {
						delete(held, o.ID)
					}
				}
			}
			if diff := cmp.Diff(ids(sortedOffers(held)), ids(p.offers())); diff != "" {
				rt.Fatalf("offers in the pool (-want +got):\n%s", diff)
			}
		}
	})
}

// offers are those in the pool, in no order.
func (p *pool) offers() []offer.Offer {
	all := make([]offer.Offer, 0, len(p.of))
	for _, b := range p.bins {
		all = append(all, b.offers...)
	}
	return all
}

// fates are who goes where, with which offers, and why the rest waits.
func fates(p Placement) []string {
	var all []string
	for _, a := range p.Agents {
		for _, task := range a.Tasks {
			all = append(all, fmt.Sprint(task.Run.Key.Name, " on ", a.AgentID, " of ", ids(a.Offers)))
		}
	}
	for _, r := range p.Waiting {
		all = append(all, fmt.Sprint(r.Run.Key.Name, " waits: ", p.Why(r)))
	}
	return all
}

func sortedOffers(m map[string]offer.Offer) []offer.Offer {
	var all []offer.Offer
	for i := 1; len(all) < len(m); i++ {
		if o, ok := m[fmt.Sprint("O", i)]; ok {
			all = append(all, o)
		}
	}
	return all
}

func ids(offers []offer.Offer) []string {
	names := []string{}
	for i := range offers {
		names = append(names, offers[i].ID)
	}
	slices.Sort(names)
	return names
}

// BenchmarkPlaceOne: what one request costs does not grow with the offers in hand.
func BenchmarkPlaceOne(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d_offers", n), func(b *testing.B) {
			var p pool
			for i := range n {
				o := agent(i, 16, 4096)
				o.ID = fmt.Sprint("O", i)
				p.add([]offer.Offer{o})
			}
			p.sort()
			request := []*Request{wants(b, "a", "1", "64Mi")}
			b.ReportAllocs()
			for b.Loop() {
				placed := p.place(view(request...))
				if len(placed.Agents) != 1 {
					b.Fatal("not placed")
				}
				// What is left of it comes back as an offer of its own in the next round.
				p.add(placed.Agents[0].Offers)
			}
		})
	}
}

// BenchmarkPoolAdd: thousands of offers in one batch cost the same each.
func BenchmarkPoolAdd(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d_offers", n), func(b *testing.B) {
			var offers []offer.Offer
			for i := range n {
				offers = append(offers, agent(i, 16, 4096))
			}
			for b.Loop() {
				var p pool
				p.add(offers)
				p.sort()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/offer")
		})
	}
}
