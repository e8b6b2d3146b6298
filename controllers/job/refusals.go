package job

import (
	"sync"

	"horae/internal/store"
)

// refusals remembers the specs that led to changes that etcd refused for their size. A changed spec is tried anew,
// and so is every spec in another term of leadership.
type refusals struct {
	mu sync.Mutex
	// known is guarded by mu.
	known map[store.Key]refusal
}

type refusal struct {
	specMod int64
	many    bool // the refused change touched several Runs
	err     error
}

// maxRefusals bounds the refusals that are remembered. Beyond it all are forgotten, and their specs tried anew.
const maxRefusals = 1024

func (r *refusals) note(key store.Key, refused refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRefusals {
		r.known = map[store.Key]refusal{}
	}
	r.known[key] = refused
}

// of returns the refusal of a Job's spec; empty if there was none.
func (r *refusals) of(key store.Key, specMod int64) refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.known[key]
	if known.specMod != specMod {
		delete(r.known, key)
		return refusal{}
	}
	return known
}
