package cache

import "horae/internal/store"

// name is an object's name within its kind.
type name struct{ namespace, name string }

// tableOf is a table of any kind, as the follower sees it. The follower is one goroutine and the only one that changes tables:
// it stages changes without a lock, and commits them under the cache's.
type tableOf interface {
	// stage takes one change of a key; kv is nil when the key was deleted.
	stage(key store.Key, side store.Side, kv *store.KeyValue)
	// listing starts a list: what listed gets until staged by listed is all there is. anew: what is here may be of revisions that
	// were given out twice, and is compared with nothing.
	listing(anew bool)
	listed(key store.Key, side store.Side, kv *store.KeyValue)
	stageListed()
	// commitLocked makes the staged changes and returns their events. The cache's lock must be held.
	commitLocked(revision int64) []Event
	// startLocked forgets the events: watchers start at revision. The cache's lock must be held.
	startLocked(revision int64)
}

// table holds the entries of one kind.
type table[T store.Object] struct {
	kind    store.Kind
	entries map[string]map[string]*store.Entry[T] // by namespace and name
	count   int
	ring    *ring

	index  func(old, new *store.Entry[T]) // keeps the secondary indexes; nil: there are none
	verify func(old, new *store.Entry[T]) // nil unless immutability is verified

	// Only the follower touches these.
	staged []staged[T]
	at     map[name]int // where in staged an object is
	drafts map[name]*draft[T]
	order  []name // of the drafts, as the list gave them
	anew   bool   // the list does not look at what is here
}

// staged is an object's change that is not made yet. A nil entry stands for an object of which nothing is there.
type staged[T any] struct {
	old, new *store.Entry[T]
}

// draft is an object as a list has shown it so far. The entry may be the one that the table holds, status included, until
// the list shows otherwise; hasStatus says whether the list has shown the status.
type draft[T any] struct {
	entry     *store.Entry[T]
	hasStatus bool
}

func newTable[T store.Object](kind store.Kind, ringSize int) *table[T] {
	return &table[T]{kind: kind, entries: map[string]map[string]*store.Entry[T]{}, ring: newRing(ringSize), at: map[name]int{}}
}

func (t *table[T]) get(namespace, name string) *store.Entry[T] { return t.entries[namespace][name] }

// list is in no order; an empty namespace stands for all.
func (t *table[T]) list(namespace string) []*store.Entry[T] {
	if namespace != "" {
		all := make([]*store.Entry[T], 0, len(t.entries[namespace]))
		for _, e := range t.entries[namespace] {
			all = append(all, e)
		}
		return all
	}
	all := make([]*store.Entry[T], 0, t.count)
	for _, ns := range t.entries {
		for _, e := range ns {
			all = append(all, e)
		}
	}
	return all
}

func (t *table[T]) stage(key store.Key, side store.Side, kv *store.KeyValue) {
	n := name{key.Namespace, key.Name}
	i, ok := t.at[n]
	if !ok {
		old := t.get(n.namespace, n.name)
		i = len(t.staged)
		t.staged, t.at[n] = append(t.staged, staged[T]{old, old}), i
	}
	t.staged[i].new = next(t.staged[i].new, key, side, kv)
}

// next is an entry after one change of one of its keys; nil when nothing is left.
func next[T store.Object](e *store.Entry[T], key store.Key, side store.Side, kv *store.KeyValue) *store.Entry[T] {
	switch {
	case e == nil && kv == nil:
		return nil
	case e == nil && side == store.SpecSide:
		return store.NewEntry[T](key, kv, nil)
	case e == nil:
		return store.NewEntry[T](key, nil, kv)
	case side == store.SpecSide && kv != nil:
		return e.WithSpec(kv)
	case side == store.StatusSide && kv != nil:
		return e.WithStatus(kv)
	case side == store.SpecSide && e.Rev.StatusMod == 0, side == store.StatusSide && e.Rev.Deleted():
		return nil
	case side == store.SpecSide:
		return e.WithoutSpec()
	}
	return e.WithoutStatus()
}

func (t *table[T]) listing(anew bool) {
	t.anew = anew
	t.drafts, t.order = make(map[name]*draft[T], t.count), make([]name, 0, t.count)
}

// listed keeps the entry that is there when the key has not changed, so that nothing is decoded again after a compaction.
func (t *table[T]) listed(key store.Key, side store.Side, kv *store.KeyValue) {
	n := name{key.Namespace, key.Name}
	old := t.get(n.namespace, n.name)
	if t.anew {
		old = nil
	}
	d := t.drafts[n]
	if d == nil {
		d = &draft[T]{}
		t.drafts[n], t.order = d, append(t.order, n)
		if side == store.StatusSide && old != nil && old.Rev.Deleted() {
			d.entry = old // what was known of it was a status alone, too
		}
	}
	if side == store.SpecSide {
		if d.entry = old; old == nil || old.Rev.SpecCreate != kv.CreateRevision || old.Rev.SpecMod != kv.ModRevision {
			d.entry = next(old, key, side, kv)
		}
		return
	}
	d.hasStatus = true
	if d.entry == nil || d.entry.Rev.StatusMod != kv.ModRevision {
		d.entry = next(d.entry, key, side, kv)
	}
}

func (t *table[T]) stageListed() {
	for _, n := range t.order {
		d := t.drafts[n]
		old := t.get(n.namespace, n.name)
		if !d.hasStatus && d.entry.Rev.StatusMod != 0 {
			d.entry = d.entry.WithoutStatus()
		}
		if d.entry != old {
			t.staged = append(t.staged, staged[T]{old, d.entry})
		}
	}
	for _, old := range t.list("") {
		if t.drafts[name{old.Key.Namespace, old.Key.Name}] == nil {
			t.staged = append(t.staged, staged[T]{old, nil})
		}
	}
	t.drafts, t.order = nil, nil
}

func (t *table[T]) commitLocked(revision int64) []Event {
	if len(t.staged) == 0 {
		return nil
	}
	events := make([]Event, 0, len(t.staged))
	for _, s := range t.staged {
		if s.old == s.new {
			continue // a status that came and went, or a key that was never there
		}
		t.replaceLocked(s.old, s.new)
		e := Event{Revision: revision}
		if s.old != nil {
			e.Key, e.Old = s.old.Key, s.old
		}
		if s.new != nil {
			e.Key, e.New = s.new.Key, s.new
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

func (t *table[T]) startLocked(revision int64) { t.ring.reset(revision) }

func (t *table[T]) replaceLocked(old, new *store.Entry[T]) {
	if new == nil {
		ns := t.entries[old.Key.Namespace]
		if delete(ns, old.Key.Name); len(ns) == 0 {
			delete(t.entries, old.Key.Namespace)
		}
		t.count--
	} else {
		ns := t.entries[new.Key.Namespace]
		if ns == nil {
			ns = map[string]*store.Entry[T]{}
			t.entries[new.Key.Namespace] = ns
		}
		ns[new.Key.Name] = new
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
