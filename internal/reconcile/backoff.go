package reconcile

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"horae/internal/store"
)

// backoff counts each key's failures in a row and turns them into delays.
type backoff struct {
	min, max time.Duration

	mu sync.Mutex
	// failures is guarded by mu. Keys without failures are not in it.
	failures map[store.Key]int
}

func newBackoff(least, most time.Duration) *backoff {
	return &backoff{min: least, max: max(least, most), failures: map[store.Key]int{}}
}

// next counts one more failure of the key and draws its delay: from the upper half of min × 2^failures, bounded by max, so
// that keys that failed together do not come back together.
func (b *backoff) next(key store.Key) time.Duration {
	b.mu.Lock()
	n := b.failures[key]
	b.failures[key] = n + 1
	b.mu.Unlock()

	delay := b.max
	if n < 62 && b.min <= b.max>>n {
		delay = b.min << n
	}
	return delay - rand.N(delay/2+1)
}

// forget starts the key anew.
func (b *backoff) forget(key store.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failures, key)
}

// keys are those with failures.
func (b *backoff) keys() []store.Key {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.failures))
}
