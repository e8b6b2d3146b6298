package placement

import (
	"math"
	"slices"
	"time"
	"unique"

	"horae/internal/offer"
	"horae/internal/store"
)

// search is one placement under way.
type search struct {
	*Offers
	view   *input
	known  map[searchKey]*progress
	sets   map[string]*matches
	lanes  map[string]*lane
	jobs   map[unique.Handle[store.Key]]jobGroups
	labels map[labelKey]*labelTable
	// starts are the beginnings of the maintenance windows that are not over; each once, in order.
	starts []time.Time
	found  [][]found // in the order in which they were found, in blocks
	used   []*bin    // those that got something
	room   []offer.Resource
}

// found is a place that was found.
type found struct {
	Placed
	bin *bin
}

func newSearch(p *Offers, v *input) *search {
	s := &search{Offers: p, view: v, known: map[searchKey]*progress{}, sets: map[string]*matches{},
		lanes: map[string]*lane{}, labels: map[labelKey]*labelTable{}}
	for b := range p.windowed {
		if start, ok := b.window(v.Now); ok {
			s.starts = append(s.starts, start)
		}
	}
	slices.SortFunc(s.starts, time.Time.Compare)
	s.starts = slices.CompactFunc(s.starts, time.Time.Equal)
	s.jobs = newGroups(v)
	return s
}

// searchKey is equal for requests that fit the same places at the time of a placement.
type searchKey struct {
	kind unique.Handle[kind]
	// windows is how many of the maintenance windows begin before the request is over.
	windows int
}

// searchKeyOf returns the key of a request and, if windows are planned, when its attempt would end.
func searchKeyOf(r *Request, starts []time.Time, now time.Time, assumed time.Duration) (key searchKey, ends time.Time) {
	key.kind = r.kind
	if len(starts) > 0 {
		ends, _ = r.ends(now, assumed)
		key.windows, _ = slices.BinarySearchFunc(starts, ends, time.Time.Compare)
	}
	return key, ends
}

// progress is how far the search has come for one key. Within one placement bins only get fuller: a bin that
// was too small for a shape stays too small, and a value that had too many attempts of the Job keeps them. So
// the search goes on where it stopped.
type progress struct {
	lane   *lane
	tree   tree
	match  *matches
	groups jobGroups
	labels []*labelTable // for each of the groups
	before time.Time     // maintenance windows must not begin before this
	since  int64         // an earlier placement has ruled out the bins up to this batch
	next   int           // the first bin that has not been ruled out
	none   bool          // all have been ruled out
	values []valueBins
	// avoid are agents that are out of the question; fallback is the search among all agents.
	avoid    []string
	fallback *progress
	stuck    int // one more than group.added when no value had room; 0: that was not so yet
}

// lane is a role's bins for the time of one placement.
type lane struct {
	*shelf
	plain  int  // the first place of a bin with GPUs: they come last
	either tree // the same with revocable resources; nil: not needed yet
	// counts are our tasks on each bin, in the shape of the tree: an inner node has the least below it; nil:
	// not needed yet.
	counts []int32
}

// take gives the request bin i, and counts it among the attempts of its Job.
func (s *search) take(r *Request, l *lane, i int) {
	b := l.bins[i]
	if b.tasks == 0 {
		s.used = append(s.used, b)
	}
	last, room := len(s.found)-1, 0
	if last >= 0 {
		room = cap(s.found[last])
	}
	if last < 0 || len(s.found[last]) == room {
		s.found = append(s.found, make([]found, 0, moreRoom(room)))
		last++
	}
	s.found[last] = append(s.found[last], found{b.take(r, &s.room), b})
	l.changed(i)
	for _, g := range s.jobs[r.jobID] {
		if g.table == nil || g.table.lane != l {
			g.table = s.labelsOf(l, r.shape.role, g.attribute)
		}
		g.add(g.table.at(i))
	}
}

// progress returns how far the search for requests like this one has come; nil: nothing is offered to its role.
func (s *search) progress(r *Request) *progress {
	if r.peers.at != nil {
		return r.peers.at
	}
	key, ends := searchKeyOf(r, s.starts, s.view.Now, s.view.Config.AssumedDuration)
	at := s.known[key]
	if at == nil {
		l := s.lane(r.shape.role)
		if l == nil {
			return nil
		}
		at = &progress{lane: l, tree: l.tree, match: s.matchesFor(r, l), since: r.peers.tried, avoid: r.Avoid}
		if r.constraints.others() {
			at.groups = s.jobs[r.jobID]
			for _, g := range at.groups {
				at.labels = append(at.labels, s.labelsOf(l, r.shape.role, g.attribute))
			}
		}
		if key.windows > 0 {
			at.before = ends
		}
		if r.shape.revocable {
			at.tree = l.eitherTree()
		}
		s.known[key] = at
	}
	if len(s.starts) == 0 { // Otherwise the peers may have different keys.
		r.peers.at = at
	}
	return at
}

