package placement

import (
	"slices"
	"unique"

	v1 "horae/api/v1"

	"horae/internal/store"
)

// This file has Unique, MaxPer and GroupBy: constraints on where the live attempts of one Job are, including
// those placed a moment ago. They mean what UNIQUE, MAX_PER and GROUP_BY mean in Marathon. If the attribute of
// an agent is not known, the attempts on it count for every value: a Run then waits rather than break its
// constraint.

// jobGroups count the live attempts of a Job, by the values of each attribute that its constraints name.
type jobGroups []*group

// index is where the attribute's group is; -1: there is none.
func (gs jobGroups) index(attribute string) int {
	return slices.IndexFunc(gs, func(g *group) bool { return g.attribute == attribute })
}

// group counts a Job's live attempts by one attribute.
type group struct {
	attribute string
	counts    map[string]*int
	// unknown are the attempts on agents whose attribute is not known.
	unknown []Site
	// used is how many values have attempts; least is the smallest number of attempts of these values;
	// sizes[n] is how many values have n attempts.
	used, least int
	sizes       []int
	added       int // since the group was made
	// table has the values of the bins of the lane that was used last.
	table *labelTable
}

// newGroups counts for each Job that has a waiting Run with such constraints.
func newGroups(v *input) map[unique.Handle[store.Key]]jobGroups {
	jobs := map[unique.Handle[store.Key]]jobGroups{}
	for _, ps := range v.Waiting {
		r := ps.waiting[0]
		for _, cs := range [][]constraint{r.constraints.most, r.constraints.even} {
			for i := range cs {
				if jobs[r.jobID].index(cs[i].Attribute) < 0 {
					jobs[r.jobID] = append(jobs[r.jobID], newGroup(v, cs[i].Attribute, v.Live[r.job]))
				}
			}
		}
	}
	return jobs
}

func newGroup(v *input, attribute string, live []Site) *group {
	g := &group{attribute: attribute, counts: map[string]*int{}}
	for _, at := range live {
		if label, known := v.label(at, attribute); known {
			g.add(label)
		} else {
			g.unknown = append(g.unknown, at)
		}
	}
	return g
}

// label returns the value of an attribute of the agent at a site. For an agent that was not offered since this
// manager leads, only what the attempt records of it is known.
func (v *input) label(at Site, attribute string) (label string, known bool) {
	if o := v.Agents[at.AgentID]; o != nil {
		return labelOf(o, attribute), true
	}
	switch attribute {
	case "hostname":
		return at.Hostname, at.Hostname != ""
	case "agent":
		return at.AgentID, true
	}
	return "", false
}

// counter is how many attempts have the value.
func (g *group) counter(label string) *int {
	n := g.counts[label]
	if n == nil {
		n = new(int)
		g.counts[label] = n
	}
	return n
}

func (g *group) count(label string) int {
	if n := g.counts[label]; n != nil {
		return *n
	}
	return 0
}

// add counts one more attempt on an agent with the value.
func (g *group) add(label string) {
	g.added++
	if label == noLabel {
		return
	}
	n := g.counter(label)
	if *n++; *n == 1 {
		g.used, g.least = g.used+1, 1
	} else {
		g.sizes[*n-1]--
	}
	for len(g.sizes) <= *n {
		g.sizes = append(g.sizes, 0)
	}
	g.sizes[*n]++
	for g.sizes[g.least] == 0 {
		g.least++
	}
}

// allows reports whether one more attempt may go where n have the value.
func (g *group) allows(c *constraint, n int) bool {
	unknown := len(g.unknown)
	switch {
	case c.Operator != v1.OpGroupBy:
		return n+unknown < c.n
	case n == 0: // a new value
		return unknown == 0 || g.used > 0 && unknown <= g.least
	}
	return g.used >= c.n && n+unknown <= g.least
}

// unmetByOthers returns the first constraint that forbids an agent because of the Job's other attempts, or nil.
// label returns the agent's value for the attribute of a group.
func (cs *constraints) unmetByOthers(groups jobGroups, label func(group int) string) *constraint {
	for _, some := range [...][]constraint{cs.most, cs.even} {
		for i := range some {
			at := groups.index(some[i].Attribute)
			l := label(at)
			if l == noLabel || !groups[at].allows(&some[i], groups[at].count(l)) {
				return &some[i]
			}
		}
	}
	return nil
}

// valueBins is how far the search has come among the bins of one value.
type valueBins struct {
	*labelBins
	count *int // of the Job's attempts there
	next  int  // the first that has not been ruled out for the shape
}

// evenly returns a bin whose value has the fewest attempts of the Job; -1: the constraints allow none.
func (s *search) evenly(r *Request, at *progress) int {
	by := &r.constraints.even[0]
	index := at.groups.index(by.Attribute)
	g := at.groups[index]
	if at.stuck > g.added { // Nothing was added since, and bins only get fuller.
		return -1
	}
	if at.values == nil {
		at.values = at.labels[index].values(g)
	}
	values := at.values
	several := len(r.constraints.even) > 1
	if several { // A bin that the other constraint forbids now may be allowed later.
		values = slices.Clone(values)
	}
	for {
		best := -1
		for i := range values {
			if (best < 0 || *values[i].count < *values[best].count) && g.allows(by, *values[i].count) {
				best = i
			}
		}
		if best < 0 {
			at.stuck = g.added + 1
			return -1
		}
		if i := s.among(r, at, &values[best]); i >= 0 {
			return i
		}
		values = slices.Delete(values, best, best+1)
		if !several {
			at.values = values
		}
	}
}

// among returns a bin with the given value.
func (s *search) among(r *Request, at *progress, v *valueBins) int {
	if !r.shape.spread {
		for ; v.next < len(v.bins); v.next++ {
			if i := int(v.bins[v.next]); s.suits(r, at, i) {
				return i
			}
		}
		return -1
	}
	at.lane.counted(s.view.Tasks)
	return at.lane.emptiestOf(r, v.bins, func(i int) bool { return s.suits(r, at, i) })
}
