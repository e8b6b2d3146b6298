package manager

import (
	"context"
	"errors"

	"horae/controllers/backfill"
	"horae/controllers/calendar"
	"horae/controllers/job"
	"horae/controllers/run"
	"horae/controllers/run/placement"
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

// backfillWorkers is how many Backfills are reconciled at the same time. A worker mostly waits for a commit.
const backfillWorkers = 16

func (m *Manager) newTerm(writer *store.Writer) (*term, error) {
	t := &term{writer: writer}
	// The driver asks the controller which roles need no offers, and the controller makes calls through the driver.
	driver, err := m.newDriver(writer, func() []string { return t.runPlans.SuppressedRoles() })
	if err != nil {
		return nil, err
	}
	t.driver = driver
	t.jobPlans = job.New(job.Config{
		Cache: m.cache, Writer: writer, Statistics: m.store, Log: m.log.WithName("job"), Metrics: m.registry, Now: m.now,
		Settings: job.Settings{MissedLimit: m.cfg.Jobs.MaxCatchUp, StatusInterval: m.cfg.Jobs.StatusInterval.Duration},
	})
	jobs := reconcile.New(reconcile.Config{Name: "job", Workers: m.cfg.Jobs.Workers, Reconciler: t.jobPlans, Log: m.log,
		Metrics: m.registry})
	calendarPlans := &calendar.Reconciler{Cache: m.cache, Writer: writer, Log: m.log.WithName("calendar"), Now: m.now}
	calendars := reconcile.New(reconcile.Config{Name: "calendar", Workers: 1, Reconciler: calendarPlans, Log: m.log, Metrics: m.registry})
	backfillPlans := backfill.New(backfill.Config{Cache: m.cache, Writer: writer, Log: m.log.WithName("backfill"),
		Metrics: m.registry, Now: m.now})
	backfills := reconcile.New(reconcile.Config{Name: "backfill", Workers: backfillWorkers, Reconciler: backfillPlans, Log: m.log,
		Metrics: m.registry})
	// The loop calls the controller and the controller feeds the loop: one of them gets the other afterwards.
	runs := reconcile.New(reconcile.Config{Name: "run", Workers: m.cfg.Runs.Workers, Log: m.log, Metrics: m.registry,
		Reconciler: reconcile.Func(func(ctx context.Context, key store.Key) (reconcile.Result, error) {
			return t.runPlans.Reconcile(ctx, key)
		})})
	t.runPlans = run.New(run.Config{
		Writer: writer, Cache: m.cache, Truth: m.store, Mesos: driver, Agents: m.agents, Enqueue: runs.Add,
		Roles:       m.cfg.Mesos.Framework.Roles,
		CallbackURL: m.advertised(),
		Unanswered:  func(err error) bool { return errors.Is(err, mesos.ErrUnanswered) },
		Resubscribe: driver.Resubscribe,
		Offers: run.OfferConfig{Hold: m.cfg.Runs.OfferHold.Duration, Refuse: m.cfg.Runs.OfferRefuse.Duration,
			LookAhead: m.cfg.Runs.OfferLookAhead.Duration},
		Placement: placement.Config{Ageing: m.cfg.Runs.Ageing.Duration,
			AssumedDuration: m.cfg.Runs.AssumedDuration.Duration, GPUs: m.cfg.Mesos.Framework.GPUs},
		ReconcileEvery: m.cfg.Runs.ReconcileInterval.Duration,
		Log:            m.log.WithName("run"), Metrics: m.registry, Now: m.now,
	})
	t.controllers = []controller{
		{loop: runs, concerns: t.runPlans.Concerns, all: keysOf(m.cache.Runs), fills: true},
		{loop: jobs, concerns: t.jobPlans.Concerns, all: keysOf(m.cache.Jobs)},
		{loop: calendars, concerns: calendarPlans.Concerns, all: keysOf(m.cache.Calendars)},
		{loop: backfills, concerns: backfillPlans.Concerns, all: keysOf(m.cache.Backfills)},
	}
	return t, nil
}
