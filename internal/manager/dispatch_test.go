package manager

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/controllers/run"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// TestTheEndOfADeletedRunConcernsItsJob: the Run's name does not say whose it is, and its spec, which did, is gone.
func TestTheEndOfADeletedRunConcernsItsJob(t *testing.T) {
	hello, fix := store.JobKey("default", "hello"), store.RunKey("default", "my-fix")
	counting := &v1.Job{Status: v1.JobStatus{Active: []string{fix.Name}}}
	counting.Namespace, counting.Name = hello.Namespace, hello.Name
	running, killed, anew := &v1.Run{}, &v1.Run{}, &v1.Run{Spec: v1.RunSpec{Job: "other"}}
	running.Status.Phase, killed.Status.Phase = v1.RunRunning, v1.RunKilled
	for _, tt := range []struct {
		name    string
		deleted bool // the Job, too
		end     store.Write
	}{
		{name: "its task has died", end: put(t, store.PutStatus, fix, killed)},
		{name: "its status goes", end: store.DeleteStatus(fix)},
		{name: "its status goes after its Job was deleted", deleted: true, end: store.DeleteStatus(fix)},
		{name: "it is made anew for another Job", end: put(t, store.PutSpec, fix, anew)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			m := &Manager{cache: cache.New(s, logr.Discard())}
			m.cache.Listen(m.dispatch)
			background(t, m.cache.Follow)
			write := func(writes ...store.Write) {
				t.Helper()
				revision, err := s.Apply(t.Context(), store.Change{Writes: writes})
				if err != nil {
					t.Fatal(err)
				}
				if err := m.cache.WaitFor(t.Context(), revision); err != nil {
					t.Fatal(err)
				}
			}
			before := []store.Write{put(t, store.PutStatus, hello, counting), put(t, store.PutStatus, fix, running)}
			if !tt.deleted {
				before = append(before, put(t, store.PutSpec, hello, counting))
			}
			write(before...)

			// What comes from here on goes to the controllers, one key after another.
			looked := make(chan store.Key, 16)
			loop := func(r reconcile.Func) *reconcile.Loop {
				return reconcile.New(reconcile.Config{Workers: 1, Reconciler: r, Log: logr.Discard()})
			}
			jobs := loop(func(_ context.Context, key store.Key) (reconcile.Result, error) {
				looked <- key
				return reconcile.Result{}, nil
			})
			tm := &term{runPlans: run.New(run.Config{Cache: m.cache, Log: logr.Discard()}), controllers: []controller{
				{loop: jobs, concerns: job.New(job.Config{Cache: m.cache, Log: logr.Discard()}).Concerns},
			}}
			m.term.Store(tm)
			write(tt.end)
			last := store.JobKey("default", "last")
			write(put(t, store.PutSpec, last, &v1.Job{}))
			background(t, jobs.Run)
			concerned := false
			for key := <-looked; key != last; key = <-looked {
				concerned = concerned || key == hello
			}
			if !concerned {
				t.Errorf("the end of %s does not concern %s, which waits for it", fix, hello)
			}
		})
	}
}

// put is a write of an object's spec or status.
func put(t *testing.T, write func(store.Key, runtime.Object) (store.Write, error), key store.Key, obj runtime.Object) store.Write {
	t.Helper()
	w, err := write(key, obj)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// background runs something until the test ends, and waits for it.
func background(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
