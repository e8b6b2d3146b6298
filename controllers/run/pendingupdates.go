package run

import (
	"bytes"
	"slices"
	"sync"

	"horae/internal/offer"
	"horae/internal/store"
)

// pendingUpdates are the task updates that were not handled yet, by Run. A reconciliation of the Run handles
// them; until then none is dropped or acknowledged. They stay few: Mesos sends the next update of a task after
// the acknowledgement of the one before, and an update that repeats another one replaces it.
type pendingUpdates struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	runs map[store.Key][]pendingUpdate
	seq  uint64
}

// pendingUpdate is one update; its number distinguishes it from an equal one that came later.
type pendingUpdate struct {
	seq uint64
	offer.Update
}

func (p *pendingUpdates) add(key store.Key, u offer.Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	rest := slices.DeleteFunc(p.runs[key], func(o pendingUpdate) bool { return repeats(&u, &o.Update) })
	if p.runs == nil {
		p.runs = map[store.Key][]pendingUpdate{}
	}
	p.runs[key] = append(rest, pendingUpdate{p.seq, u})
}

// repeats reports whether u says what old said: the same update sent again, or another answer of the same
// content to a question.
func repeats(u, old *offer.Update) bool {
	return u.TaskID == old.TaskID && u.State == old.State && u.Reason == old.Reason && bytes.Equal(u.UUID, old.UUID)
}

// of returns the Run's updates in the order in which they came.
func (p *pendingUpdates) of(key store.Key) []pendingUpdate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.runs[key])
}

// remove takes out updates of the Run that were dealt with, and leaves those that came meanwhile.
func (p *pendingUpdates) remove(key store.Key, done []pendingUpdate) {
	if len(done) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := slices.DeleteFunc(p.runs[key], func(u pendingUpdate) bool {
		return slices.ContainsFunc(done, func(d pendingUpdate) bool { return d.seq == u.seq })
	})
	if len(rest) == 0 {
		delete(p.runs, key)
	} else {
		p.runs[key] = rest
	}
}

// keys of the Runs that have pending updates.
func (p *pendingUpdates) keys() []store.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := make([]store.Key, 0, len(p.runs))
	for k := range p.runs {
		keys = append(keys, k)
	}
	return keys
}
