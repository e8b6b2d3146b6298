package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/mesos"
	"horae/internal/offer"
	"horae/internal/reconcile"
	"horae/internal/store"
	"horae/internal/transition"
)

// patience ends a test that would hang; it is never waited for in full.
const patience = 60 * time.Second

var (
	errUnanswered = errors.New("no answer")
	errNotSent    = errors.New("not subscribed")
)

// world is etcd and a master; controllers come and go.
type world struct {
	t      testing.TB
	etcd   *clientv3.Client
	store  *store.Store
	master *fakeMaster
	// leading is the controller that was started last.
	leading atomic.Pointer[Controller]
	// changed is closed and made anew whenever something has changed anywhere.
	mu      sync.Mutex
	changed chan struct{}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	endpoint := etcdtest.Start(t)
	w := &world{t: t, etcd: etcdtest.Client(t, endpoint), changed: make(chan struct{})}
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{endpoint}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.store = s
	w.master = &fakeMaster{w: w, agents: 2, held: map[string]string{}, filtered: map[string]bool{}, tasks: map[string]*fakeTask{}, script: map[string][]offer.State{}}
	w.createJob("hello")
	return w
}

func (w *world) notify() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits for the condition, which is asked whenever something has changed, and every now and then: what a
// controller keeps in its own memory changes without an event.
func (w *world) until(what string, condition func() bool) {
	w.t.Helper()
	timeout := time.After(patience)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-look.C:
		case <-timeout:
			w.t.Fatalf("never: %s\n%s", what, strings.Join(w.master.events(), "\n"))
		}
	}
}

// controller is one term of leadership.
type controller struct {
	*Controller
	cache  *cache.Cache
	leader string
	stop   func() error
	ended  func() bool
	// succeeded counts the Runs of which the cache has seen the success.
	succeeded func() int64
}

// lead starts a controller, as a manager that has won the lead does.
func (w *world) lead(change ...func(*Config)) *controller {
	w.t.Helper()
	leaderKey := fmt.Sprintf("%s%d", store.LeaderPrefix, time.Now().UnixNano())
	put, err := w.etcd.Put(w.t.Context(), leaderKey, "me")
	if err != nil {
		w.t.Fatal(err)
	}
	writer := w.store.Writer(store.Fence{Key: leaderKey, CreateRevision: put.Header.Revision})
	c := &controller{leader: leaderKey}
	if _, ok := w.t.(*testing.B); ok {
		c.cache = cache.New(w.store, logr.Discard())
	} else {
		c.cache = cache.New(w.store, logr.Discard(), cache.VerifyImmutable())
	}
	var loop *reconcile.Loop
	log := logr.Discard()
	if testing.Verbose() {
		log = testr.NewWithInterface(w.t, testr.Options{})
	}
	cfg := Config{
		Writer: writer, Cache: c.cache, Truth: w.store, Mesos: w.master, Enqueue: func(k store.Key) { loop.Add(k) }, Roles: []string{"horae"},
		Unanswered: func(err error) bool { return errors.Is(err, errUnanswered) }, Log: log,
		Offers: OfferConfig{Hold: time.Hour},
	}
	for _, f := range change {
		f(&cfg)
	}
	c.Controller = New(cfg)
	w.leading.Store(c.Controller)
	loop = reconcile.New(reconcile.Config{Name: "run", Workers: 128, Reconciler: c.Controller, Log: log})
	var succeeded atomic.Int64
	c.succeeded = succeeded.Load
	c.cache.Listen(func(e cache.Event) {
		for _, key := range c.Concerns(e) {
			loop.Add(key)
		}
		before, run := cache.Of[v1.Run](e)
		if run != nil && run.Object.Status.Phase == v1.RunSucceeded {
			succeeded.Add(1)
		}
		if before != nil && run != nil { // The manager does so by way of package feed.
			for _, change := range transition.OfRun(before.Object, run.Object) {
				c.Happened(e.Key, change)
			}
		}
		w.notify()
	})
	c.cache.OnCallback(c.CalledBack)
	c.cache.OnRevision(loop.Observed)

	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = c.cache.Follow(ctx) })
	<-c.cache.Synced()
	if err := c.cache.WaitFor(ctx, put.Header.Revision); err != nil {
		w.t.Fatal(err)
	}
	var failed error
	var ended atomic.Bool
	c.ended = ended.Load
	all.Go(func() { _ = loop.Run(ctx) })
	all.Go(func() {
		if err := c.Controller.Run(ctx); err != nil {
			failed = err
			cancel()
		}
		ended.Store(true)
		w.notify()
	})
	if d, ok := cfg.Mesos.(*mesos.Driver); ok {
		all.Go(func() { _ = d.Run(ctx, c.Controller) })
	} else {
		w.master.subscribe(c.Controller)
		all.Go(func() { w.master.deliver(ctx) })
	}
	c.stop = sync.OnceValue(func() error {
		cancel()
		all.Wait()
		writer.Close()
		if _, ok := w.t.(*testing.B); ok {
			return failed
		}
		if err := c.cache.Verify(); err != nil {
			w.t.Errorf("I8: %v", err)
		}
		return failed
	})
	w.t.Cleanup(func() { _ = c.stop() })
	return c
}

