package check

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"horae/test/robustness/history"
)

// Window in which a task for one occurrence has to start, both ends included.
type Window struct{ From, To time.Time }

// Span is when one task started and ended; the end is zero if it did not.
type Span struct{ Start, End time.Time }

// Target is a window, and the task that satisfies it, if one does.
type Target struct {
	Window
	By *Span
}

// Solution is the verdict on one Job.
type Solution struct {
	Valid   bool
	Targets []Target
	// Extra are completed tasks that satisfy no target; nil if the Job is not valid, as in the original.
	Extra []Span
	// Incomplete tasks satisfy nothing.
	Incomplete []Span
}

// CompatibilityResult is the verdict of the compatibility mode.
type CompatibilityResult struct {
	Valid bool
	// Jobs whose addition was acknowledged. Others are neither required nor forbidden.
	Jobs map[string]Solution
}

// Satisfied counts the targets that have their task, out of all.
func (r CompatibilityResult) Satisfied() (satisfied, all int) {
	for _, s := range r.Jobs {
		for _, t := range s.Targets {
			all++
			if t.By != nil {
				satisfied++
			}
		}
	}
	return satisfied, all
}

// Extra counts the completed tasks that satisfy no target.
func (r CompatibilityResult) Extra() (n int) {
	for _, s := range r.Jobs {
		n += len(s.Extra)
	}
	return n
}

// Compatibility judges the Jobs that were added with an acknowledgement and then left alone. Times are compared in units of
// grain: whole seconds in the original.
func Compatibility(h *history.History, grain time.Duration) CompatibilityResult {
	left := map[string]bool{}
	for _, op := range h.Ops {
		switch {
		case op.Kind == history.Add:
			left[op.Job] = op.Outcome == history.OK
		case op.Outcome != history.Failed && op.Invoked.Before(h.Read):
			delete(left, op.Job)
		}
	}
	spans := map[string][]Span{}
	for _, w := range h.Witnesses {
		if w.Start.After(h.Read) {
			continue
		}
		spans[w.Job] = append(spans[w.Job], Span{w.Start, w.End})
	}
	r := CompatibilityResult{Valid: true, Jobs: map[string]Solution{}}
	for name, acknowledged := range left {
		if !acknowledged {
			continue
		}
		job := h.Jobs[name]
		s := Solve(Targets(&job, h.Read, h.Forgiveness), spans[name], grain)
		r.Jobs[name] = s
		r.Valid = r.Valid && s.Valid
	}
	return r
}

// Targets are the windows of the occurrences that must have begun, and ended, by the final read. The original forgets to subtract the
// forgiveness from what must be over by then, and so may demand a target that much too early; here it is subtracted.
func Targets(job *history.Job, read time.Time, forgiveness time.Duration) (windows []Window) {
	finish := read.Add(-job.Epsilon - forgiveness - job.Duration)
	for k := 0; k < job.Count && job.Target(k).Before(finish); k++ {
		windows = append(windows, Window{job.Target(k), job.Target(k).Add(job.Epsilon + forgiveness)})
	}
	return windows
}

// Solve finds out whether every window can be given a completed task of its own that started in it. The original has a constraint
// solver look for such an assignment. In O(n log n), and also for windows that overlap: take the tasks in the order of their
// starts, and give each to that open window without one which closes first.
func Solve(windows []Window, spans []Span, grain time.Duration) Solution {
	s := Solution{Targets: make([]Target, len(windows))}
	windows = slices.SortedFunc(slices.Values(windows), func(a, b Window) int { return a.From.Compare(b.From) })
	for i, w := range windows {
		s.Targets[i].Window = w
	}
	spans = slices.SortedStableFunc(slices.Values(spans), func(a, b Span) int { return a.Start.Compare(b.Start) })
	open, next := windowHeap{of: s.Targets}, 0
	for i := range spans {
		if spans[i].End.IsZero() {
			s.Incomplete = append(s.Incomplete, spans[i])
			continue
		}
		at := spans[i].Start.Truncate(grain)
		for ; next < len(windows) && !windows[next].From.Truncate(grain).After(at); next++ {
			heap.Push(&open, next)
		}
		for open.Len() > 0 && open.first().To.Truncate(grain).Before(at) {
			heap.Pop(&open) // closed without a task
		}
		if open.Len() == 0 {
			s.Extra = append(s.Extra, spans[i])
			continue
		}
		open.of[heap.Pop(&open).(int)].By = &spans[i]
	}
	s.Valid = !slices.ContainsFunc(s.Targets, func(t Target) bool { return t.By == nil })
	if !s.Valid {
		s.Extra = nil
	}
	return s
}

// windowHeap holds the indices of open targets, the one that closes first on top.
type windowHeap struct {
	of    []Target
	index []int
}

func (h *windowHeap) first() *Target { return &h.of[h.index[0]] }
func (h *windowHeap) Len() int       { return len(h.index) }
func (h *windowHeap) Swap(i, j int)  { h.index[i], h.index[j] = h.index[j], h.index[i] }
func (h *windowHeap) Push(x any)     { h.index = append(h.index, x.(int)) }
func (h *windowHeap) Less(i, j int) bool {
	a, b := h.index[i], h.index[j]
	return cmp.Or(h.of[a].To.Compare(h.of[b].To), cmp.Compare(a, b)) < 0
}
func (h *windowHeap) Pop() any {
	last := len(h.index) - 1
	x := h.index[last]
	h.index = h.index[:last]
	return x
}
