package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"horae/internal/etcdtest"
	"horae/internal/store"
)

// lookOften makes the cache look for a rewound etcd without pause.
func lookOften(c *Cache) { c.lookEvery = 20 * time.Millisecond }

// neverLook leaves it to CatchUp.
func neverLook(c *Cache) { c.lookEvery = time.Hour }

func every(period string) string {
	return fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Job","spec":{"schedule":"@%s","task":{"shell":"true"}}}`, period)
}

// rewindable is a cache over an etcd that a test restores.
type rewindable struct {
	*Cache
	etcd    *etcdtest.Server
	store   *store.Store
	rewound atomic.Int64
}

func startRewindable(t *testing.T, etcd *etcdtest.Server, option Option) *rewindable {
	r := &rewindable{etcd: etcd, store: open(t, etcd.Endpoint)}
	r.Cache = newCache(t, r.store, option)
	r.OnRewind(func() { r.rewound.Add(1) })
	return r
}

// goesBack waits until the cache stands where etcd does, though it has stood further.
func (r *rewindable) goesBack(t *testing.T) {
	t.Helper()
	for r.rewound.Load() == 0 {
		advanced := r.advanced.wait()
		if r.rewound.Load() > 0 {
			break
		}
		wait(t, advanced)
	}
	r.catchUp(t)
}

// catchUp repeats the question while etcd is just coming back.
func (r *rewindable) catchUp(t *testing.T) {
	t.Helper()
	for {
		err := r.CatchUp(t.Context())
		if err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestARestoredEtcdIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		option Option
		notice func(*rewindable, *testing.T)
	}{
		{name: "by looking from time to time", option: lookOften, notice: (*rewindable).goesBack},
		{name: "by catching up", option: neverLook, notice: (*rewindable).catchUp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			etcd := etcdtest.New(t)
			r := startRewindable(t, etcd, tt.option)
			put(t, r.store, store.JobKey("default", "kept").Spec(), every("daily"))
			put(t, r.store, store.JobKey("default", "changed").Spec(), every("daily"))
			backup := etcd.Backup()
			put(t, r.store, store.JobKey("default", "changed").Spec(), every("weekly"))
			last := put(t, r.store, store.JobKey("default", "lost").Spec(), every("hourly"))
			heard := record(r.Cache)
			follow(t, r.Cache)
			waitFor(t, r.Cache, last)
			heard.take()
			events, err := r.Watch(t.Context(), store.Jobs, "", last)
			if err != nil {
				t.Fatal(err)
			}

			etcd.Restore(backup)
			// The revision at which the Job was changed is given out again, to another change: it must not be taken for the first.
			for {
				if _, err := r.store.Client().Put(t.Context(), store.JobKey("default", "changed").Spec(), every("yearly")); err == nil {
					break
				}
			}
			tt.notice(r, t)
			if r.rewound.Load() != 1 {
				t.Errorf("OnRewind was called %d times, want once", r.rewound.Load())
			}
			if got := r.Revision(); got >= last {
				t.Errorf("the cache stands at revision %d, want one before %d", got, last)
			}
			if j := r.Job("default", "changed"); j == nil || j.Object.Spec.Schedule != "@yearly" {
				t.Errorf("a Job of which one revision was given out twice: %+v", j)
			}
			if r.Job("default", "lost") != nil || r.Job("default", "kept") == nil {
				t.Error("the cache does not hold what etcd does")
			}
			if _, err := events.Next(t.Context()); !errors.Is(err, ErrGone) {
				t.Errorf("a watcher of the time that never was: %v, want ErrGone", err)
			}
			gone := false
			for _, e := range heard.take() {
				gone = gone || e.Key.Name == "lost" && e.New == nil
			}
			if !gone {
				t.Error("no event reports that a Job has vanished")
			}
			// Life goes on at revisions that were there before.
			again := put(t, r.store, store.JobKey("default", "lost").Spec(), every("monthly"))
			waitFor(t, r.Cache, again)
			if j := r.Job("default", "lost"); j == nil || j.Object.Spec.Schedule != "@monthly" {
				t.Errorf("what was written afterwards: %+v", j)
			}
		})
	}
}

