package backfill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/reconcile"
	"horae/internal/schedule"
	"horae/internal/store"
)

// Cache is what the reconciler reads. Its objects are shared and never modified (I8).
type Cache interface {
	// Backfill returns a Backfill, even if its spec is gone; nil if its status is gone too.
	Backfill(namespace, name string) *store.Backfill
	// BackfillsOf returns the Backfills whose spec names the Job, by create revision.
	BackfillsOf(namespace, job string) []*store.Backfill
	// JobWithRuns returns a Job and its Runs, by create revision, as of one revision.
	JobWithRuns(namespace, name string) (job *store.Job, runs []*store.Run, revision int64)
	// Run returns a Run, even if its spec is gone; nil if its status is gone too.
	Run(namespace, name string) *store.Run
	job.CalendarCache
}

// Writer makes fenced changes (I6). It blocks until the change is committed.
type Writer interface {
	Apply(ctx context.Context, change store.Change) (revision int64, err error)
}

// Config of a Reconciler. Cache and Writer are needed.
type Config struct {
	Cache  Cache
	Writer Writer
	Log    logr.Logger
	// Metrics is where metrics are registered; nil: nowhere.
	Metrics prometheus.Registerer
	// Now is the clock; nil: the machine's.
	Now func() time.Time
}

// Reconciler reconciles Backfills, one key at a time: gather, Plan, do.
type Reconciler struct {
	cfg     Config
	gather  gatherer
	metrics metrics

	mu sync.Mutex
	// single is guarded by mu: the Backfills that create one Run at a time, because etcd takes no more.
	single map[store.Key]bool
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a Reconciler.
func New(cfg Config) *Reconciler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Reconciler{cfg: cfg, gather: newGatherer(cfg.Cache), metrics: newMetrics(cfg.Metrics), single: map[store.Key]bool{}}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, key store.Key) (reconcile.Result, error) {
	// 1. Gather.
	e := r.cfg.Cache.Backfill(key.Namespace, key.Name)
	if e == nil {
		r.setSingle(key, false)
		return reconcile.Result{}, nil
	}
	if err := e.StatusErr(); err != nil {
		// The cursor is unknown. Planning could run everything again, and writing would destroy what a person may
		// still mend.
		return reconcile.Result{}, fmt.Errorf("read the status of %s (mend or delete %s): %w", key, key.Status(), err)
	}
	in := r.gather.input(e)
	in.OneRun = r.isSingle(key)
	// 2. Plan.
	d := Plan(in, r.cfg.Now())
	if d.Idle() {
		return reconcile.Result{After: d.After}, nil
	}
	// 3. Do.
	change, err := changeOf(&in, &d)
	if err != nil {
		return reconcile.Result{}, err
	}
	revision, err := r.cfg.Writer.Apply(ctx, change)
	if errors.Is(err, store.ErrTooLarge) && len(d.Create)+len(d.Cancel) > 1 {
		r.setSingle(key, true)
		return reconcile.Result{After: time.Millisecond}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("carry out the plan of %s: %w", key, err)
	}
	r.report(e, &d)
	return reconcile.Result{After: d.After, Revision: revision}, nil
}

func (r *Reconciler) isSingle(key store.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.single[key]
}

func (r *Reconciler) setSingle(key store.Key, single bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if single {
		r.single[key] = true
	} else {
		delete(r.single, key)
	}
}

