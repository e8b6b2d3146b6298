package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/backoff"
	"horae/internal/store"
)

// again is the delay before etcd is listed again.
var again = backoff.Policy{First: 10 * time.Millisecond, Max: 5 * time.Second, Jitter: .5}

// Follow keeps the cache up with etcd until ctx ends: it lists, watches, and lists again whenever the watch ended.
// While etcd is away the cache stays as it is. It is called once, and answers nil.
func (c *Cache) Follow(ctx context.Context) error {
	failures := backoff.Counter{Policy: again}
	for {
		before := c.Revision()
		err := c.listAndWatch(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end, whatever it broke
		}
		if c.Revision() > before {
			failures.Reset()
		}
		c.log.Info("Listing etcd again", "error", err.Error(), "revision", c.Revision())
		if backoff.Sleep(ctx, failures.Next()) != nil {
			return nil //nolint:nilerr // ctx has ended, as the caller wanted
		}
	}
}

func (c *Cache) listAndWatch(ctx context.Context) error {
	now, err := c.source.Position(ctx)
	if err != nil {
		return err
	}
	revision, err := c.list(ctx, now)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel(nil)
	looking.Go(func() { cancel(c.lookBack(ctx)) })
	for resp := range c.source.Watch(ctx, revision) {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch after revision %d: %w", c.Revision(), err)
		}
		if resp.Header.ClusterId != now.Cluster {
			return errRewound
		}
		c.apply(resp)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errors.New("the watch ended")
}

// errRewound: etcd has been restored from an older state, or is another one.
var errRewound = errors.New("etcd has gone back to an older state")

// lookBack checks from time to time whether etcd has gone back, and returns errRewound then. A watch does not
// report that: it waits in silence until etcd comes to its revision again, and misses what happens until then.
func (c *Cache) lookBack(ctx context.Context) error {
	ticker := time.NewTicker(c.lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.look:
			if c.noticed.Load() > c.rewinds.Load() {
				return errRewound
			}
		case <-ticker.C:
			rewinds, stood := c.stands() // before etcd is asked, so that its answer cannot be lower
			if now, err := c.source.Position(ctx); err == nil && c.rewound(rewinds, stood, now) {
				return errRewound
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// stands is how often the cache has followed etcd back, and the position of etcd that it has come to.
func (c *Cache) stands() (rewinds int64, stood store.Position) {
	rewinds = c.rewinds.Load() // First: it is counted last.
	return rewinds, store.Position{Cluster: c.cluster.Load(), Revision: c.reported.Load()}
}

// rewound reports whether etcd has gone back since the cache has stood somewhere: an etcd of the position now,
// which was asked for afterwards, cannot be the one that was seen. Once noticed that stays so until the cache has
// followed: etcd may soon be as far as it was, with other content.
func (c *Cache) rewound(rewinds int64, stood, now store.Position) bool {
	if stood.Cluster != 0 && (now.Cluster != stood.Cluster || now.Revision < stood.Revision) {
		c.noticed.CompareAndSwap(rewinds, rewinds+1)
	}
	return c.noticed.Load() > rewinds
}

// list brings the cache to etcd's present revision. now is from a moment ago.
func (c *Cache) list(ctx context.Context, now store.Position) (int64, error) {
	rewinds, stood := c.stands()
	rewound := c.rewound(rewinds, stood, now)
	for _, t := range c.inOrder {
		t.listing(rewound)
	}
	c.callbacks.listing(rewound)
	var found strays
	revision, err := c.source.List(ctx, func(page []*store.KeyValue) error {
		for _, kv := range page {
			if key, side, ok := store.ParseKey(string(kv.Key)); ok && c.tables[key.Kind] != nil {
				c.tables[key.Kind].listed(key, side, kv)
			} else if !c.callbacks.stage(kv, false) {
				c.stray(&found, kv, false)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, t := range c.inOrder {
		t.stageListed()
	}
	c.cluster.Store(now.Cluster)
	c.mu.Lock()
	c.strays = found
	c.mu.Unlock()
	c.commit(revision, rewound)
	return revision, nil
}

// apply brings the cache through a response's revisions, one after the other.
func (c *Cache) apply(resp clientv3.WatchResponse) {
	if len(resp.Events) == 0 {
		// A progress notification: the watch has given all events up to its revision.
		c.commit(resp.Header.Revision, false)
		return
	}
	events := resp.Events
	for i, ev := range events {
		deleted := ev.Type == clientv3.EventTypeDelete
		if key, side, ok := store.ParseKey(string(ev.Kv.Key)); !ok || c.tables[key.Kind] == nil {
			if !c.callbacks.stage(ev.Kv, deleted) {
				c.mu.Lock()
				c.stray(&c.strays, ev.Kv, deleted)
				c.mu.Unlock()
			}
		} else if deleted {
			c.tables[key.Kind].stage(key, side, nil)
		} else {
			c.tables[key.Kind].stage(key, side, ev.Kv)
		}
		if i+1 == len(events) || events[i+1].Kv.ModRevision != ev.Kv.ModRevision {
			c.commit(ev.Kv.ModRevision, false)
		}
	}
}

// commit applies the staged changes, calls the listeners, and moves to the revision. Revisions go back only if
// etcd itself has (rewound): a member that is behind may send old progress notifications.
func (c *Cache) commit(revision int64, rewound bool) {
	c.mu.Lock()
	var events []Event
	for _, t := range c.inOrder {
		events = append(events, t.commitLocked(revision)...)
	}
	calledBack, keysChanged := c.callbacks.commitLocked()
	first := c.revision == 0
	if first || rewound {
		for _, t := range c.inOrder {
			t.startLocked(revision)
		}
	}
	advanced := rewound || revision > c.revision
	if advanced {
		c.revision = revision
	}
	c.mu.Unlock()
	if first || rewound || len(events) > 0 {
		c.committed.fire()
	}

	if rewound {
		for _, f := range c.onRewind {
			f()
		}
	}
	for _, e := range events {
		c.report(e.New)
		for _, f := range c.listeners {
			f(e)
		}
	}
	for _, run := range calledBack {
		for _, f := range c.onCallback {
			f(run)
		}
	}
	if keysChanged {
		for _, f := range c.onCallbackKeys {
			f()
		}
	}
	if advanced {
		for _, f := range c.onRev {
			f(revision)
		}
		c.reported.Store(revision)
		if rewound {
			c.rewinds.Add(1)
		}
		c.advanced.fire()
	}
	if first {
		close(c.synced)
	}
}
