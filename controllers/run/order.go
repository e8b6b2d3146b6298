package run

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// This file decides who comes first. Runs of one namespace and one priority stand in a line, the one that has waited longest in
// front. The line that bids most is served next; of several the one whose namespace uses the least. A line bids its priority, and
// a point more for each time (PlaceConfig.Ageing) that it has waited without being served. So
//
//   - a higher priority comes first, and a lower one never starves: it is served at the latest when it has risen to the other's bid;
//   - of one priority, namespaces share: ten thousand Runs in one wait in their own line, and do not rise by standing there;
//   - a Run for which there is no place is passed over: it stands in nobody's way.
//
// See docs/adr/0014-placement.md for what else was weighed.

// lineKey names a line.
type lineKey struct {
	namespace string
	priority  int32
}

// line is a line with those who have not had their turn.
type line struct {
	lineKey
	waiting []*Request
	served  time.Time // the last time; zero: not that anybody knows of
	tenant  *tenant

	bid   int64
	share float64 // the tenant's, as far as the queue has noticed
}

// tenant is a namespace with what its live attempts use.
type tenant struct {
	used  need
	share float64 // of the resource of which it uses the largest part
}

// queue hands out requests in the order of their turns.
type queue struct {
	lines []*line // a heap: the first is served next
	cfg   PlaceConfig
	now   time.Time
	// total is what shares are counted of: all that is used and all that is offered.
	total   need
	tenants map[string]*tenant
}

// newQueue lines up those who wait. free is what is offered.
func newQueue(v *View, free *need) *queue {
	q := &queue{cfg: v.Config, now: v.Now, total: *free, tenants: map[string]*tenant{}}
	for _, used := range v.Usage {
		q.total.plus(&used)
	}
	lines := map[lineKey]*line{}
	for _, r := range v.Waiting {
		key := r.line()
		l := lines[key]
		if l == nil {
			l = &line{lineKey: key, served: v.Served[key], tenant: q.tenant(v, key.namespace)}
			lines[key] = l
			q.lines = append(q.lines, l)
		}
		l.waiting = append(l.waiting, r)
	}
	for _, l := range q.lines {
		slices.SortFunc(l.waiting, byAge)
		l.share = l.tenant.share
		q.bid(l)
	}
	heap.Init(q)
	return q
}

func (r *Request) line() lineKey { return lineKey{r.Run.Key.Namespace, r.Priority} }

func byAge(a, b *Request) int {
	return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Run.Key.Name, b.Run.Key.Name))
}

func (q *queue) tenant(v *View, namespace string) *tenant {
	t := q.tenants[namespace]
	if t == nil {
		t = &tenant{used: v.Usage[namespace]}
		t.share = q.share(&t.used)
		q.tenants[namespace] = t
	}
	return t
}

// share is the dominant share: of the resource of which it is the largest part.
func (q *queue) share(used *need) float64 {
	var share float64
	for d, n := range used.amount {
		if q.total.amount[d] > 0 {
			share = max(share, float64(n)/float64(q.total.amount[d]))
		}
	}
	return share
}

// bid computes what a line bids with the one now in front.
func (q *queue) bid(l *line) {
	l.bid = int64(l.priority)
	if q.cfg.Ageing <= 0 || len(l.waiting) == 0 {
		return
	}
	since := later(l.waiting[0].Since, l.served)
	if waited := q.now.Sub(since); waited > 0 {
		l.bid += int64(waited / q.cfg.Ageing)
	}
}

// next is the request whose turn it is, and takes it out of its line; nil: nobody is left.
func (q *queue) next() (*Request, *line) {
	for len(q.lines) > 0 {
		l := q.lines[0]
		if l.share != l.tenant.share { // Another line of the namespace was served meanwhile.
			l.share = l.tenant.share
			heap.Fix(q, 0)
			continue
		}
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		return r, l
	}
	return nil, nil
}

// done says whether the request that next returned has found a place, so that the line's next bid can be made.
func (q *queue) done(r *Request, l *line, placed bool) {
	if placed {
		l.served = q.now
		l.tenant.used.plus(&r.shape.need)
		l.tenant.share = q.share(&l.tenant.used)
		l.share = l.tenant.share
	}
	if len(l.waiting) == 0 {
		heap.Pop(q) // Nobody has come before it: it is still the first.
		return
	}
	before := l.bid
	if q.bid(l); placed || l.bid != before {
		heap.Fix(q, 0)
	}
}

// Len, Less, Swap, Push and Pop are container/heap's.
func (q *queue) Len() int { return len(q.lines) }

func (q *queue) Less(i, j int) bool {
	a, b := q.lines[i], q.lines[j]
	return cmp.Or(
		cmp.Compare(b.bid, a.bid), cmp.Compare(a.share, b.share),
		strings.Compare(a.namespace, b.namespace), cmp.Compare(b.priority, a.priority)) < 0
}

func (q *queue) Swap(i, j int) { q.lines[i], q.lines[j] = q.lines[j], q.lines[i] }
func (q *queue) Push(any)      {} // Lines only ever leave.
func (q *queue) Pop() any {
	l := q.lines[len(q.lines)-1]
	q.lines = q.lines[:len(q.lines)-1]
	return l
}
