package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/reconcile"
	"horae/internal/store"
	"horae/internal/transition"
)

// Cache is what the reconciler reads. Its objects are shared and never modified (I8).
type Cache interface {
	// JobWithParents returns a Job, its Runs, and the Jobs that it depends on, all as of the one revision that it
	// returns. The Job is nil if neither its spec nor its status exists. The Runs are those whose spec names the Job, by
	// create revision, then those in its status.active whose spec is gone. The parents are in the order of
	// spec.dependsOn, nil for one that does not exist.
	JobWithParents(namespace, name string) (job *store.Job, runs []*store.Run, parents []*store.Job, revision int64)
	// Run returns a Run, even if its spec is gone; nil if its status is gone too.
	Run(namespace, name string) *store.Run
	// Backfill returns a Backfill, even if its spec is gone; nil if its status is gone too.
	Backfill(namespace, name string) *store.Backfill
	// JobsWith returns the Jobs that name a Calendar, JobsWithActive those that have a Run in status.active. The
	// Calendar or the Run need not exist.
	JobsWith(namespace, calendar string) []store.Key
	JobsWithActive(namespace, run string) []store.Key
	// Dependents returns the Jobs that depend on a Job, which need not exist. Cycle returns a cycle of dependencies that
	// a Job is in, Cyclic all Jobs that are in one.
	Dependents(namespace, job string) []*store.Job
	Cycle(namespace, job string) []string
	Cyclic() []store.Key
	CalendarCache
}

// Writer makes fenced changes (I6). It blocks until the change is committed.
type Writer interface {
	Apply(ctx context.Context, change store.Change) (revision int64, err error)
}

// Statistics reads what is stored under the statistics keys of Jobs, as of now with revision 0.
type Statistics interface {
	Statistics(ctx context.Context, keys []store.Key, revision int64) ([]store.StatisticsDocument, error)
}

// Config of a Reconciler. Cache, Writer and Statistics are needed.
type Config struct {
	Cache      Cache
	Writer     Writer
	Statistics Statistics
	Settings   Settings
	Log        logr.Logger
	// Metrics is where metrics are registered; nil: nowhere.
	Metrics prometheus.Registerer
	// Now is the clock; nil: the machine's.
	Now func() time.Time
}

// Reconciler reconciles Jobs, one key at a time: gather, Plan, do. It lives for one term of leadership, which begins
// when it is made: what was due before passed in downtime.
type Reconciler struct {
	cfg       Config
	schedules compiler
	metrics   metrics
	upSince   atomic.Pointer[time.Time]
	lastWrite writes
	refusals  refusals
	calendars *Calendars
	cyclic    cyclic
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a Reconciler at the beginning of a term.
func New(cfg Config) *Reconciler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Settings = cfg.Settings.withDefaults()
	r := &Reconciler{cfg: cfg, metrics: newMetrics(cfg.Metrics), calendars: NewCalendars(cfg.Cache)}
	r.lastWrite.interval = cfg.Settings.StatusInterval
	r.ClockStepped()
	return r
}

// ClockStepped must be called when the clock was set: what a step forward left out passed in downtime. Afterwards
// every Job must be reconciled, because the delays computed before are wrong.
func (r *Reconciler) ClockStepped() {
	now := r.cfg.Now()
	r.upSince.Store(&now)
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, key store.Key) (reconcile.Result, error) {
	// 1. Gather.
	in, seen, err := r.gather(key)
	if err != nil {
		return reconcile.Result{}, err
	}
	// 2. Plan.
	now := r.cfg.Now()
	decision := Plan(in, now)
	if decision.Idle() {
		return reconcile.Result{After: decision.After}, nil
	}
	// 3. Do.
	stored, err := r.storedStatistics(ctx, key, &decision)
	if err != nil {
		return reconcile.Result{}, err
	}
	change, err := changeOf(key, in.Job, &decision, stored, now)
	if err != nil {
		return reconcile.Result{}, err
	}
	change.NewKeys = unheardOf(key, in.Job, &decision, seen)
	revision, err := r.cfg.Writer.Apply(ctx, change)
	if errors.Is(err, store.ErrTooLarge) && in.TooLarge == nil && in.Job != nil {
		// Writing the same again would fail again. The next plan writes less, or reports the refusal in the Job's
		// status.
		many := len(decision.Create)+len(decision.Cancel)+len(decision.Delete) > 1
		r.refusals.note(key, refusal{specMod: in.Job.Rev.SpecMod, many: many, err: err})
		return reconcile.Result{After: time.Millisecond}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("carry out the plan of %s: %w", key, err)
	}
	if decision.WriteStatus {
		r.lastWrite.note(key, now)
	}
	done := r.cfg.Now()
	r.report(key, &decision)
	r.metrics.started(&in, &decision, done)
	return reconcile.Result{After: remaining(decision.After, done.Sub(now)), Revision: revision}, nil
}

