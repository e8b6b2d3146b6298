package run

import (
	"sync"

	"horae/internal/offer"
)

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