// changeOf makes one transaction of a decision. I3: a Run is created only if there is none of its name, together with
// the cursor, and only if the Backfill and the Job are still those that the plan read.
func changeOf(in *Input, d *Decision) (store.Change, error) {
	e := in.Backfill
	c := store.Change{Guards: []store.Guard{store.SpecAt(e.Key, e.Rev.SpecMod), store.StatusAt(e.Key, e.Rev.StatusMod)}}
	put := func(w store.Write, err error) error {
		c.Writes = append(c.Writes, w)
		return err
	}
	if d.WriteStatus {
		status := &v1.Backfill{ObjectMeta: metav1.ObjectMeta{
			Namespace: e.Key.Namespace, Name: e.Key.Name, UID: e.Object.UID, CreationTimestamp: d.Created,
		}, Status: d.Status}
		if err := put(store.PutStatus(e.Key, status)); err != nil {
			return c, err
		}
	}
	if d.DeleteStatus {
		c.Writes = append(c.Writes, store.DeleteStatus(e.Key))
	}
	if d.DeleteSpec {
		c.Writes = append(c.Writes, store.DeleteSpec(e.Key))
	}
	if len(d.Create) > 0 {
		c.Guards = append(c.Guards, store.SpecAt(in.Job.Key, in.Job.Rev.SpecMod))
	}
	for _, run := range d.Create {
		if err := c.CreateRun(run); err != nil {
			return c, err
		}
	}
	for _, run := range d.Cancel {
		if err := c.CancelRun(run); err != nil {
			return c, err
		}
	}
	return c, nil
}

// report logs the decision, and counts it.
func (r *Reconciler) report(e *store.Backfill, d *Decision) {
	log := r.cfg.Log.WithValues("backfill", e.Key.String())
	for _, run := range d.Create {
		log.V(1).Info("Created run", "run", run.Name)
	}
	for _, run := range d.Cancel {
		log.Info("Cancelled run", "run", run.Key.Name)
	}
	if d.DeleteSpec {
		log.Info("Deleted backfill", "reason", "its ttl is over")
	}
	if !d.WriteStatus {
		return
	}
	r.metrics.changed(&e.Object.Status, &d.Status, len(d.Create))
	if finished(&d.Status) && !finished(&e.Object.Status) {
		log.Info("Backfill finished", "total", d.Status.Total, "succeeded", d.Status.Succeeded, "failed", d.Status.Failed,
			"skipped", d.Status.Skipped)
	}
}

// gatherer reads the input of plans and previews.
type gatherer struct {
	cache     Cache
	calendars *job.Calendars
	schedules *schedule.Cache
}

func newGatherer(cache Cache) gatherer {
	return gatherer{cache: cache, calendars: job.NewCalendars(cache), schedules: &schedule.Cache{}}
}

func (g *gatherer) input(e *store.Backfill) Input {
	namespace := e.Key.Namespace
	in := Input{
		Backfill:  e,
		Lookup:    func(name string) *store.Run { return g.cache.Run(namespace, name) },
		Calendars: func(named *v1.JobCalendars) []job.Calendar { return g.calendars.Of(namespace, named) },
		Parse:     g.schedules.Parse,
	}
	if name := e.Object.Spec.Job; name != "" {
		in.Others = slices.DeleteFunc(g.cache.BackfillsOf(namespace, name), func(o *store.Backfill) bool { return o.Key == e.Key })
		in.Job, in.Runs, _ = g.cache.JobWithRuns(namespace, name)
	}
	return in
}

// Previews tells what Backfills would do. It is safe for concurrent use.
type Previews struct {
	gather gatherer
	now    func() time.Time
}

// NewPreviews returns Previews that reads from a cache; now is the clock.
func NewPreviews(cache Cache, now func() time.Time) *Previews {
	return &Previews{gather: newGatherer(cache), now: now}
}

// Preview calls the function Preview with the Job, its Runs and its other Backfills as they are now. The Backfill has
// its defaults.
func (p *Previews) Preview(b *v1.Backfill, limit int) (*v1.BackfillPreview, field.ErrorList) {
	e := &store.Backfill{Key: store.BackfillKey(b.Namespace, b.Name), Object: b}
	return Preview(p.gather.input(e), p.now(), limit)
}

// Admit calls the function Admit with the Job as it is now.
func (p *Previews) Admit(b *v1.Backfill) field.ErrorList {
	j, _, _ := p.gather.cache.JobWithRuns(b.Namespace, b.Spec.Job)
	if j == nil || j.Rev.Deleted() || j.Err != nil {
		return Admit(&b.Spec, nil, b.Namespace, p.now())
	}
	return Admit(&b.Spec, j.Object, b.Namespace, p.now())
}