func (s *search) lane(role string) *lane {
	l := s.lanes[role]
	if on := s.shelves[role]; l == nil && on != nil && on.held > 0 {
		l = &lane{shelf: on, plain: len(on.bins)}
		if first := on.tree.first(0, &Need{amount: [dimensions]int64{gpus: 1}}, -1); first >= 0 {
			l.plain = first
		}
		s.lanes[role] = l
	}
	return l
}

// counted makes the counts of tasks, once.
func (l *lane) counted(tasks map[string]int) {
	if l.counts != nil {
		return
	}
	width := len(l.bins)
	l.counts = make([]int32, 2*width)
	for i, b := range l.bins {
		l.counts[width+i] = math.MaxInt32
		if b != nil {
			l.counts[width+i] = int32(tasks[b.offers[0].AgentID] + b.tasks)
		}
	}
	for i := width - 1; i > 0; i-- {
		l.counts[i] = min(l.counts[2*i], l.counts[2*i+1])
	}
}

// changed notes that bin i has got a task.
func (l *lane) changed(i int) {
	b := l.bins[i]
	l.tree.set(i, b.node())
	if l.either != nil {
		l.either.set(i, node{b.either(), b.batch})
	}
	if l.counts == nil {
		return
	}
	at := len(l.bins) + i
	l.counts[at]++
	for at /= 2; at > 0; at /= 2 {
		l.counts[at] = min(l.counts[2*at], l.counts[2*at+1])
	}
}

// eitherTree is for those that take revocable resources.
func (l *lane) eitherTree() tree {
	if l.either == nil {
		l.either = newTree(len(l.bins))
		for i, b := range l.bins {
			if b != nil {
				l.either[len(l.bins)+i] = node{b.either(), b.batch}
			}
		}
		l.either.sum(0, len(l.bins))
	}
	return l.either
}

// matches remembers which bins of a role meet a set of constraints on the agent. nil: all bins do.
type matches struct {
	known []uint8 // 0 not asked, 1 yes, 2 no
	no    int
	// skip leads from each bin, in one or more steps, to the next one that may meet them.
	skip []int32
	few  []int32 // the bins that may meet them; nil: not needed yet
}

// matchesFor shares what is known of a set of constraints between all shapes that have it.
func (s *search) matchesFor(r *Request, l *lane) *matches {
	if len(r.constraints.all) == 0 {
		return nil
	}
	key := r.shape.role + "\x00" + r.shape.constraints
	m := s.sets[key]
	if m == nil {
		m = &matches{known: make([]uint8, len(l.bins)), skip: make([]int32, len(l.bins)+1)}
		for i := range m.skip {
			m.skip[i] = int32(i)
		}
		s.sets[key] = m
	}
	return m
}

// meets reports whether bin i meets the request's constraints.
func (m *matches) meets(r *Request, i int, b *bin) bool {
	if m == nil {
		return true
	}
	if m.known[i] == 0 {
		m.known[i] = 1
		if r.constraints.unmet(&b.offers[0]) != nil {
			m.known[i] = 2
			m.no++
			m.skip[i] = int32(i + 1)
		}
	}
	return m.known[i] == 1
}

// possible returns the first bin from i on that may meet the constraints. If there is none it returns at least
// the number of bins.
func (m *matches) possible(i int) int {
	if m == nil || i >= len(m.known) {
		return i
	}
	end := i
	for int(m.skip[end]) != end {
		end = int(m.skip[end])
	}
	for i != end { // Next time it is one step.
		i, m.skip[i] = int(m.skip[i]), int32(end)
	}
	return end
}

// narrow reports whether most bins are known not to meet the constraints.
func (m *matches) narrow() bool { return m != nil && 2*m.no > len(m.known) }

// list returns the bins that may meet the constraints, and perhaps some that do not.
func (m *matches) list(l *lane) []int32 {
	if m.few == nil {
		for i, b := range l.bins {
			if b != nil && m.known[i] != 2 {
				m.few = append(m.few, int32(i))
			}
		}
	}
	return m.few
}