// TestAnotherEtcdIsNoticed: one that is ahead, so that its revision shows nothing.
func TestAnotherEtcdIsNoticed(t *testing.T) {
	token := "first"
	etcd := etcdtest.New(t, etcdtest.WithConfig(func(c *embed.Config) { c.InitialClusterToken = token }))
	r := startRewindable(t, etcd, lookOften)
	last := put(t, r.store, store.JobKey("default", "a").Spec(), every("daily"))
	follow(t, r.Cache)
	waitFor(t, r.Cache, last)
	token = "second"
	etcd.Restore("")
	direct := etcdtest.Client(t, etcd.Endpoint)
	for i := range 20 {
		if _, err := direct.Put(t.Context(), store.JobKey("default", fmt.Sprintf("b%d", i)).Spec(), every("daily")); err != nil {
			t.Fatal(err)
		}
	}
	r.goesBack(t)
	if jobs := r.Count(store.Jobs); jobs != 20 || r.Job("default", "a") != nil {
		t.Errorf("%d Jobs, want those of the second etcd alone", jobs)
	}
}

// TestAnEtcdThatIsThereIsNotTakenForAnother: it restarts, and nothing is listed anew.
func TestAnEtcdThatIsThereIsNotTakenForAnother(t *testing.T) {
	etcd := etcdtest.New(t)
	r := startRewindable(t, etcd, lookOften)
	follow(t, r.Cache)
	for i := range 3 {
		etcd.Restart()
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			resp, err := r.store.Client().Put(ctx, store.JobKey("default", fmt.Sprintf("j%d", i)).Spec(), every("daily"))
			cancel()
			if err == nil {
				waitFor(t, r.Cache, resp.Header.Revision)
				break
			}
		}
		r.catchUp(t)
	}
	if n := r.rewound.Load(); n != 0 {
		t.Errorf("etcd counts as rewound %d times", n)
	}
}

// asked is a store whose answers to how far etcd is a test sees first.
type asked struct {
	*store.Store
	answered atomic.Pointer[func(store.Position, error) error]
}

func (a *asked) Position(ctx context.Context) (store.Position, error) {
	now, err := a.Store.Position(ctx)
	if f := a.answered.Load(); f != nil {
		err = (*f)(now, err)
	}
	return now, err
}

// TestARestoredEtcdIsNoticedThoughItIsSoonAsFarAsItWas: other managers write, and CatchUp gets the one answer that shows it.
func TestARestoredEtcdIsNoticedThoughItIsSoonAsFarAsItWas(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails int // how many answers fail after that one
	}{
		{name: "asked again it says nothing"},
		{name: "asked again it does not answer", fails: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			etcd := etcdtest.New(t)
			source := &asked{Store: open(t, etcd.Endpoint)}
			r := &rewindable{etcd: etcd, store: source.Store, Cache: newCache(t, source, neverLook)}
			r.OnRewind(func() { r.rewound.Add(1) })
			follow(t, r.Cache)
			changed := store.JobKey("default", "changed").Spec()
			put(t, r.store, changed, every("daily"))
			backup := etcd.Backup()
			last := put(t, r.store, changed, every("weekly"))
			waitFor(t, r.Cache, last)

			etcd.Restore(backup)
			direct := etcdtest.Client(t, etcd.Endpoint)
			var mu sync.Mutex
			low, failing := false, tt.fails // guarded by mu
			answered := func(now store.Position, err error) error {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
				case !low:
					low = now.Revision < last
					resp, err := direct.Put(t.Context(), changed, every("yearly"))
					if err != nil || !low || resp.Header.Revision != last {
						t.Errorf("etcd was at %d, then %+v, %v: want %d", now.Revision, resp, err, last)
					}
				case failing > 0:
					failing--
					return errors.New("no answer")
				}
				return err
			}
			source.answered.Store(&answered)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // ends a test that would hang
			defer cancel()
			for {
				err := r.CatchUp(ctx)
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					t.Fatal(err)
				}
			}
			if r.rewound.Load() != 1 {
				t.Errorf("OnRewind was called %d times, want once", r.rewound.Load())
			}
			if j := r.Job("default", "changed"); j == nil || j.Object.Spec.Schedule != "@yearly" {
				t.Errorf("a Job of which one revision was given out twice: %+v", j)
			}
		})
	}
}
