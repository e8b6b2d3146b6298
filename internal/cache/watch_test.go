package cache

import (
	"context"
	"errors"
	"sync"
	"testing"

	"horae/internal/store"
)

func writeJob(t testing.TB, s *store.Store, namespace, name string) int64 {
	t.Helper()
	j := newJob(name)
	j.Namespace = namespace
	key := store.JobKey(namespace, name)
	return apply(t, s, store.Change{Writes: []store.Write{putSpec(j, key)}})
}

func watchJobs(t *testing.T, c *Cache, namespace string, after int64) *Watcher {
	t.Helper()
	w, err := c.Watch(t.Context(), store.Jobs, namespace, after)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func nextName(t *testing.T, w *Watcher) string {
	t.Helper()
	e, err := w.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e.Key.Namespace + "/" + e.Key.Name
}

func TestWatchersStartWhereTheyAskFor(t *testing.T) {
	s := open(t)
	writeJob(t, s, "one", "before")
	c := newCache(t, s)
	follow(t, c)
	_, listed := c.List(store.Jobs, "")
	first := writeJob(t, s, "one", "a")
	writeJob(t, s, "two", "b")
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newRun("r", "a"), store.RunKey("default", "r"))}})
	last := writeJob(t, s, "one", "c")
	waitFor(t, c, last)

	all := watchJobs(t, c, "", listed)
	for _, want := range []string{"one/a", "two/b", "one/c"} {
		if got := nextName(t, all); got != want {
			t.Errorf("after the list: %s, want %s", got, want)
		}
	}
	if all.Revision() != last {
		t.Errorf("everything seen up to %d, want %d", all.Revision(), last)
	}
	some := watchJobs(t, c, "one", first)
	if some.Revision() != first {
		t.Errorf("nothing seen yet: revision %d, want %d", some.Revision(), first)
	}
	if got := nextName(t, some); got != "one/c" {
		t.Errorf("in a namespace, after its first: %s", got)
	}
	now := watchJobs(t, c, "", 0)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := now.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("nothing comes: %v", err)
		}
	})
	cancel()
	wg.Wait()
	// What is waited for comes; a watch from a revision that the cache has yet to reach waits for it.
	wg.Go(func() {
		if got := nextName(t, now); got != "one/d" {
			t.Errorf("waited for: %s", got)
		}
	})
	wg.Go(func() {
		ahead, err := c.Watch(t.Context(), store.Jobs, "", last+1)
		if err != nil {
			t.Error(err)
		} else if got := nextName(t, ahead); got != "one/e" {
			t.Errorf("after a revision ahead of the cache: %s", got)
		}
	})
	writeJob(t, s, "one", "d")
	writeJob(t, s, "one", "e")
	wg.Wait()

	if _, err := c.Watch(t.Context(), store.Jobs, "", listed-1); !errors.Is(err, ErrGone) {
		t.Errorf("before the first list: %v", err)
	}
	if _, err := c.Watch(t.Context(), "sources", "", 0); err == nil {
		t.Error("watching a kind that is not known")
	}
	if _, err := New(s, c.log).Watch(ctx, store.Jobs, "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a cache that was never filled: %v", err)
	}
}

func TestSlowWatchersAreToldAndHoldUpNobody(t *testing.T) {
	s := open(t)
	c := newCache(t, s, WithRing(4))
	follow(t, c)
	slow, quick := watchJobs(t, c, "", 0), watchJobs(t, c, "", 0)
	start := c.Revision()
	var last int64
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		last = writeJob(t, s, "one", name)
		if got := nextName(t, quick); got != "one/"+name {
			t.Errorf("got %s, want one/%s", got, name)
		}
	}
	waitFor(t, c, last)
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("four of five events are kept: %v", err)
	}
	if _, err := c.Watch(t.Context(), store.Jobs, "", start); !errors.Is(err, ErrGone) {
		t.Errorf("from before what is kept: %v", err)
	}
	if _, err := c.Watch(t.Context(), store.Jobs, "", start+1); !errors.Is(err, ErrGone) {
		t.Errorf("from a revision of which something may be gone: %v", err)
	}
	if got := nextName(t, watchJobs(t, c, "", start+2)); got != "one/c" {
		t.Errorf("from the oldest revision that is kept: %s", got)
	}
	// A storm of Runs costs the watchers of Jobs nothing.
	for range 10 {
		last = apply(t, s, store.Change{Writes: []store.Write{putSpec(newRun("r", "a"), store.RunKey("default", "r"))}})
	}
	waitFor(t, c, last)
	if got := nextName(t, watchJobs(t, c, "", start+2)); got != "one/c" {
		t.Errorf("after a storm of Runs: %s", got)
	}
}

// A watch of several kinds gives the events in the order of revisions, although each kind keeps its own.
func TestAWatchOfSeveralKindsIsInOrder(t *testing.T) {
	s := open(t)
	writeJob(t, s, "one", "a")
	c := newCache(t, s)
	follow(t, c)
	writeRun := func(name string) int64 {
		return apply(t, s, store.Change{Writes: []store.Write{putSpec(newRun(name, "a"), store.RunKey("default", name))}})
	}
	kinds := []store.Kind{store.Jobs, store.Runs}
	_, listed := c.ListKinds(kinds, "")
	waiting, err := c.WatchKinds(t.Context(), kinds, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // its events come while it waits
		for _, want := range []string{"default/r1", "one/a", "default/r2", "one/b"} {
			if got := nextName(t, waiting); got != want {
				t.Errorf("waited for: got %s, want %s", got, want)
			}
		}
	})
	first := writeRun("r1")
	writeJob(t, s, "one", "a")
	writeRun("r2")
	last := writeJob(t, s, "one", "b")
	waitFor(t, c, last)
	wg.Wait()
	all, err := c.WatchKinds(t.Context(), kinds, "", listed)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"default/r1", "one/a", "default/r2", "one/b"} {
		if got := nextName(t, all); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if want == "default/r1" && all.Revision() != first {
			t.Errorf("everything seen up to %d, want %d", all.Revision(), first)
		}
	}
	if all.Revision() != last {
		t.Errorf("everything seen up to %d, want %d", all.Revision(), last)
	}
	if _, err := c.WatchKinds(t.Context(), kinds, "", listed-1); !errors.Is(err, ErrGone) {
		t.Errorf("before the first list: %v", err)
	}
	entries, revision := c.ListKinds(kinds, "")
	if len(entries) != 4 || entries[0].GetKey() != store.JobKey("one", "a") || entries[3].GetKey() != store.RunKey("default", "r2") || revision != last {
		t.Errorf("listed %v at %d", entries, revision)
	}
	if got, at := c.Namespaces(); got["one"] != 2 || got["default"] != 2 || len(got) != 2 || at != last {
		t.Errorf("namespaces %v at %d", got, at)
	}
}
