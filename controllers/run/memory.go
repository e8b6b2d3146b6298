package run

import (
	"sync"
	"time"

	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

// memory is what this process knows of Runs beyond their documents: see Facts. All of it may be lost.
type memory struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	runs map[store.Key]*runMemory
}

type runMemory struct {
	// task is the live attempt that the next fields speak of, epoch the subscription.
	task     string
	epoch    int64
	begun    bool
	kills    int
	lastKill time.Time
	asks     int
	lastAsk  time.Time

	why placement.Why
}

// of returns what is known of the Run with this live attempt, on this subscription. What was known of another attempt is
// forgotten; what was sent on an earlier subscription may not have arrived.
func (m *memory) of(key store.Key, task string, epoch int64) runMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[key]
	if r == nil {
		return runMemory{task: task, epoch: epoch}
	}
	if r.task != task {
		*r = runMemory{task: task, epoch: epoch, why: r.why}
	}
	if r.epoch != epoch {
		r.epoch, r.kills, r.asks = epoch, 0, 0
	}
	return *r
}

// change keeps something of the Run in mind.
func (m *memory) change(key store.Key, f func(*runMemory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == nil {
		m.runs = map[store.Key]*runMemory{}
	}
	r := m.runs[key]
	if r == nil {
		r = &runMemory{}
		m.runs[key] = r
	}
	f(r)
}

// forgetWhy is for a Run that does not wait any more.
func (m *memory) forgetWhy(key store.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.runs[key]; r != nil {
		r.why = placement.Why{}
	}
}

func (m *memory) forget(key store.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.runs, key)
}

// inFlight are the attempts whose ACCEPT is not answered: not sent yet, on its way, or sent without an answer. A new
// subscription voids them all: what was on its way then names offers that are no longer valid.
type inFlight struct {
	mu sync.Mutex
	// tasks is guarded by mu.
	tasks map[string]struct{}
}

func (f *inFlight) add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tasks == nil {
		f.tasks = map[string]struct{}{}
	}
	f.tasks[id] = struct{}{}
}

func (f *inFlight) has(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.tasks[id]
	return ok
}

func (f *inFlight) remove(tasks ...offer.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range tasks {
		delete(f.tasks, tasks[i].ID)
	}
}

func (f *inFlight) void() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tasks = nil
}
