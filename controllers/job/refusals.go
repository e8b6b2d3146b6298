package job

import (
	"sync"

	"horae/internal/store"
)

// refusals remembers which specs led to changes that etcd does not take for their size. Another spec, and another term, is tried anew.
type refusals struct {
	mu sync.Mutex
	// known is guarded by mu.
	known map[store.Key]refusal
}

type refusal struct {
	specMod int64
	many    bool // it was about several Runs
	err     error
}

// maxRefusals are remembered; above that all are tried anew.
const maxRefusals = 1024

func (r *refusals) note(key store.Key, refused refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRefusals {
		r.known = map[store.Key]refusal{}
	}
	r.known[key] = refused
}

// of returns the refusal of a Job's spec, which is empty if there was none.
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
