package placement

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// reference is docs/placement.md, word for word and without any of the shortcuts of Place: whoever has the next
// turn looks at every bin, and everything is counted anew each time.
type reference struct {
	v      *input
	bins   []*bin // in the order in which they are filled
	placed map[*bin][]*Request
	used   map[string]Need // by namespace
	served map[lineKey]time.Time
	total  Need
	lines  map[lineKey][]*Request
}

// placeByTheBook says where each request goes; "": it waits.
func placeByTheBook(v *input, waiting []*Request, offers []offer.Offer) map[store.Key]string {
	ref := &reference{v: v, placed: map[*bin][]*Request{}, used: map[string]Need{}, served: map[lineKey]time.Time{}, lines: map[lineKey][]*Request{}}
	maps.Copy(ref.used, v.Usage)
	maps.Copy(ref.served, v.Served)
	together := map[agentRole][]offer.Offer{}
	for _, o := range offers {
		at := agentRole{o.AgentID, o.Role}
		together[at] = append(together[at], o)
	}
	for _, offers := range together {
		b := newBin(offers)
		ref.bins = append(ref.bins, b)
		ref.total.Plus(&b.free)
	}
	slices.SortFunc(ref.bins, compareBins)
	for _, used := range v.Usage {
		ref.total.Plus(&used)
	}
	for _, r := range waiting {
		ref.lines[r.lineKey()] = append(ref.lines[r.lineKey()], r)
	}
	fates := map[store.Key]string{}
	var again []*Request
	put := func(r *Request) bool {
		b := ref.best(r)
		if b == nil {
			fates[r.Run.Key] = ""
			return false
		}
		b.take(r, new([]offer.Resource))
		ref.placed[b] = append(ref.placed[b], r)
		fates[r.Run.Key] = b.offers[0].AgentID
		return true
	}
	for len(ref.lines) > 0 {
		r := ref.next()
		if put(r) {
			used := ref.used[r.Run.Key.Namespace]
			used.Plus(&r.shape.Need)
			ref.used[r.Run.Key.Namespace], ref.served[r.lineKey()] = used, v.Now
		} else if len(r.constraints.even) > 0 {
			again = append(again, r)
		}
	}
	for before := -1; before != len(again); {
		before = len(again)
		again = slices.DeleteFunc(again, put)
	}
	return fates
}

// next takes the one whose turn it is out of its line.
func (ref *reference) next() *Request {
	share := func(l lineKey) float64 {
		most := 0.0
		for d, n := range ref.used[l.namespace].amount {
			if ref.total.amount[d] > 0 {
				most = max(most, float64(n)/float64(ref.total.amount[d]))
			}
		}
		return most
	}
	front := func(l lineKey) *Request {
		return slices.MinFunc(ref.lines[l], func(a, b *Request) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.lot, b.lot), strings.Compare(a.Run.Key.Name, b.Run.Key.Name))
		})
	}
	bid := func(l lineKey) int64 {
		waited := ref.v.Now.Sub(later(front(l).Since, ref.served[l]))
		if ref.v.Config.Ageing <= 0 || waited < 0 {
			return int64(l.priority)
		}
		return int64(l.priority) + int64(waited/ref.v.Config.Ageing)
	}
	l := slices.MinFunc(slices.Collect(maps.Keys(ref.lines)), func(a, b lineKey) int {
		return cmp.Or(cmp.Compare(bid(b), bid(a)), cmp.Compare(share(a), share(b)), ref.served[a].Compare(ref.served[b]), strings.Compare(a.namespace, b.namespace), cmp.Compare(b.priority, a.priority))
	})
	r := front(l)
	if ref.lines[l] = slices.DeleteFunc(ref.lines[l], func(o *Request) bool { return o == r }); len(ref.lines[l]) == 0 {
		delete(ref.lines, l)
	}
	return r
}

