package placement

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"horae/internal/offer"
	"horae/internal/store"
)

// TestKeptPlacementIsByTheBook: whatever came and went before, and although requests that
// fitted nowhere are not tried again, each placement is that of all waiting requests and all held offers. The offers
// that it uses are gone afterwards.
func TestKeptPlacementIsByTheBook(t *testing.T) { rapid.Check(t, keptPlacementIsByTheBook) }

func FuzzKeptPlacementIsByTheBook(f *testing.F) { f.Fuzz(rapid.MakeFuzz(keptPlacementIsByTheBook)) }

// kept is what a placer keeps between placements, beside what it stands for.
type kept struct {
	pool    Offers
	backlog backlog
	held    []offer.Offer
	waiting []*Request
	made    int
	view    *input
}

func keptPlacementIsByTheBook(t *rapid.T) {
	k := &kept{view: situation()}
	k.view.Live, k.view.Agents, k.view.Tasks = map[store.Key][]Site{}, map[string]*offer.Offer{}, map[string]int{}
	steps := map[string]func(*rapid.T){"offers come": k.offersCome, "one is rescinded": k.rescind, "an agent is lost": k.lose, "a Run comes": k.comes, "a Run goes": k.goes, "a Run has changed": k.changes, "an attempt ends": k.ends, "place": k.place}
	steps[""] = func(t *rapid.T) {
		if diff := cmp.Diff(ids(k.held), ids(k.pool.offers())); diff != "" {
			t.Fatalf("offers in the pool (-want +got):\n%s", diff)
		}
		for _, s := range k.pool.shelves {
			checkShelf(t, s)
		}
		checkBacklog(t, &k.backlog, k.waiting)
	}
	t.Repeat(steps)
}

func (k *kept) offersCome(t *rapid.T) {
	offers := drawOffers(t)
	for i := range offers {
		k.made++
		o := &offers[i]
		o.ID = fmt.Sprint("O", k.made)
		o.Resources[3].Ranges = []offer.Range{{Begin: uint64(31000 + 10*k.made), End: uint64(31000 + 10*k.made + rapid.IntRange(0, 9).Draw(t, "more ports"))}}
		if rapid.IntRange(0, 9).Draw(t, "role") == 0 {
			o.Role = "other"
		}
		k.view.Agents[o.AgentID] = o
	}
	k.held = append(k.held, offers...)
	k.pool.Add(slices.Clone(offers))
}

func (k *kept) lost(lost func(*offer.Offer) bool) {
	k.held = slices.DeleteFunc(k.held, func(o offer.Offer) bool { return lost(&o) })
}

func (k *kept) rescind(t *rapid.T) {
	id := fmt.Sprint("O", rapid.IntRange(0, k.made).Draw(t, "id"))
	k.pool.Remove(id)
	k.lost(func(o *offer.Offer) bool { return o.ID == id })
}

func (k *kept) lose(t *rapid.T) {
	id := fmt.Sprint("S", rapid.IntRange(0, 5).Draw(t, "agent"))
	k.pool.RemoveAgent(id)
	k.lost(func(o *offer.Offer) bool { return o.AgentID == id })
}

func (k *kept) comes(t *rapid.T) {
	k.made++
	r := drawRequest(t, k.made)
	k.waiting = append(k.waiting, r)
	k.backlog.add(r)
}

func (k *kept) goes(t *rapid.T) {
	if len(k.waiting) == 0 {
		t.Skip("nobody waits")
	}
	i := rapid.IntRange(0, len(k.waiting)-1).Draw(t, "who")
	k.backlog.remove(k.waiting[i])
	k.waiting = slices.Delete(k.waiting, i, i+1)
}

func (k *kept) changes(t *rapid.T) {
	if len(k.waiting) == 0 {
		t.Skip("nobody waits")
	}
	i := rapid.IntRange(0, len(k.waiting)-1).Draw(t, "who")
	newer := *k.waiting[i]
	newer.Since = newer.Since.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "later")) * time.Second)
	newer.Priority = rapid.Int32Range(0, 1).Draw(t, "priority")
	k.backlog.replace(k.waiting[i], &newer)
	k.waiting[i] = &newer
}

func (k *kept) ends(t *rapid.T) {
	jobs := slices.SortedFunc(maps.Keys(k.view.Live), func(a, b store.Key) int { return strings.Compare(a.String(), b.String()) })
	if len(jobs) == 0 {
		t.Skip("nothing is alive")
	}
	job := rapid.SampledFrom(jobs).Draw(t, "job")
	at := k.view.Live[job][0]
	if k.view.Live[job] = k.view.Live[job][1:]; len(k.view.Live[job]) == 0 {
		delete(k.view.Live, job)
	}
	k.view.Tasks[at.AgentID]--
	k.backlog.retry(func(ps *peers) bool { r := ps.waiting[0]; return r.job == job && r.constraints.others() })
}

