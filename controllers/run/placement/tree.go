package placement

import "math"

// tree is an index over the places of a shelf: it finds the first bin, from some place on, that has enough of
// everything. Each inner node holds the most that any bin below it has of each resource, so that whole groups
// that cannot do are passed over.
type tree []node // [1] is the root, the children of i are 2i and 2i+1, and leaf i is at [width+i]

// node is a bin, or the best of all bins below: each field by itself.
type node struct {
	Need
	batch int64 // with which the bin came
}

// gap has room for no task, not even for one that needs nothing: it stands where there is no bin.
var gap = node{Need: Need{amount: [dimensions]int64{-1, -1, -1, -1}, ports: -1}}

// newTree makes an index of gaps; width is a power of two.
func newTree(width int) tree {
	t := make(tree, 2*width)
	for i := range t {
		t[i] = gap
	}
	return t
}

func (t tree) width() int { return len(t) / 2 }

// set changes what leaf i has.
func (t tree) set(i int, n node) {
	at := t.width() + i
	t[at] = n
	for at /= 2; at > 0; at /= 2 {
		if best := better(&t[2*at], &t[2*at+1]); best != t[at] {
			t[at] = best
			continue
		}
		return
	}
}

// sum brings the inner nodes over the size leaves from first on up to date.
func (t tree) sum(first, size int) {
	low, high := t.width()+first, t.width()+first+size-1
	for low, high = low/2, high/2; low > 0; low, high = low/2, high/2 {
		for i := low; i <= high; i++ {
			t[i] = better(&t[2*i], &t[2*i+1])
		}
	}
}

// first is the first leaf from from on that covers want and came after the batch since; -1: there is none.
func (t tree) first(from int, want *Need, since int64) int {
	if from >= t.width() {
		return -1
	}
	for at := t.width() + from; ; {
		if t[at].batch > since && t[at].covers(want) {
			if at >= t.width() {
				return at - t.width()
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

// fewest is, of the leaves before end that cover want, came after the batch since, and suit, the one with the
// smallest count, of equal ones the last; -1: there is none. counts has the shape of the tree, with the least
// below each inner node.
func (t tree) fewest(counts []int32, want *Need, since int64, end int, suits func(i int) bool) int {
	least, best := int32(math.MaxInt32), -1
	var look func(at, from, width int)
	look = func(at, from, width int) {
		switch {
		case from >= end, counts[at] > least, counts[at] == least && from+width <= best, t[at].batch <= since, !t[at].covers(want):
		case width > 1:
			width /= 2
			if counts[2*at] < counts[2*at+1] {
				look(2*at, from, width)
				look(2*at+1, from+width, width)
			} else {
				look(2*at+1, from+width, width)
				look(2*at, from, width)
			}
		case suits(from):
			least, best = counts[at], from
		}
	}
	look(1, 0, t.width())
	return best
}

func better(a, b *node) node { return node{most(&a.Need, &b.Need), max(a.batch, b.batch)} }

func most(a, b *Need) Need {
	m := Need{ports: max(a.ports, b.ports)}
	for d := range m.amount {
		m.amount[d] = max(a.amount[d], b.amount[d])
	}
	return m
}
