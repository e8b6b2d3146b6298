package run

import (
	"bytes"
	"slices"
	"sync"

	"horae/internal/offer"
	"horae/internal/store"
)

// mailbox keeps the updates that were not dealt with yet, by Run. What is in it is neither dropped nor acknowledged until a
// reconciliation of the Run says so. It stays small: Mesos sends the next update of a task only when the one before is
// acknowledged, and what it repeats replaces what it repeats.
type mailbox struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	boxes map[store.Key][]letter
	seq   uint64
}

// letter is one update; its number tells it from an equal one that came later.
type letter struct {
	seq uint64
	offer.Update
}

func (m *mailbox) put(key store.Key, u offer.Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	box := slices.DeleteFunc(m.boxes[key], func(l letter) bool { return repeats(&u, &l.Update) })
	if m.boxes == nil {
		m.boxes = map[store.Key][]letter{}
	}
	m.boxes[key] = append(box, letter{m.seq, u})
}

// repeats reports whether u says what old said: the same update sent again, or another answer of the same content to a question.
func repeats(u, old *offer.Update) bool {
	return u.TaskID == old.TaskID && u.State == old.State && u.Reason == old.Reason && bytes.Equal(u.UUID, old.UUID)
}

// peek returns what is in the Run's box, in the order it came.
func (m *mailbox) peek(key store.Key) []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.boxes[key])
}

// remove takes letters that were dealt with out of the Run's box, and leaves those that came meanwhile.
func (m *mailbox) remove(key store.Key, done []letter) {
	if len(done) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	box := slices.DeleteFunc(m.boxes[key], func(l letter) bool {
		return slices.ContainsFunc(done, func(d letter) bool { return d.seq == l.seq })
	})
	if len(box) == 0 {
		delete(m.boxes, key)
	} else {
		m.boxes[key] = box
	}
}

// keys of the Runs that have letters.
func (m *mailbox) keys() []store.Key {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := make([]store.Key, 0, len(m.boxes))
	for k := range m.boxes {
		keys = append(keys, k)
	}
	return keys
}