func (k *kept) place(t *rapid.T) {
	want := placeByTheBook(k.view, k.waiting, k.held)
	due := k.backlog.due(k.pool.batch)
	v := *k.view
	v.Waiting = due
	batch := k.pool.batch
	p := k.pool.place(&v)
	got := goesTo(&p, k.waiting)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("places (-by the book +got):\n%s", diff)
	}
	for _, ps := range p.ruledOut {
		ps.tried = batch
	}
	for _, a := range p.Agents {
		for _, o := range a.Offers {
			k.lost(func(held *offer.Offer) bool { return held.ID == o.ID })
		}
		for i := range a.Tasks {
			r := a.Tasks[i].Request
			k.backlog.remove(r)
			k.waiting = slices.DeleteFunc(k.waiting, func(o *Request) bool { return o == r })
			k.view.Live[r.job] = append(k.view.Live[r.job], Site{a.AgentID, a.Hostname})
			k.view.Tasks[a.AgentID]++
		}
	}
}

// checkShelf: the bins are in order, where they say, and the index knows them.
func checkShelf(t *rapid.T, s *shelf) {
	var last *bin
	held := 0
	for i, b := range s.bins {
		want := gap
		if b != nil {
			if want = b.node(); b.at != i || last != nil && compareBins(last, b) >= 0 {
				t.Fatalf("bin %d of %d says that it is %d, or is out of order", i, len(s.bins), b.at)
			}
			last = b
			held++
		}
		if s.tree[len(s.bins)+i] != want {
			t.Fatalf("leaf %d is %v, want %v", i, s.tree[len(s.bins)+i], want)
		}
	}
	for i := len(s.bins) - 1; i > 0; i-- {
		if s.tree[i] != better(&s.tree[2*i], &s.tree[2*i+1]) {
			t.Fatalf("node %d is %v", i, s.tree[i])
		}
	}
	if held != s.held || len(s.fresh) > 0 {
		t.Fatalf("%d bins, and %d fresh ones; it says %d", held, len(s.fresh), s.held)
	}
}

// checkBacklog: everybody who waits stands in one line, and among one set of peers.
func checkBacklog(t *rapid.T, b *backlog, waiting []*Request) {
	stand, among := map[*Request]int{}, map[*Request]int{}
	for _, l := range b.lines {
		for _, r := range l.waiting {
			stand[r]++
		}
		if !slices.IsSortedFunc(l.waiting, byAge) {
			t.Fatalf("line %v is out of order", l.lineKey)
		}
	}
	for key, ps := range b.peers {
		for _, r := range ps.waiting {
			if among[r]++; r.peers != ps || r.peersKey() != key {
				t.Fatalf("%s is not among its peers", r.Run.Key)
			}
		}
		if len(ps.waiting) == 0 || !slices.IsSortedFunc(ps.waiting, byAge) {
			t.Fatalf("peers %v are none, or out of order", key)
		}
	}
	once := map[*Request]int{}
	for _, r := range waiting {
		once[r] = 1
	}
	if !maps.Equal(once, stand) || !maps.Equal(once, among) {
		t.Fatalf("%d wait, %d stand in lines, %d have peers", len(once), len(stand), len(among))
	}
}

// TestShelfMovesFew bins on average, in whatever order they come: as many as the square of log n, and not as
// many as there are.
func TestShelfMovesFew(t *testing.T) {
	const n = 4096
	for name, order := range map[string]func(i int) int{
		"rising": func(i int) int { return i }, "falling": func(i int) int { return -i }, "into the middle": func(i int) int { return i * (1 - i%2*2) },
		"into two": func(i int) int { return i % 2 * i }, "mixed": func(i int) int { return i * 2654435761 % n },
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			moved := 0
			before := map[*bin]int{}
			for i := range n {
				b := newBin([]offer.Offer{agent(i, float64(n+order(i)), 100)})
				s.fresh = append(s.fresh, b)
				s.putAll()
				for b, at := range before {
					if b.at != at {
						moved++
						before[b] = b.at
					}
				}
				before[b] = b.at
			}
			if log := bits.Len(n); moved > n*log*log {
				t.Errorf("%d were moved for %d that came", moved, n)
			}
		})
	}
}

// offers are those in the pool, in no order.
func (p *Offers) offers() []offer.Offer {
	all := make([]offer.Offer, 0, len(p.of))
	for _, b := range p.bins {
		all = append(all, b.offers...)
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

// BenchmarkPlaceOne: what one request costs does not grow with the number of offers.
func BenchmarkPlaceOne(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d_offers", n), func(b *testing.B) {
			var p Offers
			for i := range n {
				o := agent(i, 16, 4096)
				o.ID = fmt.Sprint("O", i)
				p.Add([]offer.Offer{o})
			}
			request := []*Request{wants(b, "a", "1", "64Mi")}
			b.ReportAllocs()
			for b.Loop() {
				placed := p.place(situation(request...))
				if len(placed.Agents) != 1 {
					b.Fatal("not placed")
				}
				// What is left of it comes back as an offer of its own in the next round.
				p.Add(placed.Agents[0].Offers)
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
				var p Offers
				p.Add(offers)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/offer")
		})
	}
}
