package run

import (
	"container/heap"
	"time"
)

// lookAhead are the times at which offers will be wanted, each in steps of lookAheadStep, once.
type lookAhead struct {
	times timeHeap
	known map[int64]bool
}

func (e *lookAhead) add(t time.Time) {
	step := t.UnixNano() / int64(lookAheadStep)
	if e.known[step] {
		return
	}
	if e.known == nil {
		e.known = map[int64]bool{}
	}
	e.known[step] = true
	heap.Push(&e.times, step)
}

// next is the first time after the given one; zero: none. Earlier ones are forgotten.
func (e *lookAhead) next(after time.Time) time.Time {
	for len(e.times) > 0 {
		t := time.Unix(0, e.times[0]*int64(lookAheadStep))
		if t.After(after) {
			return t
		}
		delete(e.known, e.times[0])
		heap.Pop(&e.times)
	}
	return time.Time{}
}

type timeHeap []int64

func (h timeHeap) Len() int           { return len(h) }
func (h timeHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h timeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timeHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *timeHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
