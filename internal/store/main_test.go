package store

import (
	"testing"

	"go.uber.org/goleak"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/testparallel"
)

func TestMain(m *testing.M) {
	etcdtest.RunMember()
	testparallel.AtLeast(8)
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, endpoints ...string) *Store {
	t.Helper()
	if len(endpoints) == 0 {
		endpoints = []string{etcdtest.Start(t)}
	}
	s, err := Open(t.Context(), Config{Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// lead makes a leader key and returns its fence.
func lead(t testing.TB, s *Store) Fence {
	t.Helper()
	key := LeaderPrefix + "test"
	resp, err := s.client.Put(t.Context(), key, "{}")
	if err != nil {
		t.Fatal(err)
	}
	return Fence{Key: key, CreateRevision: resp.Header.Revision}
}

func writer(t testing.TB, s *Store) *Writer {
	t.Helper()
	w := s.Writer(lead(t, s))
	t.Cleanup(w.Close)
	return w
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

// must is for encoders, which cannot fail on these objects.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
