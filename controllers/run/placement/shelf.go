package placement

import (
	"math/bits"
	"slices"
)

// shelf has the bins of one role in the order in which they are filled, with an index that finds the first that
// is large enough. It keeps gaps between them, so that inserting one among n moves few others: about the square
// of log n on average, in whatever order they come (a packed memory array: Bender, Demaine and Farach-Colton
// 2000). The zero value is empty.
type shelf struct {
	bins []*bin // nil: a gap. As many as the tree is wide
	tree tree
	held int
	// fresh bins are not on it yet.
	fresh []*bin
}

// loose and gone are the places of a bin that has none yet, and of one that was removed before it got one.
const (
	loose = -1
	gone  = -2
)

// minWidth is that of the smallest shelf, and of the smallest part of one that is put in order.
const minWidth = 8

// putAll puts the fresh bins in their places.
func (s *shelf) putAll() {
	fresh := slices.DeleteFunc(s.fresh, func(b *bin) bool { return b.at == gone })
	s.fresh = nil
	if len(fresh) <= s.held/minWidth {
		for _, b := range fresh {
			s.put(b)
		}
		return
	}
	all := append(s.take(0, len(s.bins), 0, nil), fresh...)
	slices.SortFunc(all, compareBins)
	s.held = len(all)
	s.resize(max(minWidth, 1<<bits.Len(uint(2*len(all)-1))))
	s.lay(0, len(s.bins), all)
}

// put puts a bin in its place on a shelf that is not empty.
func (s *shelf) put(b *bin) {
	s.held++
	at := s.after(b)
	if at > 0 && s.bins[at-1] == nil {
		s.set(at-1, b)
		return
	}
	// The smallest part around it that has room. The larger the part, the more gaps must stay.
	for size := minWidth; size <= len(s.bins); size *= 2 {
		first := min(at, len(s.bins)-1) / size * size
		if s.count(first, size) < size-size*bits.Len(uint(size))/(2*bits.Len(uint(len(s.bins)))) {
			s.lay(first, size, s.take(first, size, at, b))
			return
		}
	}
	all := s.take(0, len(s.bins), at, b)
	s.resize(2 * len(s.bins))
	s.lay(0, len(s.bins), all)
}

// remove leaves a gap where the bin was.
func (s *shelf) remove(b *bin) {
	if b.at == loose {
		b.at = gone
		return
	}
	s.bins[b.at] = nil
	s.tree.set(b.at, gap)
	if s.held--; s.held < len(s.bins)/8 && len(s.bins) > minWidth {
		all := s.take(0, len(s.bins), 0, nil)
		s.resize(len(s.bins) / 2)
		s.lay(0, len(s.bins), all)
	}
}

// after is the place of the first bin that comes after b, or the width if none does.
func (s *shelf) after(b *bin) int {
	low, high := 0, len(s.bins)
	for low < high {
		middle := (low + high) / 2
		switch at := s.tree.first(middle, &Need{}, -1); {
		case at < 0 || at >= high: // There is none in the upper half.
			high = middle
		case compareBins(s.bins[at], b) < 0:
			low = at + 1
		default:
			high = middle
		}
	}
	if at := s.tree.first(low, &Need{}, -1); at >= 0 {
		return at
	}
	return len(s.bins)
}

func (s *shelf) count(first, size int) int {
	n := 0
	for _, b := range s.bins[first : first+size] {
		if b != nil {
			n++
		}
	}
	return n
}

// take takes the bins out of a part of the shelf. b, if there is one, stands among them where it belongs:
// before place at.
func (s *shelf) take(first, size, at int, b *bin) []*bin {
	all := make([]*bin, 0, size+1)
	for i := first; i < first+size; i++ {
		if i == at && b != nil {
			all = append(all, b)
			b = nil
		}
		if s.bins[i] != nil {
			all = append(all, s.bins[i])
			s.bins[i], s.tree[len(s.bins)+i] = nil, gap
		}
	}
	if b != nil {
		all = append(all, b)
	}
	return all
}

// lay puts bins, in order, into an empty part of the shelf, with the gaps evenly between them.
func (s *shelf) lay(first, size int, bins []*bin) {
	for i, b := range bins {
		b.at = first + i*size/len(bins)
		s.bins[b.at], s.tree[len(s.bins)+b.at] = b, b.node()
	}
	s.tree.sum(first, size)
}

func (s *shelf) set(i int, b *bin) {
	b.at = i
	s.bins[i] = b
	s.tree.set(i, b.node())
}

func (s *shelf) resize(width int) { s.bins, s.tree = make([]*bin, width), newTree(width) }

func (b *bin) node() node { return node{b.free, b.batch} }
