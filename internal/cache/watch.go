package cache

import (
	"context"
	"fmt"
	"slices"

	"horae/internal/store"
)

// Watcher yields the events of one kind, in the order of revisions, to one reader. It holds no goroutine and no
// buffer of its own: who reads too slowly finds the events gone. It needs no closing.
type Watcher struct {
	cache     *Cache
	ring      *ring
	namespace string
	next      uint64 // sequence number of the next event to look at
	last      []Event
}

// Watch yields what happens to the objects of a kind after a revision: that of List, or of the last event seen; 0:
// from now on. An empty namespace stands for all. It waits until the cache has come to the revision. ErrGone: the
// events are no longer kept.
func (c *Cache) Watch(ctx context.Context, kind store.Kind, namespace string, after int64) (*Watcher, error) {
	select {
	case <-c.synced:
	case <-ctx.Done():
		return nil, fmt.Errorf("watch %s: the cache is not filled yet: %w", kind, ctx.Err())
	}
	if err := c.WaitFor(ctx, after); err != nil {
		return nil, fmt.Errorf("watch %s: %w", kind, err)
	}
	t := c.tables[kind]
	if t == nil {
		return nil, fmt.Errorf("watch %s: no such kind", kind)
	}
	w := &Watcher{cache: c, ring: t.ring, namespace: namespace}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if after == 0 {
		w.next = w.ring.end
		return w, nil
	}
	if after < w.ring.floor {
		return nil, fmt.Errorf("watch %s after revision %d: %w", kind, after, ErrGone)
	}
	w.next = w.ring.after(after)
	for seq := w.next; seq > w.ring.first && w.ring.at(seq-1).Revision == after; seq-- {
		if e := w.ring.at(seq - 1); w.concerns(e) {
			w.last = append(w.last, *e)
		}
	}
	slices.Reverse(w.last)
	return w, nil
}

// Last are the events of the very revision after which the watch began, as far as they are kept. What one
// transaction changed has one revision: a reader that was interrupted in the midst of it, and names the revision
// of the last event that it got, has not had them all. Next does not return them.
func (w *Watcher) Last() []Event { return w.last }

func (w *Watcher) concerns(e *Event) bool { return w.namespace == "" || w.namespace == e.Key.Namespace }

// Next returns the next event, waiting for it. ErrGone: this reader was too slow; watch anew after a list.
// Otherwise it fails only with ctx.
func (w *Watcher) Next(ctx context.Context) (Event, error) {
	for {
		added := w.ring.added.wait()
		e, ok, err := w.look()
		if ok || err != nil {
			return e, err
		}
		select {
		case <-added:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// look returns the next event if there is one.
func (w *Watcher) look() (Event, bool, error) {
	w.cache.mu.RLock()
	defer w.cache.mu.RUnlock()
	if w.next < w.ring.first {
		return Event{}, false, ErrGone
	}
	for w.next < w.ring.end {
		e := w.ring.at(w.next)
		w.next++
		if w.concerns(e) {
			return *e, true, nil
		}
	}
	return Event{}, false, nil
}

// Revision up to which Next has returned everything: what a bookmark may say.
func (w *Watcher) Revision() int64 {
	w.cache.mu.RLock()
	defer w.cache.mu.RUnlock()
	if w.next >= w.ring.first && w.next < w.ring.end {
		return w.ring.at(w.next).Revision - 1
	}
	return w.cache.revision
}
