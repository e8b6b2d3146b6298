package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"horae/controllers/calendar"
	"horae/controllers/job"
	"horae/controllers/run"
	"horae/controllers/run/placement"
	"horae/internal/backoff"
	"horae/internal/cache"
	"horae/internal/mesos"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// term is one term of leadership: what runs from winning the lead to losing it.
type term struct {
	writer      *store.Writer
	controllers []controller
	jobPlans    *job.Reconciler
	runPlans    *run.Controller
	driver      *mesos.Driver
}

// controller is what the manager knows of each controller.
type controller struct {
	loop *reconcile.Loop
	// concerns returns the keys to reconcile after a change.
	concerns func(cache.Event) []store.Key
	// all returns the keys of all its objects.
	all func() []store.Key
	// fills: it enqueues by itself what it has to look at when the term begins.
	fills bool
}

// addAll has all of its objects reconciled.
func (c controller) addAll() {
	for _, key := range c.all() {
		c.loop.Add(key)
	}
}

// keysOf returns the keys of entries.
func keysOf[T any](list func(namespace string) []*store.Entry[T]) func() []store.Key {
	return func() []store.Key {
		var keys []store.Key
		for _, e := range list("") {
			keys = append(keys, e.Key)
		}
		return keys
	}
}

// lead runs the controllers and the conversation with Mesos until ctx ends: the lead is lost, or we stop.
func (m *Manager) lead(ctx context.Context, fence store.Fence) error {
	// 1. Every write of this term goes through one fenced, grouping writer (I6).
	writer := m.store.Writer(fence)
	defer writer.Close()

	// 2. The cache must have all that the last leader wrote: nothing is decided on less.
	if err := m.catchUp(ctx); err != nil {
		return err
	}

	// 3. The controllers of this term; nothing of an earlier one is carried over.
	t, err := m.newTerm(writer)
	if err != nil {
		return err
	}

	// 4. From here on changes reach the loops, and what is there already is looked at once.
	m.term.Store(t)
	defer m.term.Store(nil)
	for _, c := range t.controllers {
		c.loop.Observed(m.cache.Revision())
	}
	m.hold.begin(t)
	defer m.hold.end()
	for _, c := range t.controllers {
		if !c.fills {
			c.addAll()
		}
	}
	for _, j := range m.cache.Jobs("") {
		t.runPlans.Foresee(cache.Event{Key: j.Key, New: j})
	}

	// 5. Work, until something ends the term.
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range t.controllers {
		group.Go(func() error { return c.loop.Run(ctx) })
	}
	group.Go(func() error { return t.runPlans.Run(ctx) })
	group.Go(func() error { return stepDown(t.driver.Run(ctx, t.runPlans)) })
	group.Go(func() error {
		reconcile.WatchClock(ctx, m.now, m.clockStepped)
		return nil
	})
	return group.Wait()
}

