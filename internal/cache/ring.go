package cache

import (
	"sort"
	"sync"
)

// ring keeps the latest events of a kind, for watchers. The cache's lock guards it, all but added.
type ring struct {
	buf   []Event // event seq stands at seq modulo the length, which doubles up to size
	size  int
	bytes int    // of the documents of the objects in it
	first uint64 // sequence number of the oldest event kept
	end   uint64 // sequence number of the next event
	// floor: all events after this revision are kept and, but for what a list brought, all of it.
	floor int64
	// added fires when events were added.
	added broadcast
}

func newRing(size int) *ring {
	size = max(size, 1)
	return &ring{size: size, buf: make([]Event, min(size, 64))}
}

func (r *ring) at(seq uint64) *Event { return &r.buf[seq%uint64(len(r.buf))] }

func (r *ring) add(e Event) {
	if r.end-r.first == uint64(len(r.buf)) && len(r.buf) < r.size {
		r.grow()
	}
	if r.end-r.first == uint64(len(r.buf)) {
		r.drop()
	}
	*r.at(r.end) = e
	r.end++
	for r.bytes += e.size(); r.bytes > maxRingBytes && r.end-r.first > 1; {
		r.drop()
	}
}

// maxRingBytes bounds the documents of the objects of which a ring keeps events: they may be large.
const maxRingBytes = 64 << 20

// drop drops the oldest event.
func (r *ring) drop() {
	e := r.at(r.first)
	r.bytes -= e.size()
	r.floor = e.Revision + 1 // Others of the same revision may be gone, or are the next to go.
	*e = Event{}
	r.first++
}

// size is what the event keeps from being forgotten; the object as it was before is mostly the event's before it.
func (e *Event) size() int {
	if e.New != nil {
		return e.New.Size()
	}
	return e.Old.Size()
}

func (r *ring) grow() {
	buf := make([]Event, min(2*len(r.buf), r.size))
	for seq := r.first; seq < r.end; seq++ {
		buf[seq%uint64(len(buf))] = *r.at(seq)
	}
	r.buf = buf
}

// reset forgets everything up to a revision, and leaves all watchers behind, those too that wait for the next event.
func (r *ring) reset(revision int64) {
	clear(r.buf)
	r.bytes = 0
	r.end++
	r.first, r.floor = r.end, revision
	r.added.fire()
}

// after is the sequence number of the first event after a revision.
func (r *ring) after(revision int64) uint64 {
	n := sort.Search(int(r.end-r.first), func(i int) bool { return r.at(r.first+uint64(i)).Revision > revision })
	return r.first + uint64(n)
}

// broadcast wakes all who wait. Its zero value is ready.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{} // nil while nobody waits; guarded by mu
}

// wait returns a channel that the next fire closes. Take it before looking at what is waited for.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
