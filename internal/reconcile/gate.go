package reconcile

import (
	"container/heap"
	"sync"

	"horae/internal/store"
)

// gate holds back keys whose own write the cache has not seen yet, by revision.
type gate struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	revision int64 // what the cache has
	parked   map[store.Key]*parked
	queue    parkedQueue // the same, the lowest revision first
}

// parked is one key that waits for a revision.
type parked struct {
	key      store.Key
	revision int64
	wanted   bool // it was to be reconciled meanwhile
	index    int
}

// wait closes the gate for the key until the revision has been observed.
func (g *gate) wait(key store.Key, revision int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if revision <= g.revision {
		return
	}
	if p := g.parked[key]; p != nil {
		p.revision = max(p.revision, revision)
		heap.Fix(&g.queue, p.index)
		return
	}
	p := &parked{key: key, revision: revision}
	g.parked[key] = p
	heap.Push(&g.queue, p)
}

// park reports whether the key must wait; if so, observed returns it later.
func (g *gate) park(key store.Key) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.parked[key]
	if p != nil {
		p.wanted = true
	}
	return p != nil
}

// observed opens the gate up to the revision and returns the keys that were to be reconciled while it was closed.
func (g *gate) observed(revision int64) []store.Key {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revision = max(g.revision, revision)
	var due []store.Key
	for len(g.queue) > 0 && g.queue[0].revision <= g.revision {
		p := heap.Pop(&g.queue).(*parked)
		delete(g.parked, p.key)
		if p.wanted {
			due = append(due, p.key)
		}
	}
	return due
}

// parkedQueue is a heap by revision.
type parkedQueue []*parked

func (q parkedQueue) Len() int           { return len(q) }
func (q parkedQueue) Less(i, j int) bool { return q[i].revision < q[j].revision }
func (q parkedQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *parkedQueue) Push(x any) {
	p := x.(*parked)
	p.index = len(*q)
	*q = append(*q, p)
}
func (q *parkedQueue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return p
}
