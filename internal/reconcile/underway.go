package reconcile

import (
	"sync"
	"time"

	"horae/internal/store"
)

// underWay are the reconciliations that have begun and not ended.
type underWay struct {
	mu    sync.Mutex
	since map[store.Key]time.Time // guarded by mu
}

func (u *underWay) begin(key store.Key, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.since[key] = now
}

func (u *underWay) end(key store.Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.since, key)
}

// Longest returns the key whose reconciliation has been under way for longest, and since when; false: none is under
// way. A reconciliation that never ends blocks its key and a worker, and nothing else shows it.
func (l *Loop) Longest() (key store.Key, since time.Time, ok bool) {
	l.underWay.mu.Lock()
	defer l.underWay.mu.Unlock()
	for k, began := range l.underWay.since {
		if !ok || began.Before(since) {
			key, since, ok = k, began, true
		}
	}
	return key, since, ok
}

// Name is the loop's name in logs and metrics.
func (l *Loop) Name() string { return l.cfg.Name }
