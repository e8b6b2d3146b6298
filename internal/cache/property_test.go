package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

// content is all that a cache answers, indexes included.
type content struct {
	Jobs   map[string]*store.Job
	Runs   map[string]*store.Run
	ByJob  map[string][]string
	Active map[string][]string
	Counts [2]int
}

func contentOf(c *Cache) content {
	all := content{map[string]*store.Job{}, map[string]*store.Run{}, map[string][]string{}, map[string][]string{}, [2]int{}}
	all.Counts[0], all.Counts[1] = c.Count(store.Jobs), c.Count(store.Runs)
	for _, j := range c.Jobs("") {
		all.Jobs[j.Key.String()] = j
	}
	for _, r := range c.Runs("") {
		all.Runs[r.Key.String()] = r
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for job, runs := range c.index.byJob {
		for _, r := range runs {
			if c.getLocked(r.Key) != r {
				r = &store.Run{Key: store.RunKey("stale", r.Key.Name)}
			}
			all.ByJob[job.namespace+"/"+job.name] = append(all.ByJob[job.namespace+"/"+job.name], r.Key.String())
		}
	}
	for run, jobs := range c.active.jobs {
		all.Active[run.namespace+"/"+run.name] = slices.Sorted(slices.Values(jobs))
	}
	return all
}

func difference(want, got *Cache) string {
	return cmp.Diff(contentOf(want), contentOf(got),
		cmpopts.IgnoreUnexported(store.Job{}, store.Run{}),
		cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) }))
}

// model is what the listeners' events add up to, applied in the order in which they came.
type model struct {
	revision int64
	jobs     map[store.Key]*store.Job
	runs     map[store.Key]*store.Run
	problems []string
}

func (m *model) apply(e Event) {
	if e.Revision < m.revision {
		m.problems = append(m.problems, fmt.Sprintf("revision %d came after %d", e.Revision, m.revision))
	}
	m.revision = e.Revision
	oldJob, newJob := Of[v1.Job](e)
	oldRun, newRun := Of[v1.Run](e)
	if oldJob != m.jobs[e.Key] || oldRun != m.runs[e.Key] {
		m.problems = append(m.problems, fmt.Sprintf("%s at %d: its old entry is not that of the event before", e.Key, e.Revision))
	}
	if e.Key.Kind == store.Jobs {
		set(m.jobs, e.Key, newJob)
	} else {
		set(m.runs, e.Key, newRun)
	}
}

func set[T any](m map[store.Key]*T, key store.Key, v *T) {
	if v == nil {
		delete(m, key)
	} else {
		m[key] = v
	}
}

// interruptible is a store whose watch the test can end, so that the cache lists again.
type interruptible struct {
	*store.Store
	mu     sync.Mutex
	cancel context.CancelFunc // of the watch; guarded by mu
}

func (i *interruptible) Watch(ctx context.Context, after int64) clientv3.WatchChan {
	ctx, cancel := context.WithCancel(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel = cancel
	return i.Store.Watch(ctx, after)
}

func (i *interruptible) interrupt() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cancel != nil {
		i.cancel()
	}
}

