package manager

import (
	"time"

	"horae/internal/cache"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// controller is what the manager knows of each controller.
type controller struct {
	loop *reconcile.Loop
	// concerns returns the keys to reconcile after a change.
	concerns func(cache.Event) []store.Key
	// all returns the keys of all its objects.
	all func() []store.Key
	// fills: it enqueues by itself what it has to look at when the term begins.
	fills bool
}

// addAll has all of its objects reconciled.
func (c controller) addAll() {
	for _, key := range c.all() {
		c.loop.Add(key)
	}
}

// keysOf returns the keys of entries.
func keysOf[T any](list func(namespace string) []*store.Entry[T]) func() []store.Key {
	return func() []store.Key {
		var keys []store.Key
		for _, e := range list("") {
			keys = append(keys, e.Key)
		}
		return keys
	}
}

// dispatch has what changed reconciled by the controllers of the present term that it concerns. The cache calls it in the order of
// revisions.
func (m *Manager) dispatch(e cache.Event) {
	t := m.term.Load()
	if t == nil {
		return
	}
	for _, c := range t.controllers {
		for _, key := range c.concerns(e) {
			c.loop.Add(key)
		}
	}
	t.runPlans.Foresee(e)
}

// observed passes on to the loops how far the cache is.
func (m *Manager) observed(revision int64) {
	if t := m.term.Load(); t != nil {
		for _, c := range t.controllers {
			c.loop.Observed(revision)
		}
	}
}

// clockStepped has everything planned anew: the delays that were computed before are wrong.
func (m *Manager) clockStepped(by time.Duration) {
	t := m.term.Load()
	if t == nil {
		return
	}
	m.log.Info("The clock was set, or the machine slept", "by", by)
	t.jobPlans.ClockStepped()
	for _, c := range t.controllers {
		c.addAll()
	}
}
