package run

import (
	"math"
	"slices"
	"time"
	"unique"

	"horae/internal/store"
)

// search is one placement under way.
type search struct {
	*pool
	view   *View
	known  map[searchKey]*progress
	sets   map[string]*matches
	lanes  map[string]*lane
	jobs   map[store.Key]jobGroups
	labels map[labelKey]*labelTable
	// starts are when those of the agents' maintenance windows begin that are not over; each once, in order.
	starts []time.Time
	used   []*bin // those that got something
}

func newSearch(p *pool, v *View) *search {
	s := &search{pool: p, view: v, known: map[searchKey]*progress{}, sets: map[string]*matches{}, lanes: map[string]*lane{}, labels: map[labelKey]*labelTable{}}
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

// searchKey is what requests have in common that fit the same places.
type searchKey struct {
	kind unique.Handle[kind]
	// windows is how many of the maintenance windows begin before the request is over.
	windows int
}

// progress is how far the search for places has come for one key. Within one placement a bin only ever gets fuller, so that
// one that was too small for a shape stays too small, and one that shares its value with too many attempts of the Job goes on doing
// so: the search goes on where it stopped.
type progress struct {
	lane   *lane
	tree   *tree
	match  *matches
	groups jobGroups
	labels []*labelTable // for each of the groups
	before time.Time     // maintenance windows must not begin before this
	next   int           // the first bin that has not been ruled out
	none   bool          // all have been
	values []valueBins
}

// lane is a role's bins for the time of one placement.
type lane struct {
	*rolePlaces
	either *tree   // over what tasks that take revocable resources find; nil: nobody has asked
	counts []int32 // of tasks of ours, in the shape of the tree: each inner node has the least below it; nil: nobody has asked
}

// put takes a place for the request, if there is one.
func (s *search) put(r *Request) bool {
	at := s.progress(r)
	if at == nil || at.none {
		return false
	}
	var i int
	switch {
	case len(r.constraints.even) > 0:
		i = s.evenly(r, at)
	case r.shape.spread:
		i = s.emptiest(r, at)
	default:
		i = s.tightest(r, at)
	}
	if i < 0 {
		at.none = len(r.constraints.even) == 0 // Otherwise one that is placed may make room for another.
		return false
	}
	b := at.lane.bins[i]
	if len(b.tasks) == 0 {
		s.used = append(s.used, b)
	}
	b.tasks = append(b.tasks, b.take(r))
	at.lane.changed(i)
	for _, g := range s.jobs[r.job] {
		g.add(s.labelsOf(at.lane, r.shape.role, g.attribute).at(i))
	}
	return true
}

// putAgain tries those once more whose Job's attempts have to be even, for as long as that finds a place for one. It returns the rest.
func (s *search) putAgain(waiting []*Request) []*Request {
	for found := true; found; {
		found = false
		waiting = slices.DeleteFunc(waiting, func(r *Request) bool {
			placed := len(r.constraints.even) > 0 && s.put(r)
			found = found || placed
			return placed
		})
	}
	return waiting
}

// progress finds, or begins, the search for the request's shape; nil: nothing is offered to its role.
func (s *search) progress(r *Request) *progress {
	key := searchKey{kind: r.kind}
	var ends time.Time
	if len(s.starts) > 0 {
		ends, _ = r.ends(s.view.Now, s.view.Config.AssumedDuration)
		key.windows, _ = slices.BinarySearchFunc(s.starts, ends, time.Time.Compare)
	}
	at := s.known[key]
	if at != nil {
		return at
	}
	l := s.lane(r.shape.role)
	if l == nil {
		return nil
	}
	at = &progress{lane: l, tree: &l.tree, match: s.matchesFor(r, l)}
	if r.constraints.others() {
		at.groups = s.jobs[r.job]
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
	return at
}

func (s *search) lane(role string) *lane {
	l := s.lanes[role]
	if places := s.roles[role]; l == nil && places != nil {
		l = &lane{rolePlaces: places}
		s.lanes[role] = l
	}
	return l
}

// suits reports whether bin i, which is large enough, is one for the request.
func (s *search) suits(r *Request, at *progress, i int) bool {
	b := at.lane.bins[i]
	if b.gone || !b.fits(&r.shape) || !at.match.meets(r, i, b) {
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
		i := at.tree.first(at.match.possible(at.next), &r.shape.need)
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

// emptiest is a bin with the fewest tasks of ours; -1: there is none. Those with GPUs come last for whom needs none.
func (s *search) emptiest(r *Request, at *progress) int {
	l := at.lane
	l.counted(s.view.Tasks)
	suits := func(i int) bool { return s.suits(r, at, i) }
	if at.match.narrow() {
		best := -1
		for i := at.match.possible(0); i < len(l.bins); i = at.match.possible(i + 1) {
			if (best < 0 || l.rank(r, i) < l.rank(r, best)) && suits(i) {
				best = i
			}
		}
		return best
	}
	if r.shape.amount[gpus] == 0 {
		if i := at.tree.fewest(l.counts, &r.shape.need, l.plain, suits); i >= 0 || l.plain == len(l.bins) {
			return i
		}
	}
	return at.tree.fewest(l.counts, &r.shape.need, len(l.bins), suits)
}

// rank orders bins for a request that is to be spread: the smallest is the best.
func (l *lane) rank(r *Request, i int) int64 {
	rank := int64(l.counts[l.tree.width+i])
	if i >= l.plain && r.shape.amount[gpus] == 0 {
		rank += math.MaxInt32
	}
	return rank
}

// counted begins to count tasks, unless that has begun.
func (l *lane) counted(tasks map[string]int) {
	if l.counts != nil {
		return
	}
	l.counts = make([]int32, 2*l.tree.width)
	for i := range l.tree.width {
		l.counts[l.tree.width+i] = math.MaxInt32
	}
	for i, b := range l.bins {
		l.counts[l.tree.width+i] = int32(tasks[b.offers[0].AgentID] + len(b.tasks))
	}
	for i := l.tree.width - 1; i > 0; i-- {
		l.counts[i] = min(l.counts[2*i], l.counts[2*i+1])
	}
}

// changed notes that bin i has got a task.
func (l *lane) changed(i int) {
	b := l.bins[i]
	l.tree.set(i, &b.free)
	if l.either != nil {
		either := b.either()
		l.either.set(i, &either)
	}
	if l.counts == nil {
		return
	}
	at := l.tree.width + i
	l.counts[at]++
	for at /= 2; at > 0; at /= 2 {
		l.counts[at] = min(l.counts[2*at], l.counts[2*at+1])
	}
}

// eitherTree is for those that take revocable resources.
func (l *lane) eitherTree() *tree {
	if l.either == nil {
		t := newTree(len(l.bins), func(i int) need {
			if l.bins[i].gone {
				return nothing
			}
			return l.bins[i].either()
		})
		l.either = &t
	}
	return l.either
}

// matches remembers which bins of a role meet a set of constraints on the agent itself. A nil one is met by all.
type matches struct {
	known []uint8 // 0 not asked, 1 yes, 2 no
	no    int
	// skip leads from each bin to the next that may meet them, in one or more steps.
	skip []int32
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

// possible is the first bin from i on that may meet the constraints; there may be none: then it is the number of bins, or more.
func (m *matches) possible(i int) int {
	if m == nil || i >= len(m.known) {
		return i
	}
	end := i
	for int(m.skip[end]) != end {
		end = int(m.skip[end])
	}
	for i != end { // The next time it is one step.
		i, m.skip[i] = int(m.skip[i]), int32(end)
	}
	return end
}

// narrow reports whether most bins are known not to meet the constraints.
func (m *matches) narrow() bool { return m != nil && 2*m.no > len(m.known) }

// window is when the agent's next, or present, maintenance begins; false: none is planned.
func (b *bin) window(now time.Time) (start time.Time, planned bool) {
	for i := range b.offers {
		w := b.offers[i].Unavailable
		if w == nil || w.Duration > 0 && !now.Before(w.Start.Add(w.Duration)) {
			continue
		}
		if !planned || w.Start.Before(start) {
			start, planned = w.Start, true
		}
	}
	return start, planned
}

// leftovers are the bins after a placement, by role. They stay as they are, whatever becomes of the pool.
type leftovers struct {
	now    time.Time
	cfg    PlaceConfig
	roles  map[string][]*bin
	offers int // in all
	jobs   map[store.Key]jobGroups
	// windows: maintenance of an agent is planned.
	windows bool
	whys    map[unique.Handle[kind]]Why
}

func (s *search) leftovers() leftovers {
	l := leftovers{now: s.view.Now, cfg: s.view.Config, roles: map[string][]*bin{}, offers: s.has(), jobs: s.jobs, windows: len(s.starts) > 0}
	for role, places := range s.roles {
		for _, b := range places.bins {
			if !b.gone {
				l.roles[role] = append(l.roles[role], b)
			}
		}
	}
	return l
}