// Writers of all sorts write at random and concurrently, etcd is compacted, connections are broken
// under the watch, and it ends. At every
// quiescent revision the cache equals a fresh list, and so does what its events add up to.
func TestCacheEqualsAFreshListProperty(t *testing.T) {
	endpoint := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, endpoint)
	s := open(t, endpoint)
	followed := open(t, proxy.Endpoint)
	rapid.Check(t, func(rt *rapid.T) {
		source := &interruptible{Store: followed}
		c := New(source, logr.Discard(), VerifyImmutable(), WithRing(8))
		listener := &model{jobs: map[store.Key]*store.Job{}, runs: map[store.Key]*store.Run{}}
		c.Listen(listener.apply)
		ctx, cancel := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() { _ = c.Follow(ctx) })
		defer func() {
			cancel()
			following.Wait()
		}()
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			writers := rapid.SliceOfN(rapid.SliceOfN(change(), 1, 8), 1, 3).Draw(rt, "writers")
			trouble := rapid.SampledFrom([]string{"", "break", "compact", "interrupt", "interrupt and compact"}).Draw(rt, "trouble")
			if trouble == "interrupt" || trouble == "interrupt and compact" {
				source.interrupt()
			}
			var writing sync.WaitGroup
			for _, changes := range writers {
				writing.Go(func() {
					for _, ch := range changes {
						if _, err := s.Apply(ctx, ch); err != nil {
							t.Error(err)
						}
					}
				})
			}
			if trouble == "break" {
				proxy.Break()
			}
			writing.Wait()
			rev := put(t, s, store.Prefix+"quiescent", "1")
			if trouble == "compact" || trouble == "interrupt and compact" {
				if _, err := s.Client().Compact(ctx, rev); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
					rt.Fatal(err)
				}
			}
			if err := c.WaitFor(ctx, rev); err != nil {
				rt.Fatal(err)
			}
			fresh := New(s, logr.Discard())
			if _, err := fresh.list(ctx, store.Position{}); err != nil {
				rt.Fatal(err)
			}
			if d := difference(fresh, c); d != "" {
				rt.Fatalf("the cache differs from a fresh list (-fresh +cache):\n%s", d)
			}
			if err := c.Verify(); err != nil {
				rt.Fatal(err)
			}
		}
		cancel()
		following.Wait()
		if len(listener.problems) > 0 {
			rt.Fatal(listener.problems)
		}
		for _, j := range c.Jobs("") {
			if listener.jobs[j.Key] != j {
				rt.Fatalf("no event brought %s", j.Key)
			}
		}
		for _, r := range c.Runs("") {
			if listener.runs[r.Key] != r {
				rt.Fatalf("no event brought %s", r.Key)
			}
		}
		if jobs, runs := c.Count(store.Jobs), c.Count(store.Runs); jobs != len(listener.jobs) || runs != len(listener.runs) {
			rt.Fatalf("the events brought %d Jobs and %d Runs, there are %d and %d", len(listener.jobs), len(listener.runs), jobs, runs)
		}
	})
}

// change draws a transaction on one to three of a few keys.
func change() *rapid.Generator[store.Change] {
	return rapid.Custom(func(t *rapid.T) store.Change {
		var c store.Change
		for range rapid.IntRange(1, 3).Draw(t, "writes") {
			w := write().Draw(t, "write")
			if !slices.ContainsFunc(c.Writes, func(o store.Write) bool { return o.EtcdKey == w.EtcdKey }) {
				c.Writes = append(c.Writes, w)
			}
		}
		return c
	})
}

func write() *rapid.Generator[store.Write] {
	return rapid.Custom(func(t *rapid.T) store.Write {
		name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		job, run := store.JobKey("default", name), store.RunKey("default", name)
		r := newRun(name, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "job"))
		for i := range rapid.IntRange(0, 2).Draw(t, "attempts") {
			r.Status.Attempts = append(r.Status.Attempts, v1.Attempt{TaskID: fmt.Sprintf("%s.%d", name, i)})
		}
		if rapid.Bool().Draw(t, "of another incarnation") {
			r.UID = store.UID(run, 1)
		}
		j := newJob(name)
		j.Status.Active = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "active")
		return rapid.SampledFrom([]store.Write{
			putSpec(newJob(name), job), putStatus(j, job), putStatus(j, job), store.DeleteSpec(job), store.DeleteStatus(job),
			{EtcdKey: job.Spec(), Value: []byte("spec: [")}, {EtcdKey: job.Status(), Value: []byte("{")},
			putSpec(r, run), putStatus(r, run), putSpec(r, run), putStatus(r, run), store.DeleteSpec(run), store.DeleteStatus(run),
			{EtcdKey: "/horae/spec/sources/default/" + name, Value: []byte("?")},
		}).Draw(t, "what")
	})
}
