package cache

import (
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// TestARingIsBoundedInBytes: events of large objects are fewer, and who is behind is told.
func TestARingIsBoundedInBytes(t *testing.T) {
	value := make([]byte, 1<<20)
	entry := func(revision int64) store.AnyEntry {
		return store.NewEntry[v1.Job](store.JobKey("default", "a"), &store.KeyValue{CreateRevision: 1, ModRevision: revision, Version: 1, Value: value}, nil)
	}
	r := newRing(1 << 14)
	var last store.AnyEntry
	for revision := int64(1); revision <= 300; revision++ {
		next := entry(revision)
		r.add(Event{Revision: revision, Old: last, New: next})
		last = next
	}
	r.add(Event{Revision: 301, Old: last})
	kept := 0
	for seq := r.first; seq < r.end; seq++ {
		kept += r.at(seq).size()
	}
	if kept != r.bytes || kept > maxRingBytes || kept < maxRingBytes/2 {
		t.Errorf("keeps %d bytes, and says %d", kept, r.bytes)
	}
	if oldest := r.at(r.first).Revision; r.floor != oldest {
		t.Errorf("the floor is %d, the oldest event of %d", r.floor, oldest)
	}
	for i := range r.buf {
		if e := &r.buf[i]; e.New != nil && e.Revision < r.floor {
			t.Fatalf("what is dropped is still held: revision %d", e.Revision)
		}
	}
	r.reset(400)
	if r.bytes != 0 {
		t.Errorf("after a reset it counts %d bytes", r.bytes)
	}
}
