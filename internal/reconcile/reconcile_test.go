package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/store"
)

var a, b = store.JobKey("default", "a"), store.JobKey("default", "b")

// start runs a loop until the test ends and returns it. calls receives each key when its reconciliation begins.
func start(t *testing.T, cfg Config) *Loop {
	t.Helper()
	cfg.Name = "test"
	if cfg.Log.GetSink() == nil {
		cfg.Log = logr.Discard()
	}
	l := New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l
}

func TestAKeyAddedWhileItIsReconciledIsReconciledOnceMore(t *testing.T) {
	begun, release := make(chan store.Key), make(chan struct{})
	var running atomic.Int32
	l := start(t, Config{Workers: 4, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		if running.Add(1) > 1 {
			t.Error("two workers hold the same key")
		}
		begun <- key
		<-release
		running.Add(-1)
		return Result{}, nil
	})})
	l.Add(a)
	<-begun
	for range 10 {
		l.Add(a)
	}
	release <- struct{}{}
	<-begun
	release <- struct{}{}
	if n := l.queue.Len(); n != 0 {
		t.Errorf("%d keys wait after the second reconciliation, want none", n)
	}
}

func TestKeysAreReconciledSideBySide(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	l := start(t, Config{Workers: 2, Reconciler: Func(func(context.Context, store.Key) (Result, error) {
		both.Done()
		both.Wait() // Ends only if the other key's worker gets here too.
		return Result{}, nil
	})})
	l.Add(a)
	l.Add(b)
	both.Wait()
}

func TestAKeyIsNotReconciledBeforeTheCacheHasItsOwnWrite(t *testing.T) {
	var seen atomic.Int64
	calls := make(chan store.Key, 10)
	l := start(t, Config{Workers: 1, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		calls <- key
		if key == a && seen.Load() < 7 {
			return Result{Revision: 7}, nil
		}
		return Result{}, nil
	})})
	l.Observed(3)
	l.Add(a)
	<-calls
	l.Add(a) // Something else moved: the key must wait, and must not hold the only worker.
	l.Add(b)
	if got := <-calls; got != b {
		t.Fatalf("reconciled %s while its write at revision 7 was unseen", got)
	}
	l.Observed(6)
	l.Add(b)
	if got := <-calls; got != b {
		t.Fatalf("reconciled %s at revision 6, before its write at 7", got)
	}
	seen.Store(7)
	l.Observed(7)
	if got := <-calls; got != a {
		t.Fatalf("reconciled %s, want the parked key once its write was seen", got)
	}
}

func TestAWriteThatTheCacheHasAlreadyIsNotWaitedFor(t *testing.T) {
	calls := make(chan store.Key, 10)
	var l *Loop
	ready := make(chan struct{})
	l = start(t, Config{Workers: 1, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		<-ready
		l.Observed(9) // The watch was quicker than the write's own answer.
		calls <- key
		return Result{Revision: 9}, nil
	})})
	close(ready)
	l.Add(a)
	<-calls
	l.Add(a)
	<-calls
}

func TestAfterAndAnEarlierAfter(t *testing.T) {
	calls := make(chan store.Key, 10)
	var n atomic.Int32
	l := start(t, Config{Workers: 1, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		calls <- key
		if n.Add(1) == 1 {
			return Result{After: time.Millisecond}, nil
		}
		return Result{}, nil
	})})
	l.queue.AddAfter(a, time.Hour)
	l.queue.AddAfter(a, time.Millisecond)
	<-calls // because the second delay was the earlier one
	<-calls // because of Result.After
}

func TestErrorsBackOffPerKeyAndAreLoggedOnceEach(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	log := funcr.New(func(_, args string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, args)
	}, funcr.Options{})
	done := make(chan struct{})
	var n atomic.Int32
	l := start(t, Config{
		Workers: 1, Log: log, MinBackoff: time.Millisecond,
		Reconciler: Func(func(context.Context, store.Key) (Result, error) {
			if n.Add(1) <= 3 {
				return Result{}, fmt.Errorf("write status: %w", store.ErrUnknown)
			}
			close(done)
			return Result{}, nil
		}),
	})
	l.Add(a)
	<-done
	mu.Lock()
	defer mu.Unlock()
	if len(lines) != 3 {
		t.Fatalf("3 failures gave %d log lines: %q", len(lines), lines)
	}
	for _, line := range lines {
		if !strings.Contains(line, `"key"="jobs/default/a"`) || !strings.Contains(line, "write status") {
			t.Errorf("log line without key or error: %s", line)
		}
	}
}

