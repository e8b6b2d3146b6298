package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

// recorder keeps the events that a listener got.
type recorder struct {
	mu     sync.Mutex
	events []Event
}

func record(c *Cache) *recorder {
	r := &recorder{}
	c.Listen(func(e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, e)
	})
	return r
}

// take returns the events since the last take.
func (r *recorder) take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

func describe(events []Event) []string {
	var all []string
	for _, e := range events {
		switch {
		case e.Old == nil:
			all = append(all, "+"+e.Key.Name)
		case e.New == nil:
			all = append(all, "-"+e.Key.Name)
		default:
			all = append(all, "="+e.Key.Name)
		}
	}
	return all
}

func TestOneEventPerObjectAndTransaction(t *testing.T) {
	s := open(t)
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("before"), store.JobKey("default", "before"))}})
	c := newCache(t, s)
	heard := record(c)
	follow(t, c)
	if got := describe(heard.take()); !slices.Equal(got, []string{"+before"}) {
		t.Fatalf("the first list gave the events %v", got)
	}

	key := store.RunKey("default", "r1")
	run := newRun("r1", "before")
	run.Status.Phase = v1.RunLaunching
	run.Status.Attempts = []v1.Attempt{{TaskID: "default.r1.7.1", State: v1.RunLaunching}}
	rev := apply(t, s, store.Change{Writes: []store.Write{putSpec(run, key), putStatus(run, key)}})
	waitFor(t, c, rev)
	got := c.Run("default", "r1")
	if got == nil || got.Object.Status.Phase != v1.RunLaunching || got.Rev.SpecMod != rev || got.Rev.StatusMod != rev {
		t.Fatalf("got %+v", got)
	}
	if events := heard.take(); len(events) != 1 || events[0].New != got || events[0].Old != nil || events[0].Revision != rev || events[0].Key != key {
		t.Errorf("events: %+v", events)
	}

	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(key)}}))
	if r := c.Run("default", "r1"); r == nil || !r.Rev.Deleted() {
		t.Errorf("deleted, its status left: %+v", r)
	}
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{store.DeleteStatus(key), putSpec(newJob("after"), store.JobKey("default", "after"))}}))
	if c.Run("default", "r1") != nil || c.RunsOf("default", "before") != nil {
		t.Error("something is left of the Run")
	}
	if got := describe(heard.take()); !slices.Equal(got, []string{"=r1", "+after", "-r1"}) {
		t.Errorf("events %v", got)
	}
	if jobs, runs := c.Count(store.Jobs), c.Count(store.Runs); jobs != 2 || runs != 0 {
		t.Errorf("counts %d, %d", jobs, runs)
	}
}

func TestForeignKeysAndUndecodableValues(t *testing.T) {
	s := open(t)
	put(t, s, "/horae/spec/sources/default/holidays", "kind: Calendar")
	put(t, s, "/horae/spec/jobs/default/broken", "kind: [")
	put(t, s, "/horae/spec/jobs/default", "?")
	put(t, s, "/horae/whatever", "?")
	c := newCache(t, s)
	follow(t, c)
	put(t, s, "/horae/status/sources/default/holidays", "?")
	put(t, s, "/horae/spec/jobs/default/good", "apiVersion: horae/v1\nkind: Job\nmetadata: {}\nspec: {task: {shell: 'true'}}\n")
	put(t, s, "/horae/status/jobs/default/good", "garbage")
	put(t, s, store.FrameworkIDKey, "?")
	put(t, s, "/horae/spec/runs/default/broken", "{}")
	del(t, s, "/horae/spec/jobs/default/never")
	waitFor(t, c, del(t, s, "/horae/spec/sources/default/holidays"))

	broken, good, run := c.Job("default", "broken"), c.Job("default", "good"), c.Run("default", "broken")
	if broken == nil || broken.Err == nil || broken.Object.Name != "broken" {
		t.Errorf("an undecodable spec: %+v", broken)
	}
	if good == nil || good.StatusErr() == nil || good.Err == nil || good.Object.Spec.Task.Shell != "true" {
		t.Errorf("an undecodable status: %+v", good)
	}
	if run == nil || run.Err == nil {
		t.Errorf("an undecodable Run: %+v", run)
	}
	if jobs, runs := c.Count(store.Jobs), c.Count(store.Runs); jobs != 2 || runs != 1 {
		t.Errorf("counts %d, %d", jobs, runs)
	}
	put(t, s, "/horae/spec/jobs/default/broken", "apiVersion: horae/v1\nkind: Job\nmetadata: {}\nspec: {task: {shell: 'false'}}\n")
	waitFor(t, c, del(t, s, "/horae/status/jobs/default/good"))
	if err := errors.Join(c.Job("default", "broken").Err, c.Job("default", "good").Err); err != nil {
		t.Errorf("after good writes: %v", err)
	}
}

