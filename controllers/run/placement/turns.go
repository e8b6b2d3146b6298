package placement

import (
	"slices"
	"time"
)

// This file decides which Run comes first. Runs of one namespace and one priority stand in a line. The Run that
// has waited longest stands in front. The line with the highest bid is served next; among equal bids the line
// whose namespace uses the least; among these the line that was served longest ago. A line bids its priority,
// and one point more for each Config.Ageing that it has waited without being served. So
//
//   - a higher priority comes first, but a lower one does not starve: its bid rises until it is served;
//   - namespaces of one priority share: ten thousand Runs in one namespace wait in their own line, whose length
//     does not raise its bid;
//   - a Run without a place is passed over and blocks no other Run.
//
// See docs/adr/0014-placement.md for what else was weighed.

// bidder is a line in a placement.
type bidder struct {
	lineKey
	peers   []*peers   // the ones that are tried
	waiting []*Request // their requests that have not had their turn
	served  time.Time  // the last time; zero: not known
	tenant  *tenant

	bid   int64
	share float64 // the tenant's when the line was last put in order
}

// tenant is a namespace with what its live attempts use.
type tenant struct {
	used  Need
	share float64 // its dominant share
}

// queue hands out requests in the order of their turns.
type queue struct {
	bidders []*bidder // a heap: the first is served next
	cfg     Config
	now     time.Time
	// total is what shares are counted of: all that is used and all that is offered.
	total   Need
	tenants map[string]*tenant
	// all is how many requests stand in the lines.
	all int
}

// newQueue lines up the requests that are tried. free is what is offered.
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

// merged returns the requests of some peers in the order of their line.
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

// share is the dominant share: the largest of the shares of each resource.
func (q *queue) share(used *Need) float64 {
	var share float64
	for d, n := range used.amount {
		if q.total.amount[d] > 0 {
			share = max(share, float64(n)/float64(q.total.amount[d]))
		}
	}
	return share
}

// bid computes what a line bids with the request that is now in front.
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

// next returns the line whose turn it is; nil: no request is left.
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

// done removes the front of the line that next returned. placed: it has found a place.
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
	if len(l.waiting) == 0 { // It is still the first of the heap.
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

// sink moves a line down the heap to where it belongs.
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
	case !l.served.Equal(m.served): // By name the same one would be first each time.
		return l.served.Before(m.served)
	case l.namespace != m.namespace:
		return l.namespace < m.namespace
	}
	return l.priority > m.priority
}
