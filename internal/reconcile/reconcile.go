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

// Result is when a key is reconciled again.
type Result struct {
	// After is the delay after which the key is reconciled again. 0: only when something changes, that is, when it is
	// added.
	After time.Duration
	// Revision of this key's own write. The key is not reconciled again before the cache has seen it. 0: nothing was
	// written.
	Revision int64
}

// Reconciler brings the state of one key closer to what its spec wants.
//
// An error is logged once, and the key retried with back-off. store.ErrConflict is not a failure: the key is
// reconciled again as soon as the cache has the other writer's change. store.ErrFenced ends the loop.
type Reconciler interface {
	Reconcile(ctx context.Context, key store.Key) (Result, error)
}

// Func makes a function a Reconciler.
type Func func(ctx context.Context, key store.Key) (Result, error)

// Reconcile calls the function.
func (f Func) Reconcile(ctx context.Context, key store.Key) (Result, error) { return f(ctx, key) }

// Config of a Loop. Name and Reconciler are needed; the rest has useful zero values.
type Config struct {
	// Name of the loop in logs and metrics: "job".
	Name string
	// Workers is how many keys are reconciled at the same time; default 64. A worker mostly waits for a commit, and
	// writes that wait together are committed together, so more workers mean larger groups rather than more load.
	Workers int
	// Reconciler is called with each key.
	Reconciler Reconciler
	// Log has one line for each failed reconciliation.
	Log logr.Logger
	// Metrics is where the loop's metrics are registered; nil: nowhere. Loops may share it, under different names.
	Metrics prometheus.Registerer
	// MinBackoff and MaxBackoff bound the delay after an error; default 100 ms and 1 min. The delay doubles with each
	// error of the key and is drawn from its upper half.
	MinBackoff, MaxBackoff time.Duration
}

// Delays after a conflict. Usually the cache's event for the other writer's change comes first; the delay is a safety
// net.
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
	underWay  underWay
}

// New makes a Loop, to which keys can be added at once. Run must be called to release its resources.
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
		underWay:  underWay{since: map[store.Key]time.Time{}},
	}
}

// Add has the key reconciled as soon as a worker is free. It never blocks.
func (l *Loop) Add(key store.Key) { l.queue.Add(key) }

// Observed reports that the cache has everything up to the revision. It never blocks. Revisions may repeat; one lower
// than before is ignored.
func (l *Loop) Observed(revision int64) {
	for _, key := range l.gate.observed(revision) {
		l.queue.Add(key)
	}
}

// Pause has keys wait: no reconciliation begins until Resume. It never blocks.
func (l *Loop) Pause() { l.pause.begin() }

// Resume ends a Pause. Keys that waited for it are reconciled now, and so are keys that wait after an error: the
// cause of the pause may have been the cause of the error.
func (l *Loop) Resume() {
	for _, key := range l.pause.end() {
		l.queue.Add(key)
	}
	for _, key := range l.errors.keys() {
		l.queue.Add(key)
	}
}

// Run reconciles until ctx ends, then waits for its workers and returns nil. If a reconciler returns store.ErrFenced,
// Run ends and returns it, wrapped.
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

// next reconciles one key. It returns false if the queue has been shut down.
func (l *Loop) next(ctx context.Context, fenced context.CancelCauseFunc) bool {
	key, shutdown := l.queue.Get()
	if shutdown {
		return false
	}
	defer l.queue.Done(key)
	if ctx.Err() != nil {
		return true // 1. After the end only drain the queue: no reconciliation begins.
	}
	// 2. Do not reconcile during a pause, nor before the cache has this key's own last write. Afterwards the key is
	// added again.
	if l.pause.park(key) || l.gate.park(key) {
		return true
	}
	// 3. Reconcile.
	start := time.Now()
	l.underWay.begin(key, start)
	result, err := l.cfg.Reconciler.Reconcile(ctx, key)
	l.underWay.end(key)
	l.metrics.reconciled(time.Since(start), err)

	// 4. Schedule the key's next reconciliation.
	switch {
	case errors.Is(err, store.ErrFenced):
		fenced(err)
	case ctx.Err() != nil:
		// The loop is ending, which is the cause of the error.
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
