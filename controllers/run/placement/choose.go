package placement

import (
	"math"
	"slices"
)

// This file chooses the agent for a request.

// put finds a place for the request and takes it. It reports whether there was one.
func (s *search) put(r *Request) bool {
	if r.peers.out {
		return false
	}
	at := s.progress(r)
	i, over := s.find(r, at)
	if i < 0 && at != nil && len(at.avoid) > 0 { // An agent to be avoided is better than none.
		if at.fallback == nil {
			again := *at
			again.avoid, again.next, again.none, again.values, again.stuck = nil, 0, false, nil, 0
			at.fallback = &again
		}
		i, over = s.find(r, at.fallback)
	}
	if i >= 0 {
		s.take(r, at.lane, i)
		return true
	}
	// With maintenance planned, one of its peers may end before the window that is in its way.
	r.peers.out = over && len(s.starts) == 0
	return false
}

// find returns a bin for the request; -1: there is none now. over: there will be none in this placement.
func (s *search) find(r *Request, at *progress) (i int, over bool) {
	switch {
	case at == nil || at.none:
		return -1, true
	case len(r.constraints.even) > 0: // An attempt that is placed later may make room for it.
		return s.evenly(r, at), false
	case r.shape.spread:
		i = s.emptiest(r, at)
	default:
		i = s.tightest(r, at)
	}
	at.none = i < 0
	return i, at.none
}

// putAgain tries requests with GroupBy again, for as long as one of them finds a place.
func (s *search) putAgain(waiting []*Request) {
	for before := -1; before != len(waiting); {
		before = len(waiting)
		waiting = slices.DeleteFunc(waiting, s.put)
	}
}

// suits reports whether the request may go to bin i.
func (s *search) suits(r *Request, at *progress, i int) bool {
	b := at.lane.bins[i]
	if !b.fits(&r.shape) || !at.match.meets(r, i, b) || slices.Contains(at.avoid, b.offers[0].AgentID) {
		return false
	}
	if !at.before.IsZero() {
		if start, ok := b.window(s.view.Now); ok && start.Before(at.before) {
			return false
		}
	}
	return r.constraints.unmetByOthers(at.groups, func(group int) string { return at.labels[group].at(i) }) == nil
}

// tightest is the bin with the least free that suffices; -1: there is none.
func (s *search) tightest(r *Request, at *progress) int {
	for {
		i := at.tree.first(at.match.possible(at.next), &r.shape.Need, at.since)
		if i < 0 {
			return -1
		}
		at.next = i
		if s.suits(r, at, i) {
			return i
		}
		at.next++
	}
}

// emptiest is the bin with the fewest tasks of ours; of equal ones the last, which has the most free; -1: there
// is none. Bins with GPUs come last for requests that need none.
func (s *search) emptiest(r *Request, at *progress) int {
	l := at.lane
	l.counted(s.view.Tasks)
	suits := func(i int) bool { return s.suits(r, at, i) }
	if at.match.narrow() {
		return l.emptiestOf(r, at.match.list(l), suits)
	}
	if r.shape.amount[gpus] == 0 {
		if i := at.tree.fewest(l.counts, &r.shape.Need, at.since, l.plain, suits); i >= 0 || l.plain == len(l.bins) {
			return i
		}
	}
	return at.tree.fewest(l.counts, &r.shape.Need, at.since, len(l.bins), suits)
}

// emptiestOf is the same among the bins at some places, given in order.
func (l *lane) emptiestOf(r *Request, places []int32, suits func(i int) bool) int {
	best := -1
	for _, j := range slices.Backward(places) {
		if i := int(j); (best < 0 || l.rank(r, i) < l.rank(r, best)) && suits(i) {
			best = i
		}
	}
	return best
}

// rank orders bins for a request that is spread: the smallest is best.
func (l *lane) rank(r *Request, i int) int64 {
	rank := int64(l.counts[len(l.bins)+i])
	if i >= l.plain && r.shape.amount[gpus] == 0 {
		rank += math.MaxInt32
	}
	return rank
}
