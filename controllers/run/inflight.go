package run

import (
	"sync"

	"horae/internal/offer"
)

// inFlight are the attempts whose ACCEPT is not answered: it is not sent yet, is on its way, or got no answer.
// A new subscription voids them all, because the offers that they name are not valid any more.
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
