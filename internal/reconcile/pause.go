package reconcile

import (
	"maps"
	"slices"
	"sync"

	"horae/internal/store"
)

// pause holds back all keys for a while.
type pause struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	on   bool
	keys map[store.Key]bool
}

func (p *pause) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = true
}

// park reports whether the key must wait; if so, end returns it.
func (p *pause) park(key store.Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on {
		return false
	}
	if p.keys == nil {
		p.keys = map[store.Key]bool{}
	}
	p.keys[key] = true
	return true
}

// end returns the keys that were to be reconciled during the pause.
func (p *pause) end() []store.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = false
	keys := slices.Collect(maps.Keys(p.keys))
	p.keys = nil
	return keys
}
