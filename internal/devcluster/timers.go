package devcluster

import (
	"container/heap"
	"time"
)

// timers is a heap of what is due when. One goroutine (Cluster.tick) runs all of it, so that ten thousand simulated
// tasks cost ten thousand small heap entries and not ten thousand goroutines. Guarded by Cluster.mu.
type timers struct {
	heap timerHeap
	wake chan struct{} // wakes tick when an earlier timer has arrived; holds one
}

// timer is one entry. The zero position of a stopped or fired timer is -1.
type timer struct {
	when time.Time
	fire func()
	pos  int
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].when.Before(h[j].when) }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].pos, h[j].pos = i, j }
func (h *timerHeap) Push(x any)        { t := x.(*timer); t.pos = len(*h); *h = append(*h, t) }
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.pos = -1
	return t
}

// after has fire called, with Cluster.mu held, once d has passed. Cluster.mu must be held.
func (c *Cluster) after(d time.Duration, fire func()) *timer {
	t := &timer{when: time.Now().Add(d), fire: fire}
	heap.Push(&c.timers.heap, t)
	if t.pos == 0 {
		select {
		case c.timers.wake <- struct{}{}:
		default:
		}
	}
	return t
}

// stop takes t off the heap, if it is still there. t may be nil. Cluster.mu must be held.
func (c *Cluster) stop(t *timer) {
	if t != nil && t.pos >= 0 {
		heap.Remove(&c.timers.heap, t.pos)
	}
}

// tick fires timers until the cluster closes. Everything that is due is fired under one lock.
func (c *Cluster) tick() {
	defer c.wg.Done()
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		alarm.Reset(c.fireDue())
		select {
		case <-c.done:
			return
		case <-alarm.C:
		case <-c.timers.wake:
		}
	}
}

// fireDue fires what is due and returns the time until the next timer.
func (c *Cluster) fireDue() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.timers.heap) > 0 {
		if wait := time.Until(c.timers.heap[0].when); wait > 0 {
			return wait
		}
		heap.Pop(&c.timers.heap).(*timer).fire()
	}
	return time.Hour
}
