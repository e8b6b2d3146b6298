package cache

import (
	"cmp"
	"maps"
	"slices"

	v1 "horae/api/v1"
)

// order keeps the Jobs of the dependency index in an order in which each comes after those that it depends on. While
// that is possible there is no cycle, which is the usual case and then costs nothing to know. A new edge that fits into
// the order costs nothing either, which is nearly each one; otherwise only what lies between its two ends is looked at
// and moved (Pearce and Kelly, A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs).
type order struct {
	place   map[name]int64
	first   int64 // a place before all that are taken
	last    int64 // a place after all
	closing map[edge]struct{}
}

// edge is that child depends on parent. Those in order.closing do not fit into the order: each closes a cycle.
type edge struct{ parent, child name }

// changed takes note that the edges to a child have changed. former are the parents that it had.
func (o *order) changed(x *dependencyIndex, child name, former []v1.Dependency) {
	if o.place == nil {
		o.place, o.closing = map[name]int64{}, map[edge]struct{}{}
	}
	for e := range o.closing {
		if e.child == child {
			delete(o.closing, e)
		}
	}
	for _, parent := range x.parents[child] {
		o.add(x, edge{parent, child})
	}
	o.leave(x, child)
	for _, d := range former {
		o.leave(x, name{child.namespace, d.Job})
	}
	for e := range maps.Clone(o.closing) { // The edges that went may have been part of its cycle.
		if e.child != child {
			delete(o.closing, e)
			o.add(x, e)
		}
	}
}

// leave forgets the place of a Job without edges.
func (o *order) leave(x *dependencyIndex, n name) {
	if len(x.parents[n])+len(x.children[n]) == 0 {
		delete(o.place, n)
	}
}

// add makes the order fit an edge, unless the edge closes a cycle.
func (o *order) add(x *dependencyIndex, e edge) {
	if _, ok := o.place[e.child]; !ok {
		o.last++
		o.place[e.child] = o.last
	}
	if _, ok := o.place[e.parent]; !ok {
		o.first--
		o.place[e.parent] = o.first
	}
	low, high := o.place[e.child], o.place[e.parent]
	if high < low {
		return
	}
	if e.parent == e.child {
		o.closing[e] = struct{}{}
		return
	}
	after := o.reach(e.child, x.children, func(at, next name) bool {
		return o.place[next] <= high && !o.closes(edge{at, next}) && (edge{at, next}) != e
	})
	if slices.Contains(after, e.parent) {
		o.closing[e] = struct{}{}
		return
	}
	before := o.reach(e.parent, x.parents, func(at, next name) bool {
		return o.place[next] >= low && !o.closes(edge{next, at}) && (edge{next, at}) != e
	})
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
}

func (o *order) closes(e edge) bool {
	_, ok := o.closing[e]
	return ok
}

// reach returns what can be reached from a Job, itself included, by steps that are allowed.
func (o *order) reach(from name, steps map[name][]name, allowed func(at, next name) bool) []name {
	seen := map[name]bool{from: true}
	list := []name{from}
	for i := 0; i < len(list); i++ {
		for _, next := range steps[list[i]] {
			if !seen[next] && allowed(list[i], next) {
				seen[next] = true
				list = append(list, next)
			}
		}
	}
	return list
}
