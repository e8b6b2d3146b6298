package cache

import (
	"cmp"
	"errors"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"horae/internal/store"
)

// Stray is an etcd key among those of objects that is no object's. Somebody put it there by mistake: nothing else
// would ever say so.
type Stray struct {
	EtcdKey string
	// Why it is no object's.
	Why string
}

// maxStrays are kept; others are counted.
const maxStrays = 1000

// strays are the stray keys that etcd holds. The cache's lock guards it.
type strays struct {
	why map[string]string
	// more were not kept since the last list.
	more int
}

// Strays returns the stray keys in order, and how many more there are, about.
func (c *Cache) Strays() (list []Stray, more int) {
	c.mu.RLock()
	for key, why := range c.strays.why {
		list = append(list, Stray{key, why})
	}
	more = c.strays.more
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b Stray) int { return cmp.Compare(a.EtcdKey, b.EtcdKey) })
	return list, more
}

// stray takes note of a key that is no object's. Each is logged once, when it appears.
func (c *Cache) stray(s *strays, kv *mvccpb.KeyValue, deleted bool) {
	key := string(kv.Key)
	why := store.Stray(key)
	switch {
	case why == "":
		return
	case deleted:
		delete(s.why, key)
		return
	case s.why[key] != "":
		return
	case len(s.why) >= maxStrays:
		s.more++
		return
	}
	if s.why == nil {
		s.why = map[string]string{}
	}
	s.why[key] = why
	if c.strays.why[key] == "" || s == &c.strays {
		c.log.Info("Ignored an etcd key that is no object's", "key", key, "why", why, "remedy", "delete it with etcdctl")
	}
}

// report logs a document whose reading panicked: its object says so as well, but that something is to be mended
// here it cannot say.
func (c *Cache) report(e store.AnyEntry) {
	if e != nil && errors.Is(e.GetErr(), store.ErrPanicked) {
		c.panics.Inc()
		c.log.Error(e.GetErr(), "Reading a document panicked", "object", e.GetKey().String())
	}
}
