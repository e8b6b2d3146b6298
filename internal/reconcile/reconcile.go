package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"

	"horae/internal/store"
)

// Result says when a key is looked at again.
type Result struct {
	// After: look again then. 0: only when something changes, that is, when the key is added.
	After time.Duration
	// Revision of this key's own write. The key is not reconciled again before the cache has seen it. 0: nothing was written.
	Revision int64
}

// Reconciler brings the world of one key nearer to what is wanted.
//
// An error is logged once and retried with back-off. store.ErrConflict is no failure: the key is reconciled again as soon as the
// cache has the other writer's work. store.ErrFenced ends the loop.
type Reconciler interface {
	Reconcile(ctx context.Context, key store.Key) (Result, error)
}

// Func is a function as a Reconciler.
type Func func(ctx context.Context, key store.Key) (Result, error)

// Reconcile calls the function.
func (f Func) Reconcile(ctx context.Context, key store.Key) (Result, error) { return f(ctx, key) }

// Config of a Loop. Name and Reconciler are needed; the rest has useful zero values.
type Config struct {
	// Name of the loop in logs and metrics: "job".
	Name string
	// Workers reconcile side by side; default 64. A worker mostly waits for a commit, and writes that wait together are
	// committed together, so that more workers mean larger groups rather than more load.
	Workers int
	// Reconciler is called with each key.
	Reconciler Reconciler
	// Log gets one line per failed reconciliation.
	Log logr.Logger
	// Metrics is where the loop's metrics are registered; nil: nowhere. Loops may share it, under different names.
	Metrics prometheus.Registerer
	// MinBackoff and MaxBackoff bound the delay after an error; default 100 ms and 1 min. The delay doubles with each error of
	// the key and is drawn from its upper half.
	MinBackoff, MaxBackoff time.Duration
}

// Delays after a conflict: the cache's event for the other writer's work comes first as a rule, this is the safety net.
const (
	minConflictBackoff = 2 * time.Millisecond
	maxConflictBackoff = time.Second
)

// Loop feeds keys to a Reconciler. It runs once: a new term of leadership gets a new Loop.
type Loop struct {
	cfg       Config
	queue     workqueue.TypedDelayingInterface[store.Key]
	gate      gate
	pause     pause
	errors    *delays
	conflicts *delays
	metrics   metrics
}

// New makes a Loop, which takes keys from then on. Run must be called to release what it holds.
func New(cfg Config) *Loop {
	if cfg.Workers <= 0 {
		cfg.Workers = 64
	}
	if cfg.MinBackoff <= 0 {
		cfg.MinBackoff = 100 * time.Millisecond
	}
	if cfg.MaxBackoff <= 0 {
		cfg.MaxBackoff = time.Minute
	}
	cfg.Log = cfg.Log.WithName(cfg.Name)
	m := newMetrics(cfg.Name, cfg.Metrics)
	return &Loop{
		cfg: cfg,
		queue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[store.Key]{
			Name: cfg.Name, MetricsProvider: m.provider(), Logger: &cfg.Log,
		}),
		gate:      gate{parked: map[store.Key]*parked{}},
		errors:    newDelays(cfg.MinBackoff, cfg.MaxBackoff),
		conflicts: newDelays(minConflictBackoff, maxConflictBackoff),
		metrics:   m,
	}
}

// Add has the key reconciled as soon as a worker is free. It never blocks.
func (l *Loop) Add(key store.Key) { l.queue.Add(key) }

// Observed tells that the cache has everything up to the revision. It never blocks. Revisions may repeat; a lower one than
// before is ignored.
func (l *Loop) Observed(revision int64) {
	for _, key := range l.gate.observed(revision) {
		l.queue.Add(key)
	}
}

// Pause has keys wait: nothing is begun until Resume. It never blocks.
func (l *Loop) Pause() { l.pause.begin() }

// Resume ends a Pause. What waits for it is reconciled now, and so is what waits for another attempt after an error: that was an error
// of the time before.
func (l *Loop) Resume() {
	for _, key := range l.pause.end() {
		l.queue.Add(key)
	}
	for _, key := range l.errors.keys() {
		l.queue.Add(key)
	}
}

// Run reconciles until ctx ends, then waits for its workers and returns nil. It returns store.ErrFenced, wrapped, if a
// reconciler met it.
func (l *Loop) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, l.queue.ShutDown)
	defer stop()

	var workers sync.WaitGroup
	for range l.cfg.Workers {
		workers.Go(func() {
			for l.next(ctx, cancel) {
			}
		})
	}
	workers.Wait()

	if err := context.Cause(ctx); errors.Is(err, store.ErrFenced) {
		return err
	}
	return nil
}

// next reconciles one key. It answers false when the queue has been shut down.
func (l *Loop) next(ctx context.Context, fenced context.CancelCauseFunc) bool {
	key, shutdown := l.queue.Get()
	if shutdown {
		return false
	}
	defer l.queue.Done(key)
	if ctx.Err() != nil {
		return true // 1. Drain what the queue still holds: nothing is begun after the end.
	}
	// 2. Not during a pause, and not before the cache has this key's own last write. Both hand it back to the queue then.
	if l.pause.park(key) || l.gate.park(key) {
		return true
	}
	// 3. Reconcile.
	start := time.Now()
	result, err := l.cfg.Reconciler.Reconcile(ctx, key)
	l.metrics.reconciled(time.Since(start), err)

	// 4. See to its next time.
	switch {
	case errors.Is(err, store.ErrFenced):
		fenced(err)
	case ctx.Err() != nil:
		// The end has come; what the error says is its echo.
	case errors.Is(err, store.ErrPaused) && l.pause.park(key):
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrPaused):
		l.queue.AddAfter(key, l.conflicts.next(key))
	case err != nil:
		delay := l.errors.next(key)
		l.cfg.Log.Error(err, "Reconciliation failed", "key", key.String(), "retryAfter", delay)
		l.queue.AddAfter(key, delay)
	default:
		l.errors.forget(key)
		l.conflicts.forget(key)
		if result.After > 0 {
			l.queue.AddAfter(key, result.After)
		}
	}
	if result.Revision > 0 {
		l.gate.wait(key, result.Revision)
	}
	return true
}
