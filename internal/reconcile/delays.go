package reconcile

import (
	"maps"
	"slices"
	"sync"
	"time"

	"horae/internal/backoff"
	"horae/internal/store"
)

// delays counts each key's failures in a row and turns them into delays.
type delays struct {
	policy backoff.Policy

	mu sync.Mutex
	// failures is guarded by mu. Keys without failures are not in it.
	failures map[store.Key]int
}

// newDelays makes delays whose bounds double from least to most. Each is drawn from the upper half of its bound.
func newDelays(least, most time.Duration) *delays {
	return &delays{policy: backoff.Policy{First: least, Max: most, Jitter: .5}, failures: map[store.Key]int{}}
}

// next counts one more failure of the key and draws its delay.
func (d *delays) next(key store.Key) time.Duration {
	d.mu.Lock()
	n := d.failures[key]
	d.failures[key] = n + 1
	d.mu.Unlock()
	return d.policy.Delay(n)
}

// forget resets the key's failures.
func (d *delays) forget(key store.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.failures, key)
}

// keys returns the keys with failures.
func (d *delays) keys() []store.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.failures))
}
