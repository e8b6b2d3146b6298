package feed

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"horae/internal/cache"
	"horae/internal/store"
	"horae/internal/transition"
)

// Kept is how many transitions a reader may be behind.
const Kept = 8192

// ErrBehind: the reader was too slow, or etcd was restored. What it has not read is gone: subscribe anew.
var ErrBehind = errors.New("behind: these transitions are no longer kept")

// Transition is one thing that happened to an object.
type Transition struct {
	Key      store.Key
	Revision int64
	transition.Change
	// Before and After are the object as the cache had it; nil when there was none. They are shared, and never modified
	// (I8).
	Before, After store.AnyEntry
}

// Feed publishes transitions. Make one with New.
type Feed struct {
	readers atomic.Int64

	mu sync.Mutex
	// All below are guarded by mu. Transition number n stands at n modulo Kept.
	buf        []Transition
	first, end uint64        // of those that are kept
	published  chan struct{} // closed, and replaced, when something is published
}

// New makes a Feed.
func New() *Feed { return &Feed{published: make(chan struct{})} }

// Publish publishes what happened to an object. It is a listener of the cache, and never blocks.
func (f *Feed) Publish(e cache.Event) {
	if f.readers.Load() == 0 {
		return
	}
	changes := derive(e)
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.buf == nil {
		f.buf = make([]Transition, Kept)
	}
	for _, c := range changes {
		f.buf[f.end%Kept] = Transition{Key: e.Key, Revision: e.Revision, Change: c, Before: e.Old, After: e.New}
		f.end++
		f.first = max(f.first, f.end-min(f.end, Kept))
	}
	f.wakeLocked()
}

// Rewind cuts all readers off: etcd has gone back to an older state.
func (f *Feed) Rewind() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end++
	f.first, f.buf = f.end, nil
	f.wakeLocked()
}

func (f *Feed) wakeLocked() {
	close(f.published)
	f.published = make(chan struct{})
}

// Reader reads transitions. One goroutine at a time uses it.
type Reader struct {
	feed *Feed
	next uint64
	once sync.Once
}

// Subscribe makes a Reader of what is published from now on. Close it.
func (f *Feed) Subscribe() *Reader {
	f.readers.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Reader{feed: f, next: f.end}
}

// Close ends the subscription.
func (r *Reader) Close() {
	r.once.Do(func() {
		if r.feed.readers.Add(-1) > 0 {
			return
		}
		r.feed.mu.Lock()
		defer r.feed.mu.Unlock()
		if r.feed.readers.Load() == 0 {
			r.feed.first, r.feed.buf = r.feed.end, nil // Nobody reads it: let the objects go.
		}
	})
}

// Next returns the next transition, waiting for it. After ErrBehind only Close is left; otherwise it fails only with
// ctx.
func (r *Reader) Next(ctx context.Context) (Transition, error) {
	for {
		t, published, err := r.look()
		if published == nil || err != nil {
			return t, err
		}
		select {
		case <-published:
		case <-ctx.Done():
			return Transition{}, ctx.Err()
		}
	}
}

// look returns the next transition, or what to wait for.
func (r *Reader) look() (Transition, <-chan struct{}, error) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.next < f.first:
		return Transition{}, nil, ErrBehind
	case r.next == f.end:
		return Transition{}, f.published, nil
	}
	r.next++
	return f.buf[(r.next-1)%Kept], nil, nil
}
