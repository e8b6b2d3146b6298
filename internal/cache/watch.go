package cache

import (
	"context"
	"fmt"
	"slices"

	"horae/internal/store"
)

// Watcher yields the events of one kind, or of several, in the order of revisions, to one reader. It holds no goroutine
// and no buffer of its own: who reads too slowly finds the events gone. It needs no closing.
type Watcher struct {
	cache     *Cache
	namespace string
	kinds     []cursor
	last      []Event
}

// cursor is where a watcher stands in the events of one kind.
type cursor struct {
	ring *ring
	next uint64 // sequence number of the next event to look at
}

// Watch yields what happens to the objects of a kind after a revision: that of List, or of the last event seen; 0:
// from now on. An empty namespace stands for all. It waits until the cache has come to the revision. ErrGone: the
// events are no longer kept.
func (c *Cache) Watch(ctx context.Context, kind store.Kind, namespace string, after int64) (*Watcher, error) {
	return c.WatchKinds(ctx, []store.Kind{kind}, namespace, after)
}

// WatchKinds is Watch for the objects of several kinds. Events of one revision come in the order of the kinds.
func (c *Cache) WatchKinds(ctx context.Context, kinds []store.Kind, namespace string, after int64) (*Watcher, error) {
	select {
	case <-c.synced:
	case <-ctx.Done():
		return nil, fmt.Errorf("watch %s: the cache is not filled yet: %w", kinds, ctx.Err())
	}
	if err := c.WaitFor(ctx, after); err != nil {
		return nil, fmt.Errorf("watch %s: %w", kinds, err)
	}
	w := &Watcher{cache: c, namespace: namespace, kinds: make([]cursor, len(kinds))}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i, kind := range kinds {
		t := c.tables[kind]
		if t == nil {
			return nil, fmt.Errorf("watch %s: no such kind", kind)
		}
		if after != 0 && after < t.ring.floor {
			return nil, fmt.Errorf("watch %s after revision %d: %w", kind, after, ErrGone)
		}
		w.kinds[i] = cursor{t.ring, t.ring.end}
		if after != 0 {
			w.startLocked(&w.kinds[i], after)
		}
	}
	return w, nil
}

// startLocked puts a cursor behind a revision, and notes the events of that very revision. The cache's lock must be
// held.
func (w *Watcher) startLocked(c *cursor, after int64) {
	c.next = c.ring.after(after)
	var last []Event
	for seq := c.next; seq > c.ring.first && c.ring.at(seq-1).Revision == after; seq-- {
		if e := c.ring.at(seq - 1); w.concerns(e) {
			last = append(last, *e)
		}
	}
	slices.Reverse(last)
	w.last = append(w.last, last...)
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
		added := w.added()
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

// added returns a channel that is closed when events are added, perhaps of other kinds too.
func (w *Watcher) added() <-chan struct{} {
	if len(w.kinds) == 1 {
		return w.kinds[0].ring.added.wait()
	}
	return w.cache.committed.wait()
}

// look returns the next event if there is one: the first in the order of revisions. It looks at all kinds under one
// lock, so that none has an event of an earlier revision that comes later.
func (w *Watcher) look() (Event, bool, error) {
	w.cache.mu.RLock()
	defer w.cache.mu.RUnlock()
	var first *cursor
	for i := range w.kinds {
		c := &w.kinds[i]
		if c.next < c.ring.first {
			return Event{}, false, ErrGone
		}
		for c.next < c.ring.end && !w.concerns(c.ring.at(c.next)) {
			c.next++
		}
		if c.next < c.ring.end && (first == nil || c.ring.at(c.next).Revision < first.ring.at(first.next).Revision) {
			first = c
		}
	}
	if first == nil {
		return Event{}, false, nil
	}
	e := *first.ring.at(first.next)
	first.next++
	return e, true, nil
}

// Revision up to which Next has returned everything: what a bookmark may say.
func (w *Watcher) Revision() int64 {
	w.cache.mu.RLock()
	defer w.cache.mu.RUnlock()
	revision := w.cache.revision
	for _, c := range w.kinds {
		if c.next >= c.ring.first && c.next < c.ring.end {
			revision = min(revision, c.ring.at(c.next).Revision-1)
		}
	}
	return revision
}