// remaining returns what is left of a delay after some of it has passed. 0 stays 0, because it stands for no delay at
// all: the key is not planned again until something changes.
func remaining(after, passed time.Duration) time.Duration {
	if after == 0 {
		return 0
	}
	return max(after-max(passed, 0), time.Millisecond)
}

// gather reads the input of a plan, and returns the revision as of which the Job and its Runs were read.
func (r *Reconciler) gather(key store.Key) (Input, int64, error) {
	// All in one read, as of one revision. Otherwise, while a Job is deleted and created anew, it could be seen
	// without its spec but with its Runs, and a Run both with its spec and without; and the ends of parents' Runs could
	// be judged by a spec that was replaced before they ended.
	job, runs, parents, seen := r.cfg.Cache.JobWithParents(key.Namespace, key.Name)
	in := Input{
		Job:        job,
		Runs:       runs,
		Parents:    parents,
		Dependents: func() []*store.Job { return r.cfg.Cache.Dependents(key.Namespace, key.Name) },
		Uncounted:  r.uncounted,
		Lookup:     func(name string) *store.Run { return r.cfg.Cache.Run(key.Namespace, name) },
		Compile:    r.schedules.compile,
		UpSince:    *r.upSince.Load(),
		WrittenAt:  r.lastWrite.at(key),
		Settings:   r.cfg.Settings,
	}
	if in.Job == nil {
		return in, seen, nil
	}
	if refused := r.refusals.of(key, in.Job.Rev.SpecMod); refused.many {
		in.OneRun = true
	} else {
		in.TooLarge = refused.err
	}
	if len(parents) > 0 {
		in.Cycle = r.cfg.Cache.Cycle(key.Namespace, key.Name)
		r.cyclic.note(key, len(in.Cycle) > 0)
	}
	in.Calendars = r.calendars.Of(key.Namespace, in.Job.Object.Spec.Calendars)
	if err := in.Job.StatusErr(); err != nil {
		// The cursor is unknown. Planning could run everything again, and writing would destroy what a person may
		// still mend.
		return in, seen, fmt.Errorf("read the status of %s (mend or delete %s): %w", key, key.Status(), err)
	}
	return in, seen, nil
}

// uncounted reports whether the Backfill that made a Run has yet to count its end: the Run and its name in
// status.active were written together, and the name goes when the end is counted. The Backfill is read after the Run.
func (r *Reconciler) uncounted(run *store.Run) bool {
	b := r.cfg.Cache.Backfill(run.Key.Namespace, run.Object.Spec.Backfill)
	if b == nil {
		return false
	}
	status := &b.Object.Status
	if b.Earlier != nil {
		status = &b.Earlier.Status
	}
	return slices.Contains(status.Active, run.Key.Name)
}

// storedStatistics reads the Job's statistics key if the decision needs it. It does once in many Runs.
func (r *Reconciler) storedStatistics(ctx context.Context, key store.Key, d *Decision) (store.StatisticsDocument, error) {
	if !d.WriteStatus || d.Fold == nil {
		return store.StatisticsDocument{}, nil
	}
	list, err := r.cfg.Statistics.Statistics(ctx, []store.Key{key}, 0)
	if err != nil {
		return store.StatisticsDocument{}, err
	}
	return list[0], nil
}