func (w *world) createJob(name string) {
	w.t.Helper()
	job := &v1.Job{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: v1.JobSpec{Task: v1.TaskSpec{Shell: "true"}}}
	w.put(store.JobKey("default", name), job)
}

// createRun makes a Run of Job hello.
func (w *world) createRun(name string, change ...func(*v1.Run)) store.Key {
	w.t.Helper()
	run := &v1.Run{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"}, CreationTimestamp: metav1.Now()},
		Spec:       v1.RunSpec{Job: "hello", Reason: v1.ReasonManual, Task: v1.TaskSpec{Shell: "true"}},
	}
	for _, f := range change {
		f(run)
	}
	key := store.RunKey("default", name)
	w.put(key, run)
	return key
}

// put writes a spec as a user would.
func (w *world) put(key store.Key, obj runtime.Object) {
	w.t.Helper()
	write, err := store.PutSpec(key, obj)
	if err == nil {
		_, err = w.store.Apply(w.t.Context(), store.Change{Writes: []store.Write{write}})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// edit changes a Run's spec.
func (w *world) edit(key store.Key, f func(*v1.RunSpec)) {
	w.t.Helper()
	r := w.now(key).Object.DeepCopy()
	f(&r.Spec)
	w.put(key, r)
}

func (w *world) remove(key store.Key) {
	w.t.Helper()
	if _, err := w.store.Apply(w.t.Context(), store.Change{Writes: []store.Write{store.DeleteSpec(key)}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) createRevision(key string) int64 {
	resp, err := w.etcd.Get(context.Background(), key)
	if err != nil || len(resp.Kvs) == 0 {
		w.t.Fatalf("%s: %v", key, err)
	}
	return resp.Kvs[0].CreateRevision
}

// history has each status that was ever written of a Run.
func (w *world) history(key store.Key) []v1.RunStatus {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	last, err := w.etcd.Get(ctx, key.Status())
	if err != nil || len(last.Kvs) == 0 {
		w.t.Fatalf("status of %s: %v", key, err)
	}
	var all []v1.RunStatus
	for resp := range w.etcd.Watch(ctx, key.Status(), clientv3.WithRev(1)) {
		for _, e := range resp.Events {
			var doc v1.Run
			if err := json.Unmarshal(e.Kv.Value, &doc); err != nil {
				w.t.Fatalf("status of %s: %v", key, err)
			}
			if all = append(all, doc.Status); e.Kv.ModRevision >= last.Kvs[0].ModRevision {
				return all
			}
		}
	}
	w.t.Fatalf("the history of %s: %v", key, ctx.Err())
	return nil
}

// now reads a Run's state from etcd itself; nil: there is none.
func (w *world) now(key store.Key) *store.Run {
	r, err := w.store.GetRun(context.Background(), key.Namespace, key.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) phase(key store.Key) v1.RunPhase {
	if r := w.now(key); r != nil {
		return r.Object.Status.Phase
	}
	return "none"
}

// ends waits for the Run's end and returns its status.
func (w *world) ends(key store.Key) v1.RunStatus {
	w.t.Helper()
	w.until(key.Name+" ends", func() bool { return w.phase(key).Terminal() })
	return w.now(key).Object.Status
}
