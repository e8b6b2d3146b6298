package cache

import "horae/internal/store"

// name is an object's name within its kind.
type name struct{ namespace, name string }

// table holds the entries of one kind. The follower is one goroutine and the only one that changes tables: it
// stages changes without a lock, and commits them under the cache's.
type table struct {
	entries map[string]map[string]store.AnyEntry // by namespace and name; none is nil
	count   int
	ring    *ring

	index  func(old, new store.AnyEntry) // keeps the secondary indexes; nil: there are none
	verify func(old, new store.AnyEntry) // nil unless immutability is verified

	// Only the follower touches these.
	staged []staged
	at     map[name]int // where in staged an object is
	drafts map[name]*draft
	order  []name // of the drafts, as the list gave them
	anew   bool   // the list does not look at what is here
}

// staged is an object's change that is not made yet. A nil entry stands for an object of which nothing is there.
type staged struct {
	old, new store.AnyEntry
}

// draft is an object as a list has shown it so far. The entry may be the one that the table holds, status
// included, until the list shows otherwise; hasStatus says whether the list has shown the status.
type draft struct {
	entry     store.AnyEntry
	hasStatus bool
}

func newTable(ringSize int) *table {
	return &table{entries: map[string]map[string]store.AnyEntry{}, ring: newRing(ringSize), at: map[name]int{}}
}

func (t *table) get(namespace, name string) store.AnyEntry { return t.entries[namespace][name] }

// list is in no order; an empty namespace stands for all.
func (t *table) list(namespace string) []store.AnyEntry {
	if namespace != "" {
		all := make([]store.AnyEntry, 0, len(t.entries[namespace]))
		for _, e := range t.entries[namespace] {
			all = append(all, e)
		}
		return all
	}
	all := make([]store.AnyEntry, 0, t.count)
	for _, ns := range t.entries {
		for _, e := range ns {
			all = append(all, e)
		}
	}
	return all
}

// stage takes one change of a key; kv is nil when the key was deleted.
func (t *table) stage(key store.Key, side store.Side, kv *store.KeyValue) {
	n := name{key.Namespace, key.Name}
	i, ok := t.at[n]
	if !ok {
		old := t.get(n.namespace, n.name)
		i = len(t.staged)
		t.staged, t.at[n] = append(t.staged, staged{old, old}), i
	}
	t.staged[i].new = store.After(t.staged[i].new, key, side, kv)
}

// listing starts a list: what listed gets until staged by stageListed is all there is. anew: what is here may be
// of revisions that were given out twice, and is compared with nothing.
func (t *table) listing(anew bool) {
	t.anew = anew
	t.drafts, t.order = make(map[name]*draft, t.count), make([]name, 0, t.count)
}

// listed keeps the entry that is there when the key has not changed, so that nothing is decoded again after a
// compaction.
func (t *table) listed(key store.Key, side store.Side, kv *store.KeyValue) {
	n := name{key.Namespace, key.Name}
	old := t.get(n.namespace, n.name)
	if t.anew {
		old = nil
	}
	d := t.drafts[n]
	if d == nil {
		d = &draft{}
		t.drafts[n], t.order = d, append(t.order, n)
		if side == store.StatusSide && old != nil && old.GetRevisions().Deleted() {
			d.entry = old // what was known of it was a status alone, too
		}
	}
	if side == store.SpecSide {
		if d.entry = old; old == nil || !specIs(old.GetRevisions(), kv) {
			d.entry = store.After(old, key, side, kv)
		}
		return
	}
	d.hasStatus = true
	if d.entry == nil || d.entry.GetRevisions().StatusMod != kv.ModRevision {
		d.entry = store.After(d.entry, key, side, kv)
	}
}

// specIs reports whether an entry of these revisions has the spec of kv.
func specIs(rev store.Revisions, kv *store.KeyValue) bool {
	return rev.SpecCreate == kv.CreateRevision && rev.SpecMod == kv.ModRevision
}

func (t *table) stageListed() {
	for _, n := range t.order {
		d := t.drafts[n]
		old := t.get(n.namespace, n.name)
		if !d.hasStatus && d.entry.GetRevisions().StatusMod != 0 {
			d.entry = store.After(d.entry, d.entry.GetKey(), store.StatusSide, nil)
		}
		if d.entry != old {
			t.staged = append(t.staged, staged{old, d.entry})
		}
	}
	for _, old := range t.list("") {
		if key := old.GetKey(); t.drafts[name{key.Namespace, key.Name}] == nil {
			t.staged = append(t.staged, staged{old, nil})
		}
	}
	t.drafts, t.order = nil, nil
}

// commitLocked makes the staged changes and returns their events. The cache's lock must be held.
func (t *table) commitLocked(revision int64) []Event {
	if len(t.staged) == 0 {
		return nil
	}
	events := make([]Event, 0, len(t.staged))
	for _, s := range t.staged {
		if s.old == s.new {
			continue // a status that came and went, or a key that was never there
		}
		t.replaceLocked(s.old, s.new)
		e := Event{Revision: revision, Old: s.old, New: s.new}
		if s.new != nil {
			e.Key = s.new.GetKey()
		} else {
			e.Key = s.old.GetKey()
		}
		events = append(events, e)
		t.ring.add(e)
	}
	clear(t.staged)
	t.staged = t.staged[:0]
	clear(t.at)
	t.ring.added.fire()
	return events
}

// startLocked forgets the events: watchers start at revision. The cache's lock must be held.
func (t *table) startLocked(revision int64) { t.ring.reset(revision) }

func (t *table) replaceLocked(old, new store.AnyEntry) {
	if new == nil {
		key := old.GetKey()
		ns := t.entries[key.Namespace]
		if delete(ns, key.Name); len(ns) == 0 {
			delete(t.entries, key.Namespace)
		}
		t.count--
	} else {
		key := new.GetKey()
		ns := t.entries[key.Namespace]
		if ns == nil {
			ns = map[string]store.AnyEntry{}
			t.entries[key.Namespace] = ns
		}
		ns[key.Name] = new
		if old == nil {
			t.count++
		}
	}
	if t.index != nil {
		t.index(old, new)
	}
	if t.verify != nil {
		t.verify(old, new)
	}
}
