package cache

import (
	"context"
	"testing"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, endpoints ...string) *store.Store {
	t.Helper()
	if len(endpoints) == 0 {
		endpoints = []string{etcdtest.Start(t)}
	}
	s, err := store.Open(t.Context(), store.Config{Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// follow runs the cache until the test ends, and proves then that nobody modified an entry.
func follow(t *testing.T, c *Cache) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Follow(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Follow: %v", err)
		}
		if err := c.Verify(); err != nil {
			t.Error(err)
		}
	})
	wait(t, c.Synced())
}

func newCache(t *testing.T, s Source, options ...Option) *Cache {
	t.Helper()
	return New(s, testr.New(t), append(options, VerifyImmutable())...)
}

func wait(t testing.TB, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-t.Context().Done():
		t.Fatal("the test was cancelled while it waited")
	}
}

func waitFor(t testing.TB, c *Cache, revision int64) {
	t.Helper()
	if err := c.WaitFor(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
}

func apply(t testing.TB, s *store.Store, c store.Change) int64 {
	t.Helper()
	rev, err := s.Apply(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func put(t testing.TB, s *store.Store, key, value string) int64 {
	t.Helper()
	resp, err := s.Client().Put(t.Context(), key, value)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

func del(t testing.TB, s *store.Store, key string) int64 {
	t.Helper()
	resp, err := s.Client().Delete(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

func newJob(name string) *v1.Job {
	j := &v1.Job{Spec: v1.JobSpec{Schedule: "0 * * * *", Task: v1.TaskSpec{Shell: "true"}}}
	j.Name, j.Namespace = name, "default"
	return j
}

func newRun(name, job string) *v1.Run {
	r := &v1.Run{Spec: v1.RunSpec{Job: job, Reason: v1.ReasonManual, Task: v1.TaskSpec{Shell: "true"}}}
	r.Name, r.Namespace = name, "default"
	return r
}

func putSpec(obj runtime.Object, key store.Key) store.Write { return must(store.PutSpec(key, obj)) }

func putStatus(obj runtime.Object, key store.Key) store.Write {
	return must(store.PutStatus(key, obj))
}

// must is for encoders, which cannot fail on these objects.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
