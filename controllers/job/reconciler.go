package job

import (
	"context"
	"errors"
	"fmt"
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
	// JobWithRuns returns a Job (nil: it is not there), also one that is deleted but for its status, and its Runs: those whose spec names
	// it, by create revision; then those in its status.active whose spec is gone. All is as of the one revision, which comes with it.
	JobWithRuns(namespace, name string) (job *store.Job, runs []*store.Run, revision int64)
	// Run returns nil for one that is not there. It also finds one that is deleted but for its status.
	Run(namespace, name string) *store.Run
	// JobsWith are the Jobs that name a Calendar, JobsWithActive those that have a Run in status.active; both whether or not the Calendar
	// or the Run is there.
	JobsWith(namespace, calendar string) []store.Key
	JobsWithActive(namespace, run string) []store.Key
	CalendarCache
}

// Writer makes fenced changes (I6). It blocks until the change is committed.
type Writer interface {
	Apply(ctx context.Context, change store.Change) (revision int64, err error)
}

// Config of a Reconciler. Cache and Writer are needed.
type Config struct {
	Cache    Cache
	Writer   Writer
	Settings Settings
	Log      logr.Logger
	// Metrics is where metrics are registered; nil: nowhere.
	Metrics prometheus.Registerer
	// Now is the clock; nil: the machine's.
	Now func() time.Time
}

// Reconciler keeps one Job after another as its spec says: gather, Plan, do. It lives for one term of leadership, which begins when
// it is made: what was due before passed in downtime.
type Reconciler struct {
	cfg       Config
	schedules compiler
	metrics   metrics
	upSince   atomic.Pointer[time.Time]
	lastWrite writes
	refusals  refusals
	calendars *Calendars
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

// ClockStepped tells that the clock was set: what a step forward left out passed in downtime. Every Job is to be reconciled
// afterwards, since the delays computed before are wrong.
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
	change, err := changeOf(key, in.Job, &decision)
	if err != nil {
		return reconcile.Result{}, err
	}
	change.NewKeys = unheardOf(key, in.Job, &decision, seen)
	revision, err := r.cfg.Writer.Apply(ctx, change)
	if errors.Is(err, store.ErrTooLarge) && in.TooLarge == nil && in.Job != nil {
		// To write the same again is of no use. The next plan writes less, or reports it.
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
	stored := r.cfg.Now()
	r.report(key, in.Job, &decision)
	r.metrics.started(&in, &decision, stored)
	return reconcile.Result{After: remaining(decision.After, stored.Sub(now)), Revision: revision}, nil
}

// remaining is what is left of a delay after some of it has passed; 0 stays 0, which means no delay but no look at all.
func remaining(after, passed time.Duration) time.Duration {
	if after == 0 {
		return 0
	}
	return max(after-max(passed, 0), time.Millisecond)
}

// gather reads the input of a plan, and the revision as of which it knows the Job and its Runs.
func (r *Reconciler) gather(key store.Key) (Input, int64, error) {
	// All at once: a Job that is just made anew must not be seen without its spec, but with its Runs, nor a Run with its spec and without.
	job, runs, seen := r.cfg.Cache.JobWithRuns(key.Namespace, key.Name)
	in := Input{
		Job:       job,
		Runs:      runs,
		Lookup:    func(name string) *store.Run { return r.cfg.Cache.Run(key.Namespace, name) },
		Compile:   r.schedules.compile,
		UpSince:   *r.upSince.Load(),
		WrittenAt: r.lastWrite.at(key),
		Settings:  r.cfg.Settings,
	}
	if in.Job == nil {
		return in, seen, nil
	}
	if refused := r.refusals.of(key, in.Job.Rev.SpecMod); refused.many {
		in.OneRun = true
	} else {
		in.TooLarge = refused.err
	}
	in.Calendars = r.calendars.Of(key.Namespace, in.Job.Object.Spec.Calendars)
	if err := in.Job.StatusErr(); err != nil {
		// The cursor is unknown: to go on could run everything again, to write would destroy what a person may still mend.
		return in, seen, fmt.Errorf("read the status of %s (mend or delete %s): %w", key, key.Status(), err)
	}
	return in, seen, nil
}

// changeOf makes one transaction of a decision. I3: Runs are created only where there are none, together with the cursor, and only
// from the spec and the status that were planned with.
func changeOf(key store.Key, job *store.Job, d *Decision) (store.Change, error) {
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
		if err := put(store.PutStatus(key, status)); err != nil {
			return c, err
		}
	}
	if d.DeleteStatus {
		c.Guards = append(c.Guards, store.StatusAt(key, job.Rev.StatusMod), store.SpecAt(key, 0))
		c.Writes = append(c.Writes, store.DeleteStatus(key))
	}
	if len(d.Create) > 0 {
		c.Guards = append(c.Guards, store.SpecAt(key, job.Rev.SpecMod))
	}
	for _, run := range d.Create {
		at := store.RunKey(run.Namespace, run.Name)
		c.Guards = append(c.Guards, store.SpecAt(at, 0))
		if err := put(store.PutSpec(at, run)); err != nil {
			return c, err
		}
	}
	for _, run := range d.Cancel {
		c.Guards = append(c.Guards, store.SpecAt(run.Key, run.Rev.SpecMod))
		stopped := run.Object.DeepCopy() // I8
		stopped.Spec.Cancel = true
		if err := put(store.PutSpec(run.Key, stopped)); err != nil {
			return c, err
		}
	}
	for _, run := range d.Delete {
		c.Guards = append(c.Guards, store.SpecAt(run.Key, run.Rev.SpecMod))
		c.Writes = append(c.Writes, store.DeleteSpec(run.Key))
	}
	return c, nil
}

// unheardOf guards a decision to create Runs one at a time against manual Runs that the cache, which was complete up to the revision
// seen, has not heard of: they are active all the same, and their creation touches none of the Job's own keys. It knows them by their
// names. One that a person made under a name of another form may be overlapped while the cache is behind: to look for it, etcd would
// have to go through all Runs of the namespace, and every Run of another Job would be a conflict.
func unheardOf(key store.Key, job *store.Job, d *Decision, seen int64) []store.Guard {
	if len(d.Create) == 0 || job.Object.Spec.ConcurrencyPolicy == v1.ConcurrencyAllow {
		return nil
	}
	return []store.Guard{store.NoneSince(store.RunKey(key.Namespace, manualPrefix(key.Name)), seen)}
}

// report logs what people look for afterwards.
func (r *Reconciler) report(key store.Key, job *store.Job, d *Decision) {
	log := r.cfg.Log
	for _, run := range d.Create {
		log.V(1).Info("Created run", "job", key.String(), "run", run.Name)
	}
	for _, run := range d.Cancel {
		log.Info("Cancelled run", "job", key.String(), "run", run.Key.Name)
	}
	if !d.WriteStatus {
		return
	}
	after := &v1.Job{ObjectMeta: job.Object.ObjectMeta, Status: d.Status}
	for _, c := range transition.OfJob(job.Object, after) {
		r.metrics.changed(c)
		level := 1
		switch c.Kind {
		case transition.JobStopped, transition.OccurrencesMissed, transition.OccurrencesSkipped:
			level = 0
		}
		log.V(level).Info("Job changed", "job", key.String(), "change", c.Kind, "count", c.Count, "reason", c.Reason, "message", c.Message)
	}
}

// writes remembers when each Job's status was last written, for as long as that matters.
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
