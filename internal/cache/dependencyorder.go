package cache

import (
	"cmp"
	"slices"
	"sync"

	v1 "horae/api/v1"
)

// order keeps the Jobs of the dependency index in an order in which each comes after those that it depends on. While
// there is one there is no cycle, which is the usual case and then costs nothing to know. A new edge that fits into the
// order costs nothing either, which is nearly each one. Otherwise what lies between its two ends is moved, if that is
// little (Pearce and Kelly, A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs). If it is more, or if
// there is a cycle, everything is ordered anew when somebody asks: once after many changes.
//
// The cache's lock guards it. Readers, which share that lock, order it anew under mu.
type order struct {
	mu    sync.Mutex
	place map[name]int64
	first int64 // no place is before it
	last  int64 // no place is after it
	stale bool  // there may be edges that do not fit
	// knots are the Jobs in cycles: each with all that it depends on and that depend on it.
	knots map[name][]name
}

// maxMoved bounds the Jobs that a new edge moves at once.
const maxMoved = 256

// changed takes note that the edges to a child have changed. former are the parents that it had.
func (o *order) changed(x *dependencyIndex, child name, former []v1.Dependency) {
	if o.place == nil {
		o.place = map[name]int64{}
	}
	o.leave(x, child)
	for _, d := range former {
		o.leave(x, name{child.namespace, d.Job})
	}
	o.stale = o.stale || len(o.knots) > 0
	for _, parent := range x.parents[child] {
		if o.stale {
			return
		}
		o.stale = !o.fit(x, parent, child)
	}
}

// leave forgets the place of a Job without edges.
func (o *order) leave(x *dependencyIndex, n name) {
	if len(x.parents[n])+len(x.children[n]) == 0 {
		delete(o.place, n)
	}
}

// fit makes the order fit an edge. It returns false if that is too much to do now, or if there is a cycle.
func (o *order) fit(x *dependencyIndex, parent, child name) bool {
	if _, ok := o.place[child]; !ok {
		o.last++
		o.place[child] = o.last
	}
	if _, ok := o.place[parent]; !ok {
		o.first--
		o.place[parent] = o.first
	}
	low, high := o.place[child], o.place[parent]
	if high < low {
		return true
	}
	after, ok := reach(child, x.children, func(n name) bool { return o.place[n] <= high })
	if !ok || slices.Contains(after, parent) {
		return false
	}
	before, ok := reach(parent, x.parents, func(n name) bool { return o.place[n] >= low })
	if !ok {
		return false
	}
	// The same places, but those that must come before first.
	byPlace := func(a, b name) int { return cmp.Compare(o.place[a], o.place[b]) }
	slices.SortFunc(before, byPlace)
	slices.SortFunc(after, byPlace)
	moved := slices.Concat(before, after)
	places := make([]int64, len(moved))
	for i, n := range moved {
		places[i] = o.place[n]
	}
	slices.Sort(places)
	for i, n := range moved {
		o.place[n] = places[i]
	}
	return true
}

// reach returns what can be reached from a Job, itself included, through Jobs that are allowed; false if it is more than
// maxMoved.
func reach(from name, steps map[name][]name, allowed func(name) bool) ([]name, bool) {
	seen := map[name]bool{from: true}
	list := []name{from}
	for i := 0; i < len(list); i++ {
		for _, next := range steps[list[i]] {
			if !seen[next] && allowed(next) {
				seen[next] = true
				list = append(list, next)
			}
		}
		if len(list) > maxMoved {
			return nil, false
		}
	}
	return list, true
}

// knotted returns the knots, after it has ordered everything anew if that is necessary.
func (x *dependencyIndex) knotted() map[name][]name {
	o := &x.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stale {
		components := componentsOf(x.children)
		o.place, o.knots = make(map[name]int64, len(x.parents)+len(x.children)), nil
		o.first, o.last = 0, int64(len(components))
		for i, c := range components {
			for _, n := range c {
				o.place[n] = o.last - int64(i)
			}
			if len(c) > 1 || slices.Contains(x.children[c[0]], c[0]) {
				if o.knots == nil {
					o.knots = map[name][]name{}
				}
				for _, n := range c {
					o.knots[n] = c
				}
			}
		}
		o.stale = false
	}
	return o.knots
}
