package cache

import (
	"errors"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"horae/internal/callback"
	"horae/internal/store"
)

// callbacks are what callbacks have reported of Runs' attempts, and the keys from which their tokens are derived. They
// are kept beside the objects: a watch of Runs says nothing of them.
type callbacks struct {
	// The cache's lock guards these.
	of   map[name]*store.Callback
	keys callbackKeys

	// Only the follower touches these.
	staged     map[name]*store.Callback // a nil value: it was deleted
	stagedKeys *callbackKeys            // nil: they stay
	anew       bool
}

// callbackKeys are those of the document in etcd; err is why there is none to use.
type callbackKeys struct {
	keys [][]byte
	err  error
}

// errNoCallbackKeys: the leader makes a key at the beginning of its term, and when the document was deleted.
var errNoCallbackKeys = errors.New("there is no key for callbacks yet: the leader makes one")

// listing starts a list: what is staged until the next commit is all there is. anew is that of table.listing.
func (c *callbacks) listing(anew bool) {
	c.anew = anew
	c.staged = make(map[name]*store.Callback, len(c.of))
	for n := range c.of {
		c.staged[n] = nil
	}
	c.stagedKeys = &callbackKeys{err: errNoCallbackKeys}
}

// stage takes one change of a key, and reports whether it is one of callbacks. kv.Value does not matter if the key
// was deleted.
func (c *callbacks) stage(kv *mvccpb.KeyValue, deleted bool) bool {
	if string(kv.Key) == store.CallbackKeysKey {
		next := callbackKeys{err: errNoCallbackKeys}
		if !deleted {
			next.keys, next.err = store.DecodeCallbackKeys(kv.Value, callback.MinKeySize, callback.MaxKeys)
		}
		c.stagedKeys = &next
		return true
	}
	run, ok := store.ParseCallbackKey(string(kv.Key))
	if !ok {
		return false
	}
	if c.staged == nil {
		c.staged = map[name]*store.Callback{}
	}
	n := name{run.Namespace, run.Name}
	switch old := c.of[n]; {
	case deleted:
		c.staged[n] = nil
	case old != nil && !c.anew && old.Revision == kv.ModRevision:
		c.staged[n] = old
	default:
		c.staged[n] = store.NewCallback(kv)
	}
	return true
}

// commitLocked makes the staged changes, and returns the Runs that they concern and whether the keys have changed.
func (c *callbacks) commitLocked() (runs []store.Key, keys bool) {
	for n, next := range c.staged {
		if next == c.of[n] {
			continue
		}
		if next == nil {
			delete(c.of, n)
		} else {
			c.of[n] = next
		}
		runs = append(runs, store.RunKey(n.namespace, n.name))
	}
	if c.stagedKeys != nil {
		c.keys, keys = *c.stagedKeys, true
	}
	c.staged, c.stagedKeys, c.anew = nil, nil, false
	return runs, keys
}

// OnCallback has f called for each Run whose callbacks have changed, after the listeners of the same revision. f must
// not block. Call it before Follow.
func (c *Cache) OnCallback(f func(run store.Key)) { c.onCallback = append(c.onCallback, f) }

// OnCallbackKeys has f called when the keys of callbacks were written or deleted, and after each list. f must not
// block. Call it before Follow.
func (c *Cache) OnCallbackKeys(f func()) { c.onCallbackKeys = append(c.onCallbackKeys, f) }

// Callback returns what callbacks have reported of a Run's attempt; nil if nothing.
func (c *Cache) Callback(namespace, run string) *store.Callback {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.callbacks.of[name{namespace, run}]
}

// Callbacks returns the Runs of which there is something, in order.
func (c *Cache) Callbacks() []store.Key {
	c.mu.RLock()
	names := slices.Collect(maps.Keys(c.callbacks.of))
	c.mu.RUnlock()
	keys := make([]store.Key, len(names))
	for i, n := range names {
		keys[i] = store.RunKey(n.namespace, n.name)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// CallbackKeys returns the keys of callbacks, or why there is none. They must not be modified.
func (c *Cache) CallbackKeys() ([][]byte, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.callbacks.keys.keys, c.callbacks.keys.err
}
