package run

import "math"

// tree is an index over bins: it finds the first one, from some position on, that has enough of everything. Each inner node holds
// the most that any bin below it has of each resource, so that whole groups that cannot do are passed over.
type tree struct {
	leaves int    // number of bins
	width  int    // leaves rounded up to a power of two
	nodes  []need // nodes[1] is the root, the children of i are 2i and 2i+1, and leaf i is nodes[width+i]
}

// newTree makes an index over n bins; of says what each has.
func newTree(n int, of func(i int) need) tree {
	t := tree{leaves: n, width: 1}
	for t.width < n {
		t.width *= 2
	}
	t.nodes = make([]need, 2*t.width)
	for i := range t.nodes[t.width:] {
		t.nodes[t.width+i] = nothing
	}
	for i := range n {
		t.nodes[t.width+i] = of(i)
	}
	for i := t.width - 1; i > 0; i-- {
		t.nodes[i] = most(&t.nodes[2*i], &t.nodes[2*i+1])
	}
	return t
}

// nothing covers no need, not even an empty one: it stands for a bin that is gone.
var nothing = need{amount: [dimensions]int64{-1, -1, -1, -1}, ports: -1}

// set changes what bin i has.
func (t *tree) set(i int, free *need) {
	at := t.width + i
	t.nodes[at] = *free
	for at /= 2; at > 0; at /= 2 {
		t.nodes[at] = most(&t.nodes[2*at], &t.nodes[2*at+1])
	}
}

// first is the first bin from position from on that covers want, or -1.
func (t *tree) first(from int, want *need) int {
	if from >= t.leaves {
		return -1
	}
	for at := t.width + from; ; {
		if t.nodes[at].covers(want) {
			if at >= t.width {
				if at-t.width >= t.leaves {
					return -1
				}
				return at - t.width
			}
			at *= 2 // It may be below.
			continue
		}
		// Not here: on to the next node on the right, as high up as possible.
		for at&1 == 1 {
			at /= 2
		}
		if at == 0 {
			return -1
		}
		at++
	}
}

// fewest is, of the bins before position end that cover want and suit, one with the smallest count; -1: there is none. counts has
// the shape of the tree, with the least below each inner node. Of equal ones it leans to the last.
func (t *tree) fewest(counts []int32, want *need, end int, suits func(i int) bool) int {
	least, best := int32(math.MaxInt32), -1
	var look func(node, from, width int)
	look = func(node, from, width int) {
		if from >= end || counts[node] >= least || !t.nodes[node].covers(want) {
			return
		}
		if width == 1 {
			if suits(from) {
				least, best = counts[node], from
			}
			return
		}
		width /= 2
		left := func() { look(2*node, from, width) }
		right := func() { look(2*node+1, from+width, width) }
		if counts[2*node] < counts[2*node+1] {
			left()
			right()
		} else {
			right()
			left()
		}
	}
	look(1, 0, t.width)
	return best
}

func most(a, b *need) need {
	m := need{ports: max(a.ports, b.ports)}
	for d := range m.amount {
		m.amount[d] = max(a.amount[d], b.amount[d])
	}
	return m
}