func TestAStatusChangeSharesTheSpec(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	key := store.JobKey("default", "a")
	job := newJob("a")
	job.Labels = map[string]string{"team": "data"}
	job.Spec.Task.Env = []v1.EnvVar{{Name: "A", Value: "1"}}
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(job, key)}}))
	before := c.Job("default", "a")
	status := before.Object.DeepCopy()
	status.Status.Occurrences = 3
	waitFor(t, c, apply(t, s, store.Change{Guards: []store.Guard{store.StatusAt(key, 0)}, Writes: []store.Write{putStatus(status, key)}}))
	after := c.Job("default", "a")
	if after == before || after.Object.Status.Occurrences != 3 || before.Object.Status.Occurrences != 0 {
		t.Fatalf("before %+v, after %+v", before.Object.Status, after.Object.Status)
	}
	if &before.Object.Spec.Task.Env[0] != &after.Object.Spec.Task.Env[0] {
		t.Error("the spec was decoded again")
	}
}

func TestRecreatedObjectKeepsTheEarlierOnesStatusApart(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	heard := record(c)
	follow(t, c)
	key := store.RunKey("default", "r")
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(newRun("r", "a"), key)}}))
	first := c.Run("default", "r")
	status := first.Object.DeepCopy()
	status.Status.Phase, status.Status.Attempts = v1.RunRunning, []v1.Attempt{{TaskID: "t1"}}
	apply(t, s, store.Change{Writes: []store.Write{putStatus(status, key)}})
	apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(key)}})
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(newRun("r", "b"), key)}}))
	second := c.Run("default", "r")
	if second.Object.UID == first.Object.UID || second.Object.Status.Phase != "" {
		t.Errorf("the second incarnation has the first one's uid or status: %+v", second.Object)
	}
	if second.Earlier == nil || second.Earlier.UID != first.Object.UID || second.Earlier.Status.Phase != v1.RunRunning {
		t.Errorf("the first incarnation's status is lost: %+v", second.Earlier)
	}
	if len(c.RunsOf("default", "a")) != 0 || len(c.RunsOf("default", "b")) != 1 {
		t.Errorf("Runs of a: %v, of b: %v", c.RunsOf("default", "a"), c.RunsOf("default", "b"))
	}
	if got := describe(heard.take()); !slices.Equal(got, []string{"+r", "=r", "=r", "=r"}) {
		t.Errorf("events %v", got)
	}
}

func TestListsAreSortedAndRunsOfAJobOldestFirst(t *testing.T) {
	s := open(t)
	for _, name := range []string{"z", "m", "a"} {
		for _, ns := range []string{"two", "one"} {
			apply(t, s, store.Change{Writes: []store.Write{putSpec(inNamespace(newRun(name, "j"), ns), store.RunKey(ns, name))}})
		}
	}
	c := newCache(t, s)
	follow(t, c)
	apply(t, s, store.Change{Writes: []store.Write{putSpec(inNamespace(newRun("b", "j"), "one"), store.RunKey("one", "b"))}})
	other := inNamespace(newRun("m", "other"), "one")
	rev := apply(t, s, store.Change{Writes: []store.Write{putSpec(other, store.RunKey("one", "m"))}})
	waitFor(t, c, rev)
	if got := names(c.Runs("")); got != "one/a one/b one/m one/z two/a two/m two/z" {
		t.Errorf("all Runs: %s", got)
	}
	if runs, at := c.List(store.Runs, "two"); names(runs) != "two/a two/m two/z" || at != rev {
		t.Errorf("Runs of a namespace: %s at %d", names(runs), at)
	}
	if got := names(c.RunsOf("one", "j")); got != "one/z one/a one/b" {
		t.Errorf("Runs of the Job: %s", got)
	}
	if got := names(c.RunsOf("one", "other")); got != "one/m" {
		t.Errorf("Runs of the Job that one was given to: %s", got)
	}
}

func inNamespace(r *v1.Run, namespace string) *v1.Run {
	r.Namespace = namespace
	return r
}

func names[E store.AnyEntry](entries []E) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.GetKey().Namespace+"/"+e.GetKey().Name)
	}
	return strings.Join(all, " ")
}

// Who reads all Runs at one instant sees each transaction as a whole.
func TestTransactionsAreSeenAsAWhole(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	const n = 20
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			revisions := map[int64]bool{}
			for _, r := range c.Runs("") {
				revisions[r.Rev.SpecMod] = true
				if r.Rev.StatusMod != r.Rev.SpecMod {
					t.Errorf("%s is seen between its two keys: %+v", r.Key, r.Rev)
				}
			}
			if len(revisions) > 1 {
				t.Errorf("a transaction is seen in part: revisions %v", revisions)
			}
		}
	})
	var rev int64
	for range 100 {
		var all store.Change
		for i := range n {
			key := store.RunKey("default", fmt.Sprintf("r%d", i))
			run := newRun(key.Name, "j")
			all.Writes = append(all.Writes, putSpec(run, key), putStatus(run, key))
		}
		rev = apply(t, s, all)
	}
	waitFor(t, c, rev)
	stop.Store(true)
	wg.Wait()
}