// changeOf makes one transaction of a decision. stored is the Job's statistics key, if the decision needs it. I3: a Run
// is created only if there is none of its name, together with the cursor, and only if the spec and the status are still
// those that the plan read.
func changeOf(key store.Key, job *store.Job, d *Decision, stored store.StatisticsDocument, now time.Time) (store.Change, error) {
	var c store.Change
	put := func(w store.Write, err error) error {
		c.Writes = append(c.Writes, w)
		return err
	}
	if d.WriteStatus {
		c.Guards = append(c.Guards, store.StatusAt(key, job.Rev.StatusMod))
		status := &v1.Job{ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name, UID: job.Object.UID, CreationTimestamp: d.Created,
		}, Status: d.Status}
		if d.Fold != nil {
			c.Guards = append(c.Guards, store.StatisticsAt(key, stored.Revision))
			if err := put(d.foldInto(key, &status.ObjectMeta, stored, now)); err != nil {
				return c, err
			}
		}
		if err := put(store.PutJobStatus(key, status, d.Statistics)); err != nil {
			return c, err
		}
	}
	if d.DeleteStatus {
		c.Guards = append(c.Guards, store.StatusAt(key, job.Rev.StatusMod), store.SpecAt(key, 0))
		c.Writes = append(c.Writes, store.DeleteStatus(key), store.DeleteStatistics(key))
	}
	if len(d.Create) > 0 {
		c.Guards = append(c.Guards, store.SpecAt(key, job.Rev.SpecMod))
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
	for _, run := range d.Delete {
		c.Guards = append(c.Guards, store.SpecAt(run.Key, run.Rev.SpecMod))
		c.Writes = append(c.Writes, store.DeleteSpec(run.Key))
	}
	return c, nil
}

// unheardOf guards a decision to create Runs one at a time against manual Runs that the cache has not seen: they are
// active, but creating them touches none of the Job's own keys. seen is the revision up to which the cache was
// complete. The guard finds manual Runs by the prefix of their names. A Run that a person created under another name
// may overlap while the cache is behind: a guard against it would have to look through all Runs of the namespace, and
// would conflict with every Run of another Job.
func unheardOf(key store.Key, job *store.Job, d *Decision, seen int64) []store.Guard {
	if len(d.Create) == 0 || job.Object.Spec.ConcurrencyPolicy == v1.ConcurrencyAllow {
		return nil
	}
	return []store.Guard{store.NoneSince(store.RunKey(key.Namespace, manualPrefix(key.Name)), seen)}
}

// report logs the decision.
func (r *Reconciler) report(key store.Key, d *Decision) {
	log := r.cfg.Log
	for _, run := range d.Create {
		log.V(1).Info("Created run", "job", key.String(), "run", run.Name)
	}
	for _, run := range d.Cancel {
		log.Info("Cancelled run", "job", key.String(), "run", run.Key.Name)
	}
	if d.Damaged != nil {
		log.Error(d.Damaged, "Statistics of a Job are damaged and start anew", "job", key.String())
	}
}

// Happened counts and logs what happened to a Job. The manager calls it for each transition that it publishes while
// this Reconciler's term lasts.
func (r *Reconciler) Happened(key store.Key, c transition.Change) {
	r.metrics.changed(c)
	level := 1
	switch c.Kind {
	case transition.JobStopped, transition.OccurrencesMissed, transition.OccurrencesSkipped:
		level = 0
	}
	r.cfg.Log.V(level).Info("Job changed", "job", key.String(), "change", c.Kind, "count", c.Count,
		"reason", c.Reason, "message", c.Message)
}

// writes remembers when each Job's status was last written, for as long as that may delay the next write.
type writes struct {
	interval time.Duration
	mu       sync.Mutex
	// times and sweepAt are guarded by mu.
	times   map[store.Key]time.Time
	sweepAt int
}

func (w *writes) at(key store.Key) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.times[key]
}

func (w *writes) note(key store.Key, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == nil {
		w.times, w.sweepAt = map[store.Key]time.Time{}, 1024
	}
	if len(w.times) >= w.sweepAt {
		for k, t := range w.times {
			if age := at.Sub(t); age < 0 || age > w.interval {
				delete(w.times, k)
			}
		}
		w.sweepAt = max(1024, 2*len(w.times))
	}
	w.times[key] = at
}
