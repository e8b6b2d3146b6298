package cache

import (
	"fmt"
	"slices"

	"horae/internal/store"
)

// Selection is a part of the objects of a kind, as of one revision.
type Selection struct {
	Kind store.Kind
	// Namespace; empty for all.
	Namespace string
	// Revision of the past, as far back as events are kept; 0: the present one.
	Revision int64
	// After is the last object of the page before; the zero Key: there is none.
	After store.Key
	// Limit of the page; 0: there is none.
	Limit int
	// Matches selects; nil: everything. It is called without a lock.
	Matches func(store.AnyEntry) bool
}

// Page returns the next selected objects, sorted by namespace and name, how many more there are, and the revision as of
// which they are. What has happened since a revision of the past is undone. ErrGone: the events that this takes are no
// longer kept. A long list is not sorted as a whole for each of its pages.
func (c *Cache) Page(s Selection) (page []store.AnyEntry, more int, revision int64, err error) {
	entries, revision, err := c.at(s.Kind, s.Namespace, s.Revision)
	if err != nil {
		return nil, 0, 0, err
	}
	compare := func(a, b store.AnyEntry) int { return compareKeys(a.GetKey(), b.GetKey()) }
	selected := 0
	var last store.AnyEntry // of the page, if it is full: what comes later is only counted
	for _, e := range entries {
		if s.After != (store.Key{}) && compareKeys(e.GetKey(), s.After) <= 0 || s.Matches != nil && !s.Matches(e) {
			continue
		}
		if selected++; last != nil && compare(e, last) >= 0 {
			continue
		}
		if page = append(page, e); s.Limit > 0 && len(page) == 2*s.Limit {
			slices.SortFunc(page, compare)
			page = page[:s.Limit]
			last = page[s.Limit-1]
		}
	}
	slices.SortFunc(page, compare)
	if s.Limit > 0 && len(page) > s.Limit {
		page = page[:s.Limit]
	}
	return page, selected - len(page), revision, nil
}

// at returns the objects of a kind as of a revision, in no order; of the present one for 0.
func (c *Cache) at(kind store.Kind, namespace string, revision int64) ([]store.AnyEntry, int64, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	t := c.tables[kind]
	if t == nil {
		return nil, 0, fmt.Errorf("list %s: no such kind", kind)
	}
	entries := t.list(namespace)
	if revision == 0 || revision == c.revision {
		return entries, c.revision, nil
	}
	if revision < t.ring.floor || revision > c.revision {
		return nil, 0, fmt.Errorf("list %s as of revision %d: %w", kind, revision, ErrGone)
	}
	// The first event of an object after the revision has what there was.
	was := map[name]store.AnyEntry{}
	for seq := t.ring.after(revision); seq < t.ring.end; seq++ {
		e := t.ring.at(seq)
		n := name{e.Key.Namespace, e.Key.Name}
		if _, known := was[n]; !known && (namespace == "" || namespace == n.namespace) {
			was[n] = e.Old
		}
	}
	entries = slices.DeleteFunc(entries, func(e store.AnyEntry) bool {
		_, changed := was[name{e.GetKey().Namespace, e.GetKey().Name}]
		return changed
	})
	for _, e := range was {
		if e != nil {
			entries = append(entries, e)
		}
	}
	return entries, revision, nil
}