func TestConflictsAreQuietAndRetried(t *testing.T) {
	log := funcr.New(func(_, args string) { t.Errorf("logged: %s", args) }, funcr.Options{})
	done := make(chan struct{})
	var n atomic.Int32
	l := start(t, Config{Workers: 1, Log: log, MinBackoff: time.Hour,
		Reconciler: Func(func(context.Context, store.Key) (Result, error) {
			if n.Add(1) <= 3 {
				return Result{}, fmt.Errorf("create run: %w", store.ErrConflict)
			}
			close(done)
			return Result{}, nil
		})})
	l.Add(a)
	<-done
}

func TestNothingIsBegunDuringAPause(t *testing.T) {
	calls := make(chan store.Key, 10)
	var broken atomic.Bool
	broken.Store(true)
	l := start(t, Config{Workers: 1, MinBackoff: time.Hour, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		calls <- key
		if broken.Load() {
			return Result{}, errors.New("broken")
		}
		return Result{}, nil
	})})
	l.Add(a)
	<-calls // and it waits an hour for its next attempt
	l.Pause()
	l.Pause()
	l.Add(b)
	for { // until the worker has put b aside
		l.pause.mu.Lock()
		n := len(l.pause.keys)
		l.pause.mu.Unlock()
		if n == 1 {
			break
		}
		runtime.Gosched()
	}
	if len(calls) != 0 {
		t.Fatalf("%s was reconciled during the pause", <-calls)
	}
	broken.Store(false)
	l.Resume()
	got := map[store.Key]bool{<-calls: true, <-calls: true}
	if !got[a] || !got[b] {
		t.Errorf("reconciled %v after the pause, want both", got)
	}
	l.Resume() // no pause: nothing to do
	l.Add(a)
	<-calls
}

func TestFencedEndsRunWithTheError(t *testing.T) {
	l := New(Config{Name: "test", Log: logr.Discard(), Reconciler: Func(func(ctx context.Context, key store.Key) (Result, error) {
		if key == b {
			<-ctx.Done() // The context of other keys ends too.
			return Result{}, ctx.Err()
		}
		return Result{}, fmt.Errorf("write status: %w", store.ErrFenced)
	})})
	l.Add(b)
	l.Add(a)
	if err := l.Run(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Fatalf("Run returned %v, want store.ErrFenced", err)
	}
}

func TestAPanicIsNotSwallowed(t *testing.T) {
	if os.Getenv("HORAE_TEST_PANIC") != "" {
		l := New(Config{Name: "test", Log: logr.Discard(), Reconciler: Func(func(context.Context, store.Key) (Result, error) {
			panic("half a decision")
		})})
		l.Add(a)
		_ = l.Run(t.Context())
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanicIsNotSwallowed$")
	cmd.Env = append(os.Environ(), "HORAE_TEST_PANIC=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "half a decision") {
		t.Fatalf("the process survived: %v\n%s", err, out)
	}
}

func TestLoopsOfSuccessiveTermsShareTheirMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		l := New(Config{Name: "job", Log: logr.Discard(), Metrics: registry, Reconciler: Func(func(context.Context, store.Key) (Result, error) {
			cancel()
			return Result{}, nil
		})})
		l.Add(a)
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "horae_reconcile_seconds" {
			if n := f.GetMetric()[0].GetHistogram().GetSampleCount(); n != 2 {
				t.Errorf("%d reconciliations measured over two terms, want 2", n)
			}
			return
		}
	}
	t.Errorf("horae_reconcile_seconds is not among the metrics")
}

