package placement

import (
	"slices"
	"time"
)

// This file decides who comes first. Runs of one namespace and one priority stand in a line, the one that has waited longest in
// front. The line that bids most is served next; of several the one whose namespace uses the least, and of these the one that was served
// longest ago. A line bids its priority, and
// a point more for each time (Config.Ageing) that it has waited without being served. So
//
//   - a higher priority comes first, and a lower one never starves: it is served at the latest when it has risen to the other's bid;
//   - of one priority, namespaces share: ten thousand Runs in one wait in their own line, and do not rise by standing there;
//   - a Run for which there is no place is passed over: it stands in nobody's way.
//
// See docs/adr/0014-placement.md for what else was weighed.

// bidder is a line in a placement.
type bidder struct {
	lineKey
	peers   []*peers   // that take part
	waiting []*Request // of those, who have not had their turn
	served  time.Time  // the last time; zero: not that anybody knows of
	tenant  *tenant

	bid   int64
	share float64 // the tenant's, as far as the queue has noticed
}

// tenant is a namespace with what its live attempts use.
type tenant struct {
	used  Need
	share float64 // of the resource of which it uses the largest part
}

// queue hands out requests in the order of their turns.
type queue struct {
	bidders []*bidder // a heap: the first is served next
	cfg     Config
	now     time.Time
	// total is what shares are counted of: all that is used and all that is offered.
	total   Need
	tenants map[string]*tenant
	// all is how many stand in the lines.
	all int
}

// newQueue lines up those who wait. free is what is offered.
func newQueue(v *input, free *Need) *queue {
	q := &queue{cfg: v.Config, now: v.Now, total: *free, tenants: map[string]*tenant{}}
	for _, used := range v.Usage {
		q.total.Plus(&used)
	}
	bidders := map[*line]*bidder{}
	for _, ps := range v.Waiting {
		ps.at, ps.out = nil, false
		l := bidders[ps.line]
		if l == nil {
			l = &bidder{lineKey: ps.line.lineKey, served: v.Served[ps.line.lineKey], tenant: q.tenant(v, ps.line.namespace)}
			l.share = l.tenant.share
			bidders[ps.line] = l
			q.bidders = append(q.bidders, l)
		}
		l.peers = append(l.peers, ps)
		q.all += len(ps.waiting)
	}
	for of, l := range bidders {
		if len(l.peers) == of.peers {
			l.waiting = of.waiting
		} else {
			l.waiting = merged(l.peers)
		}
		q.bid(l)
	}
	for i := len(q.bidders)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
	return q
}

// merged are those of some peers in the order of their line.
func merged(some []*peers) []*Request {
	var all []*Request
	for _, ps := range some {
		all = append(all, ps.waiting...)
	}
	slices.SortFunc(all, byAge)
	return all
}

func (q *queue) tenant(v *input, namespace string) *tenant {
	t := q.tenants[namespace]
	if t == nil {
		t = &tenant{used: v.Usage[namespace]}
		t.share = q.share(&t.used)
		q.tenants[namespace] = t
	}
	return t
}

// share is the dominant share: of the resource of which it is the largest part.
func (q *queue) share(used *Need) float64 {
	var share float64
	for d, n := range used.amount {
		if q.total.amount[d] > 0 {
			share = max(share, float64(n)/float64(q.total.amount[d]))
		}
	}
	return share
}

// bid computes what a line bids with the one now in front.
func (q *queue) bid(l *bidder) {
	l.bid = int64(l.priority)
	if q.cfg.Ageing <= 0 || len(l.waiting) == 0 {
		return
	}
	since := later(l.waiting[0].Since, l.served)
	if waited := q.now.Sub(since); waited > 0 {
		l.bid += int64(waited / q.cfg.Ageing)
	}
}

// next is the line whose turn it is, with the request whose turn it is in front; nil: nobody is left.
func (q *queue) next() *bidder {
	for len(q.bidders) > 0 {
		l := q.bidders[0]
		if l.share == l.tenant.share {
			return l
		}
		l.share = l.tenant.share // Another line of the namespace was served meanwhile.
		q.sink(0)
	}
	return nil
}

// done takes the one in front out of the line that next returned, and notes whether it has found a place.
func (q *queue) done(l *bidder, placed bool) {
	if placed {
		l.served = q.now
		l.tenant.used.Plus(&l.waiting[0].shape.Need)
		l.tenant.share = q.share(&l.tenant.used)
		l.share = l.tenant.share
	}
	l.waiting = l.waiting[1:]
	for len(l.waiting) > 0 && l.waiting[0].peers.out { // Their turn would change nothing.
		l.waiting = l.waiting[1:]
	}
	if len(l.waiting) == 0 { // Nobody has come before it: it is still the first.
		last := len(q.bidders) - 1
		q.bidders[0] = q.bidders[last]
		q.bidders = q.bidders[:last]
		q.sink(0)
		return
	}
	before := l.bid
	if q.bid(l); placed || l.bid != before {
		q.sink(0)
	}
}

// sink brings a line that may come later now to where it belongs in the heap.
func (q *queue) sink(i int) {
	for {
		first := 2*i + 1
		if first >= len(q.bidders) {
			return
		}
		if first+1 < len(q.bidders) && q.bidders[first+1].before(q.bidders[first]) {
			first++
		}
		if !q.bidders[first].before(q.bidders[i]) {
			return
		}
		q.bidders[i], q.bidders[first] = q.bidders[first], q.bidders[i]
		i = first
	}
}

func (l *bidder) before(m *bidder) bool {
	switch {
	case l.bid != m.bid:
		return l.bid > m.bid
	case l.share != m.share:
		return l.share < m.share
	case !l.served.Equal(m.served): // Otherwise the first by name would be so each time.
		return l.served.Before(m.served)
	case l.namespace != m.namespace:
		return l.namespace < m.namespace
	}
	return l.priority > m.priority
}
