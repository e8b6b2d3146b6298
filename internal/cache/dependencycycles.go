package cache

import (
	"slices"
	"strings"
)

// componentsOf returns the strongly connected components of a graph, by Tarjan's algorithm: each after those that can be
// reached from it. One of several Jobs is a knot of cycles.
func componentsOf(children map[name][]name) [][]name {
	t := tarjan{children: children, of: make(map[name]*visit, 2*len(children))}
	for n := range children {
		if t.of[n] == nil {
			t.visit(n)
		}
	}
	return t.components
}

type tarjan struct {
	children   map[name][]name
	of         map[name]*visit
	stack      []name
	components [][]name
}

// visit is what Tarjan's algorithm keeps of a node.
type visit struct {
	index, low int
	on         bool // on the stack
}

func (t *tarjan) visit(n name) *visit {
	v := &visit{index: len(t.of), low: len(t.of), on: true}
	t.of[n] = v
	t.stack = append(t.stack, n)
	for _, child := range t.children[n] {
		if c := t.of[child]; c == nil {
			v.low = min(v.low, t.visit(child).low)
		} else if c.on {
			v.low = min(v.low, c.index)
		}
	}
	if v.low != v.index {
		return v
	}
	i := len(t.stack) - 1
	for t.stack[i] != n {
		i--
	}
	component := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, m := range component {
		t.of[m].on = false
	}
	t.components = append(t.components, component)
	return v
}

// maxCycle bounds the knots in which a whole cycle is looked for. Of a larger one its first Jobs are named.
const maxCycle = 64

// cycle returns the names of a cycle that the Job is in, the shortest one.
func (x *dependencyIndex) cycle(n name) []string {
	knot := x.knotted()[n]
	if len(knot) == 0 {
		return nil
	}
	if len(knot) > maxCycle {
		names := []string{n.name}
		others := slices.SortedFunc(slices.Values(knot), func(a, b name) int { return strings.Compare(a.name, b.name) })
		for _, m := range others {
			if m != n && len(names) < maxCycle {
				names = append(names, m.name)
			}
		}
		return names
	}
	in := map[name]bool{}
	for _, m := range knot {
		in[m] = true
	}
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