// best is the bin that the request goes to, or nil.
func (ref *reference) best(r *Request) *bin {
	var fitting []*bin
	for _, b := range ref.bins {
		if b.offers[0].Role == r.shape.role && b.fits(&r.shape) && r.constraints.unmet(&b.offers[0]) == nil && !ref.maintained(r, b) && ref.allowed(r, b) {
			fitting = append(fitting, b)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	// 0. Agents to be avoided come last of all.
	others := slices.DeleteFunc(slices.Clone(fitting), func(b *bin) bool { return slices.Contains(r.Avoid, b.offers[0].AgentID) })
	if len(others) > 0 {
		fitting = others
	}
	// 1. GroupBy: the value with the fewest; of equal ones that of the first bin of all.
	if len(r.constraints.even) > 0 {
		attribute := r.constraints.even[0].Attribute
		var values []string
		for _, b := range ref.bins {
			if l := labelOf(&b.offers[0], attribute); b.offers[0].Role == r.shape.role && l != noLabel && !slices.Contains(values, l) {
				values = append(values, l)
			}
		}
		counts, _ := ref.counts(r.job, attribute)
		slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
		for _, value := range values {
			of := slices.DeleteFunc(slices.Clone(fitting), func(b *bin) bool { return labelOf(&b.offers[0], attribute) != value })
			if len(of) > 0 {
				fitting = of
				break
			}
		}
	}
	if !r.shape.spread {
		return fitting[0]
	}
	// 2. Spread: the fewest tasks; of equal ones the one with the most free.
	rank := func(b *bin) (hasGPUs bool, tasks int) {
		return b.whole.amount[gpus] > 0 && r.shape.amount[gpus] == 0, ref.v.Tasks[b.offers[0].AgentID] + len(ref.placed[b])
	}
	best := fitting[0]
	for _, b := range fitting[1:] {
		g1, n1 := rank(best)
		g2, n2 := rank(b)
		if g1 && !g2 || g1 == g2 && n2 <= n1 {
			best = b
		}
	}
	return best
}

func (ref *reference) maintained(r *Request, b *bin) bool {
	ends, _ := r.ends(ref.v.Now, ref.v.Config.AssumedDuration)
	return slices.ContainsFunc(b.offers, func(o offer.Offer) bool {
		w := o.Unavailable
		over := w != nil && w.Duration > 0 && !ref.v.Now.Before(w.Start.Add(w.Duration))
		return w != nil && !over && w.Start.Before(ends)
	})
}

// counts are the Job's attempts by the values of the attribute, and those of which it is not known.
func (ref *reference) counts(job store.Key, attribute string) (counts map[string]int, unknown int) {
	counts = map[string]int{}
	for _, at := range ref.v.Live[job] {
		switch l, known := ref.v.label(at, attribute); {
		case !known:
			unknown++
		case l != noLabel:
			counts[l]++
		}
	}
	for b, placed := range ref.placed {
		for _, r := range placed {
			if l := labelOf(&b.offers[0], attribute); r.job == job && l != noLabel {
				counts[l]++
			}
		}
	}
	return counts, unknown
}

// allowed reports whether the Job's other attempts leave room on the bin.
func (ref *reference) allowed(r *Request, b *bin) bool {
	for _, c := range slices.Concat(r.constraints.most, r.constraints.even) {
		l := labelOf(&b.offers[0], c.Attribute)
		if l == noLabel {
			return false
		}
		counts, unknown := ref.counts(r.job, c.Attribute)
		n, used, least := counts[l], len(counts), 0
		if used > 0 {
			least = slices.Min(slices.Collect(maps.Values(counts)))
		}
		ok := n+unknown < c.n
		if c.Operator == v1.OpGroupBy && n == 0 {
			ok = unknown == 0 || used > 0 && unknown <= least
		} else if c.Operator == v1.OpGroupBy {
			ok = used >= c.n && n+unknown <= least
		}
		if !ok {
			return false
		}
	}
	return true
}

// TestPlaceIsByTheBook and FuzzPlaceIsByTheBook: everybody gets the very place that the plain reading of
// docs/placement.md gives.
func TestPlaceIsByTheBook(t *testing.T) { rapid.Check(t, placeIsByTheBook) }

func FuzzPlaceIsByTheBook(f *testing.F) { f.Fuzz(rapid.MakeFuzz(placeIsByTheBook)) }

func placeIsByTheBook(t *rapid.T) {
	offers := drawOffers(t)
	v := situation()
	var waiting []*Request
	for i := range rapid.IntRange(0, 14).Draw(t, "requests") {
		waiting = append(waiting, drawRequest(t, i))
	}
	v.Waiting = together(waiting)
	drawAlive(t, v)
	drawHistory(t, v)
	want := placeByTheBook(v, waiting, offers)
	p := place(v, offers)
	if diff := gocmp.Diff(want, goesTo(&p, waiting)); diff != "" {
		t.Fatalf("places (-by the book +got):\n%s", diff)
	}
}

// drawHistory has namespaces use something, and lines served before.
func drawHistory(t *rapid.T, v *input) {
	v.Usage, v.Served = map[string]Need{}, map[lineKey]time.Time{}
	for _, namespace := range []string{"x", "y"} {
		v.Usage[namespace] = Need{amount: [dimensions]int64{int64(rapid.IntRange(0, 5).Draw(t, "used cpus")) * 1000, int64(rapid.IntRange(0, 500).Draw(t, "used mem")) * 1000}}
		if rapid.Bool().Draw(t, "served") {
			v.Served[lineKey{namespace, 0}] = t0.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "ago")) * time.Second)
		}
	}
}

// goesTo is the agent that each request goes to; "": it waits.
func goesTo(p *Placement, waiting []*Request) map[store.Key]string {
	m := map[store.Key]string{}
	for _, r := range waiting {
		m[r.Run.Key] = ""
	}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			m[a.Tasks[i].Run.Key] = a.AgentID
		}
	}
	return m
}