func TestWaitForARevisionThatChangedNothing(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	var mu sync.Mutex
	var revisions []int64
	c.OnRevision(func(r int64) {
		mu.Lock()
		defer mu.Unlock()
		revisions = append(revisions, r)
	})
	follow(t, c)
	rev := put(t, s, "/elsewhere", "1")
	waitFor(t, c, rev)
	if c.Revision() < rev {
		t.Errorf("revision %d, want %d", c.Revision(), rev)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.IsSorted(revisions) || revisions[len(revisions)-1] < rev {
		t.Errorf("events of the revisions %v", revisions)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitFor(ctx, rev+1000); !errors.Is(err, context.Canceled) {
		t.Errorf("waited in vain: %v", err)
	}
}

// behindProxy follows through a proxy, so that the test can keep the cache behind.
func behindProxy(t *testing.T) (s *store.Store, c *Cache, heard *recorder, proxy *etcdtest.Proxy) {
	t.Helper()
	endpoint := etcdtest.Start(t)
	proxy = etcdtest.NewProxy(t, endpoint)
	c = newCache(t, open(t, proxy.Endpoint))
	heard = record(c)
	s = open(t, endpoint)
	return s, c, heard, proxy
}

func TestCompactionWhileWatching(t *testing.T) {
	s, c, heard, proxy := behindProxy(t)
	for _, name := range []string{"stays", "changes", "goes", "again"} {
		key := store.JobKey("default", name)
		apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob(name), key), putStatus(newJob(name), key)}})
	}
	follow(t, c)
	stays, again := c.Job("default", "stays"), c.Job("default", "again")
	heard.take()
	watch, err := c.Watch(t.Context(), store.Jobs, "", c.Revision())
	if err != nil {
		t.Fatal(err)
	}

	proxy.Cut()
	changes := store.JobKey("default", "changes")
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("changes"), changes)}})
	apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(store.JobKey("default", "goes")), store.DeleteStatus(store.JobKey("default", "goes"))}})
	apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(store.JobKey("default", "again"))}})
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("again"), store.JobKey("default", "again"))}})
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("unseen"), store.JobKey("default", "unseen"))}})
	apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(store.JobKey("default", "unseen"))}})
	rev := apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("comes"), store.JobKey("default", "comes"))}})
	if _, err := s.Client().Compact(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	proxy.Restore()
	waitFor(t, c, rev)

	events := heard.take()
	got := describe(events)
	slices.Sort(got)
	if !slices.Equal(got, []string{"+comes", "-goes", "=again", "=changes"}) {
		t.Errorf("events %v", got)
	}
	for range events {
		if e, err := watch.Next(t.Context()); err != nil || e.Revision != rev {
			t.Errorf("the watcher got %+v, %v", e, err)
		}
	}
	if c.Job("default", "stays") != stays {
		t.Error("what did not change was decoded again")
	}
	if now := c.Job("default", "again"); now.Rev.SpecCreate == again.Rev.SpecCreate || now.Earlier == nil {
		t.Errorf("created again: %+v", now)
	}
	equalToAFreshList(t, s, c)
}

func TestEtcdRestartsWhileWatching(t *testing.T) {
	server := etcdtest.New(t)
	s := open(t, server.Endpoint)
	c := newCache(t, s)
	heard := record(c)
	follow(t, c)
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("a"), store.JobKey("default", "a"))}})
	server.Restart()
	direct := etcdtest.Client(t, server.Endpoint)
	resp, err := direct.Put(t.Context(), store.JobKey("default", "b").Spec(), "{}")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, resp.Header.Revision)
	if got := describe(heard.take()); !slices.Equal(got, []string{"+a", "+b"}) {
		t.Errorf("events %v", got)
	}
}

func TestFollowBeginsWhileEtcdIsAway(t *testing.T) {
	server := etcdtest.New(t)
	endpoint := etcdtest.NewProxy(t, server.Endpoint)
	s := open(t, endpoint.Endpoint)
	c := newCache(t, s)
	endpoint.Cut()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.Follow(ctx); err != nil {
			t.Error(err)
		}
	})
	endpoint.Restore()
	wait(t, c.Synced())
	cancel()
	wg.Wait()
}

func TestVerifyFindsAModifiedEntry(t *testing.T) {
	s := open(t)
	apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("a"), store.JobKey("default", "a"))}})
	c := newCache(t, s)
	follow(t, c)
	if err := c.Verify(); err != nil {
		t.Fatal(err)
	}
	shell := &c.Job("default", "a").Object.Spec.Task.Shell
	*shell = "modified"
	if err := c.Verify(); err == nil || !strings.Contains(err.Error(), "jobs/default/a") {
		t.Errorf("Verify = %v", err)
	}
	*shell = "true"
	if err := New(s, c.log).Verify(); err == nil {
		t.Error("a cache that verifies nothing says that all is well")
	}
}

// equalToAFreshList compares the cache with one that has just been filled.
func equalToAFreshList(t testing.TB, s *store.Store, c *Cache) {
	t.Helper()
	fresh := New(s, c.log)
	if _, err := fresh.list(t.Context(), store.Position{}); err != nil {
		t.Fatal(err)
	}
	if d := difference(fresh, c); d != "" {
		t.Errorf("the cache differs from a fresh list (-fresh +cache):\n%s", d)
	}
}

var _ Source = (*store.Store)(nil)