func TestBackoffGrowsWithinItsBoundsAndForgets(t *testing.T) {
	back := newDelays(100*time.Millisecond, time.Minute)
	want := 100 * time.Millisecond
	for i := range 100 {
		if d := back.next(a); d < want/2 || d > want {
			t.Fatalf("delay %d is %v, want between %v and %v", i, d, want/2, want)
		}
		want = min(2*want, time.Minute)
	}
	back.forget(a)
	if d := back.next(a); d > 100*time.Millisecond {
		t.Errorf("delay after a success is %v, want at most 100ms", d)
	}
}

func TestWatchClockTellsStepsInEitherDirection(t *testing.T) {
	readings := []clocks{
		{0, 0},
		{time.Second, time.Second}, // both go on
		{2*time.Second + 100*time.Millisecond, 2 * time.Second},            // slewed a little
		{time.Hour, 3 * time.Second},                                       // set forward
		{time.Hour + time.Second, 4 * time.Second},                         // both go on
		{time.Minute, 5 * time.Second},                                     // set back
		{time.Minute + time.Second + 10*time.Millisecond, 6 * time.Second}, // both go on
	}
	ctx, cancel := context.WithCancel(t.Context())
	tick := make(chan time.Time, len(readings))
	for range readings[1:] {
		tick <- time.Time{}
	}
	i := 0
	var steps []time.Duration
	watchClock(ctx, tick, func() clocks {
		r := readings[i]
		if i++; i == len(readings) {
			cancel()
		}
		return r
	}, func(by time.Duration) { steps = append(steps, by) })
	want := []time.Duration{time.Hour - 2100*time.Millisecond - time.Second, time.Minute - time.Hour - 2*time.Second}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
}

// BenchmarkDelayedKeys says what 100,000 waiting keys cost: bytes each.
func BenchmarkDelayedKeys(b *testing.B) {
	const keys = 100_000
	names := make([]store.Key, keys)
	for i := range names {
		names[i] = store.JobKey("default", fmt.Sprintf("job-%d", i))
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l := New(Config{Name: "bench", Log: logr.Discard(), Reconciler: Func(func(context.Context, store.Key) (Result, error) { return Result{}, nil })})
		for i, key := range names {
			l.queue.AddAfter(key, time.Hour+time.Duration(i)*time.Millisecond)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/keys, "B/key")
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if err := l.Run(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReconcile is the loop's own cost per key.
func BenchmarkReconcile(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	n := 0
	l := New(Config{Name: "bench", Workers: 1, Log: logr.Discard(), Metrics: prometheus.NewRegistry(),
		Reconciler: Func(func(context.Context, store.Key) (Result, error) {
			if n++; n == b.N {
				cancel()
			}
			return Result{Revision: 1}, nil
		})})
	l.Observed(1)
	for i := range b.N {
		l.Add(store.Key{Kind: store.Jobs, Namespace: "default", Name: fmt.Sprint(i)})
	}
	b.ResetTimer()
	if err := l.Run(ctx); err != nil {
		b.Fatal(err)
	}
}

// TestWhatIsUnderWayForLongest: a reconciliation that does not end can be seen.
func TestWhatIsUnderWayForLongest(t *testing.T) {
	begun, release := make(chan store.Key), map[store.Key]chan struct{}{a: make(chan struct{}), b: make(chan struct{})}
	l := start(t, Config{Workers: 2, Reconciler: Func(func(_ context.Context, key store.Key) (Result, error) {
		begun <- key
		<-release[key]
		return Result{}, nil
	})})
	if key, _, ok := l.Longest(); ok {
		t.Errorf("%s is under way", key)
	}
	before := time.Now()
	for _, key := range []store.Key{a, b} {
		l.Add(key)
		<-begun
	}
	if key, since, ok := l.Longest(); !ok || key != a || since.Before(before) || since.After(time.Now()) {
		t.Errorf("got %s since %s, %v", key, since, ok)
	}
	close(release[a])
	for key, _, _ := l.Longest(); key != b; key, _, _ = l.Longest() {
		time.Sleep(time.Millisecond)
	}
	close(release[b])
	for _, _, ok := l.Longest(); ok; _, _, ok = l.Longest() {
		time.Sleep(time.Millisecond)
	}
}
