package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/store"
)

// Bounds of the delay before etcd is listed again.
const (
	leastDelay = 10 * time.Millisecond
	mostDelay  = 5 * time.Second
)

// Follow keeps the cache up with etcd until ctx ends: it lists, watches, and lists again whenever the watch ended. While etcd is
// away the cache stays as it is. It is called once, and answers nil.
func (c *Cache) Follow(ctx context.Context) error {
	delay := leastDelay
	for {
		before := c.Revision()
		err := c.listAndWatch(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end, whatever it broke
		}
		if c.Revision() > before {
			delay = leastDelay
		}
		c.log.Info("Listing etcd again", "reason", err.Error(), "revision", c.Revision())
		if !sleep(ctx, delay/2+rand.N(delay/2)) {
			return nil
		}
		delay = min(2*delay, mostDelay)
	}
}

// sleep answers false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Cache) listAndWatch(ctx context.Context) error {
	revision, err := c.list(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range c.source.Watch(ctx, revision) {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch after revision %d: %w", c.Revision(), err)
		}
		c.apply(resp)
	}
	return errors.New("the watch ended")
}

// list brings the cache to etcd's present revision.
func (c *Cache) list(ctx context.Context) (int64, error) {
	for _, t := range c.inOrder {
		t.listing()
	}
	revision, err := c.source.List(ctx, func(page []*store.KeyValue) error {
		for _, kv := range page {
			if key, side, ok := store.ParseKey(string(kv.Key)); ok {
				if t := c.tables[key.Kind]; t != nil {
					t.listed(key, side, kv)
				}
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
	c.commit(revision)
	return revision, nil
}

// apply brings the cache through a response's revisions, one after the other.
func (c *Cache) apply(resp clientv3.WatchResponse) {
	if len(resp.Events) == 0 {
		// A progress notification: the watch has given all events up to its revision.
		c.commit(resp.Header.Revision)
		return
	}
	events := resp.Events
	for i, ev := range events {
		if key, side, ok := store.ParseKey(string(ev.Kv.Key)); ok {
			if t := c.tables[key.Kind]; t != nil {
				kv := ev.Kv
				if ev.Type == clientv3.EventTypeDelete {
					kv = nil
				}
				t.stage(key, side, kv)
			}
		}
		if i+1 == len(events) || events[i+1].Kv.ModRevision != ev.Kv.ModRevision {
			c.commit(ev.Kv.ModRevision)
		}
	}
}

// commit makes what is staged, tells it, and stands at the revision. Revisions never go back: a member that is behind may
// send progress notifications that are.
func (c *Cache) commit(revision int64) {
	first := false
	c.mu.Lock()
	var events []Event
	for _, t := range c.inOrder {
		events = append(events, t.commitLocked(revision)...)
	}
	advanced := revision > c.revision
	if first = c.revision == 0; first {
		for _, t := range c.inOrder {
			t.startLocked(revision)
		}
	}
	c.revision = max(c.revision, revision)
	c.mu.Unlock()

	for _, e := range events {
		for _, f := range c.listeners {
			f(e)
		}
	}
	if advanced {
		for _, f := range c.onRev {
			f(revision)
		}
	}
	if advanced {
		c.told.Store(revision)
		c.advanced.fire()
	}
	if first {
		close(c.synced)
	}
}