// catchUp waits until the cache has everything that was written before now. While etcd does not answer it asks again: the
// lease decides how long we may.
func (m *Manager) catchUp(ctx context.Context) error {
	for {
		err := m.cache.CatchUp(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		m.log.Info("etcd does not say how far it is, asking again", "error", err.Error())
		if err := backoff.Sleep(ctx, askAgain); err != nil {
			return err
		}
	}
}

// askAgain is the pause between two questions to an etcd that does not answer.
const askAgain = 200 * time.Millisecond

func (m *Manager) newTerm(writer *store.Writer) (*term, error) {
	t := &term{writer: writer}
	// The driver asks the controller which roles need no offers, and the controller makes calls through the driver.
	driver, err := m.newDriver(writer, func() []string { return t.runPlans.SuppressedRoles() })
	if err != nil {
		return nil, err
	}
	t.driver = driver
	t.jobPlans = job.New(job.Config{
		Cache: m.cache, Writer: writer, Log: m.log.WithName("job"), Metrics: m.registry, Now: m.now,
		Settings: job.Settings{MissedLimit: m.cfg.Jobs.MaxCatchUp, StatusInterval: m.cfg.Jobs.StatusInterval.Duration},
	})
	jobs := reconcile.New(reconcile.Config{Name: "job", Workers: m.cfg.Jobs.Workers, Reconciler: t.jobPlans, Log: m.log, Metrics: m.registry})
	calendarPlans := &calendar.Reconciler{Cache: m.cache, Writer: writer, Log: m.log.WithName("calendar"), Now: m.now}
	calendars := reconcile.New(reconcile.Config{Name: "calendar", Workers: 1, Reconciler: calendarPlans, Log: m.log, Metrics: m.registry})
	// The loop calls the controller and the controller feeds the loop: one of them has to be told of the other afterwards.
	runs := reconcile.New(reconcile.Config{Name: "run", Workers: m.cfg.Runs.Workers, Log: m.log, Metrics: m.registry,
		Reconciler: reconcile.Func(func(ctx context.Context, key store.Key) (reconcile.Result, error) {
			return t.runPlans.Reconcile(ctx, key)
		})})
	t.runPlans = run.New(run.Config{
		Writer: writer, Cache: m.cache, Truth: m.store, Mesos: driver, Agents: m.agents, Enqueue: runs.Add,
		Roles:          m.cfg.Mesos.Framework.Roles,
		Unanswered:     func(err error) bool { return errors.Is(err, mesos.ErrUnanswered) },
		Resubscribe:    driver.Resubscribe,
		Offers:         run.OfferConfig{Hold: m.cfg.Runs.OfferHold.Duration, Refuse: m.cfg.Runs.OfferRefuse.Duration, LookAhead: m.cfg.Runs.OfferLookAhead.Duration},
		Placement:      placement.Config{Ageing: m.cfg.Runs.Ageing.Duration, AssumedDuration: m.cfg.Runs.AssumedDuration.Duration, GPUs: m.cfg.Mesos.Framework.GPUs},
		ReconcileEvery: m.cfg.Runs.ReconcileInterval.Duration,
		Log:            m.log.WithName("run"), Metrics: m.registry, Now: m.now,
	})
	t.controllers = []controller{
		{loop: runs, concerns: t.runPlans.Concerns, all: keysOf(m.cache.Runs), fills: true},
		{loop: jobs, concerns: t.jobPlans.Concerns, all: keysOf(m.cache.Jobs)},
		{loop: calendars, concerns: calendarPlans.Concerns, all: keysOf(m.cache.Calendars)},
	}
	return t, nil
}

// newDriver makes the conversation with Mesos.
func (m *Manager) newDriver(writer *store.Writer, suppressed func() []string) (*mesos.Driver, error) {
	c := m.cfg.Mesos.Framework
	cfg := m.mesos
	cfg.IDs = frameworkIDs{&store.FrameworkIDs{Store: m.store, Writer: writer}}
	cfg.Log = m.log.WithName("mesos")
	cfg.Framework = mesos.FrameworkConfig{
		Name: c.Name, User: c.User, Roles: c.Roles, Principal: c.Principal,
		FailoverTimeout: c.FailoverTimeout.Duration, NoCheckpoint: !c.Checkpoint,
		WebUIURL: c.WebUIURL, Hostname: c.Hostname, Labels: c.Labels, GPUs: c.GPUs,
		Revocable: c.Revocable, SuppressedRoles: suppressed,
	}
	return mesos.New(cfg)
}

// frameworkIDs lets a deposed leader neither store an id nor subscribe: a subscription under our id would void its successor's.
type frameworkIDs struct{ *store.FrameworkIDs }

func (f frameworkIDs) FrameworkID(ctx context.Context) (string, error) {
	// An empty change writes nothing and asks etcd whether the fence holds, also while all else is held up by doubt: its answer is
	// better than the lease's.
	if _, err := f.Writer.Apply(ctx, store.Change{}); err != nil {
		return "", failedOver(err)
	}
	return f.FrameworkIDs.FrameworkID(ctx)
}

func (f frameworkIDs) SetFrameworkID(ctx context.Context, id string) error {
	return failedOver(f.FrameworkIDs.SetFrameworkID(ctx, id))
}

// failedOver tells the driver in its own words that another one leads.
func failedOver(err error) error {
	if errors.Is(err, store.ErrFenced) {
		return fmt.Errorf("%w: %w", mesos.ErrFailedOver, err)
	}
	return err
}

// stepDown tells the election in its own words that another scheduler uses our framework id: campaign again.
func stepDown(err error) error {
	if errors.Is(err, mesos.ErrFailedOver) && !errors.Is(err, store.ErrFenced) {
		return fmt.Errorf("%w: %w", store.ErrFenced, err)
	}
	return err
}

// dispatch has what changed reconciled by the controllers of the present term that it concerns. The cache calls it in the order of
// revisions.
func (m *Manager) dispatch(e cache.Event) {
	t := m.term.Load()
	if t == nil {
		return
	}
	for _, c := range t.controllers {
		for _, key := range c.concerns(e) {
			c.loop.Add(key)
		}
	}
	t.runPlans.Foresee(e)
}

// observed tells the loops how far the cache is.
func (m *Manager) observed(revision int64) {
	if t := m.term.Load(); t != nil {
		for _, c := range t.controllers {
			c.loop.Observed(revision)
		}
	}
}

// clockStepped has everything planned anew: the delays that were computed before are wrong.
func (m *Manager) clockStepped(by time.Duration) {
	t := m.term.Load()
	if t == nil {
		return
	}
	m.log.Info("The clock was set, or the machine slept", "by", by.String())
	t.jobPlans.ClockStepped()
	for _, c := range t.controllers {
		c.addAll()
	}
}
