package cache

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// knots are the Jobs that are in cycles of dependencies: each with all those that it depends on and that depend on it.
// They are found when somebody asks after a change, because there are none as a rule.
type knots struct {
	mu sync.Mutex
	// of and known are guarded by mu. known: of is about the index as it is.
	of    map[name][]name
	known bool
}

func (k *knots) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of, k.known = nil, false
}

// knots returns the knot of each Job that is in one.
func (x *dependencyIndex) knots() map[name][]name {
	if len(x.order.closing) == 0 {
		return nil
	}
	x.knotted.mu.Lock()
	defer x.knotted.mu.Unlock()
	if x.knotted.known {
		return x.knotted.of
	}
	t := tarjan{children: x.children, index: map[name]int{}, low: map[name]int{}, on: map[name]bool{}, knots: map[name][]name{}}
	for e := range x.order.closing { // Each cycle has one of them.
		if t.index[e.child] == 0 {
			t.visit(e.child)
		}
	}
	x.knotted.of, x.knotted.known = t.knots, true
	return t.knots
}

// tarjan finds strongly connected components, by Tarjan's algorithm.
type tarjan struct {
	children map[name][]name
	next     int
	index    map[name]int // from 1 on
	low      map[name]int
	on       map[name]bool // on the stack
	stack    []name
	knots    map[name][]name
}

func (t *tarjan) visit(n name) {
	t.next++
	t.index[n], t.low[n], t.on[n] = t.next, t.next, true
	t.stack = append(t.stack, n)
	for _, child := range t.children[n] {
		if t.index[child] == 0 {
			t.visit(child)
			t.low[n] = min(t.low[n], t.low[child])
		} else if t.on[child] {
			t.low[n] = min(t.low[n], t.index[child])
		}
	}
	if t.low[n] != t.index[n] {
		return
	}
	i := len(t.stack) - 1
	for t.stack[i] != n {
		i--
	}
	component := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, m := range component {
		delete(t.on, m)
	}
	if len(component) > 1 || slices.Contains(t.children[n], n) {
		for _, m := range component {
			t.knots[m] = component
		}
	}
}

// maxCycle bounds the knots in which a whole cycle is looked for. Of a larger one its first Jobs are named.
const maxCycle = 64

// cycle returns the names of a cycle that the Job is in, the shortest one.
func (x *dependencyIndex) cycle(n name) []string {
	knot := x.knots()[n]
	if len(knot) == 0 {
		return nil
	}
	if len(knot) > maxCycle {
		names := []string{n.name}
		others := slices.SortedFunc(maps.Keys(setOf(knot)), func(a, b name) int { return strings.Compare(a.name, b.name) })
		for _, m := range others {
			if m != n && len(names) < maxCycle {
				names = append(names, m.name)
			}
		}
		return names
	}
	in := setOf(knot)
	from := map[name]name{}
	for queue := []name{n}; len(queue) > 0; queue = queue[1:] {
		for _, child := range x.children[queue[0]] {
			if child == n {
				names := []string{n.name}
				for at := queue[0]; at != n; at = from[at] {
					names = append(names, at.name)
				}
				names = append(names, n.name)
				slices.Reverse(names)
				return names
			}
			if _, seen := from[child]; !seen && in[child] {
				from[child] = queue[0]
				queue = append(queue, child)
			}
		}
	}
	return nil
}

func setOf(list []name) map[name]bool {
	set := make(map[name]bool, len(list))
	for _, n := range list {
		set[n] = true
	}
	return set
}
