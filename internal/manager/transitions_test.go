package manager

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/controllers/run"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/feed"
	"horae/internal/store"
)

// What happens to Jobs and Runs while a term lasts is counted once, and nothing of what was there before.
func TestTransitionsAreCounted(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	write := func(writes ...store.Write) int64 {
		t.Helper()
		revision, err := s.Apply(t.Context(), store.Change{Writes: writes})
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	hello, first, second := store.JobKey("default", "hello"), store.RunKey("default", "hello-1"), store.RunKey("default", "hello-2")
	spec := &v1.Run{Spec: v1.RunSpec{Job: "hello"}}
	phase := func(p v1.RunPhase) *v1.Run { return &v1.Run{Status: v1.RunStatus{Phase: p}} }
	missed := func(n int64) *v1.Job { return &v1.Job{Status: v1.JobStatus{Missed: n}} }
	write(put(t, store.PutSpec, hello, &v1.Job{}), put(t, store.PutStatus, hello, missed(3)),
		put(t, store.PutSpec, first, spec), put(t, store.PutStatus, first, phase(v1.RunSucceeded)))

	m := &Manager{cache: cache.New(s, logr.Discard()), feed: feed.New(), log: logr.Discard()}
	m.cache.Listen(m.feed.Publish)
	background(t, m.cache.Follow)
	<-m.cache.Synced()
	registry := prometheus.NewPedanticRegistry()
	tm := &term{
		jobPlans: job.New(job.Config{Cache: m.cache, Log: logr.Discard(), Metrics: registry}),
		runPlans: run.New(run.Config{Cache: m.cache, Log: logr.Discard(), Metrics: registry}),
	}
	reader := m.feed.Subscribe()
	background(t, func(ctx context.Context) error {
		m.observeTransitions(ctx, tm, reader)
		return nil
	})
	m.feed.Rewind() // The reader is cut off, and goes on.
	count := func(name, label string) float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, metric := range f.GetMetric() {
				if f.GetName() == name && metric.GetLabel()[0].GetValue() == label {
					return metric.GetCounter().GetValue()
				}
			}
		}
		return 0
	}
	// It has subscribed anew once it counts again.
	for n := int64(4); count("horae_occurrences_total", "missed") == 0; n++ {
		if err := m.cache.WaitFor(t.Context(), write(put(t, store.PutStatus, hello, missed(n)))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	write(put(t, store.PutSpec, second, spec))
	for _, p := range []v1.RunPhase{v1.RunPending, v1.RunLaunching, v1.RunRunning, v1.RunFailed} {
		write(put(t, store.PutStatus, second, phase(p)))
	}
	write(store.DeleteSpec(second), store.DeleteStatus(second))
	deadline := time.Now().Add(time.Minute)
	for count("horae_run_transitions_total", "Failed") == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for label, want := range map[string]float64{"Pending": 1, "Launching": 1, "Running": 1, "Failed": 1, "Succeeded": 0} {
		if got := count("horae_run_transitions_total", label); got != want {
			t.Errorf("%s: counted %g times, want %g", label, got, want)
		}
	}
}
