package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// Reconcile brings one Run nearer to its end. It implements reconcile.Reconciler.
func (c *Controller) Reconcile(ctx context.Context, key store.Key) (reconcile.Result, error) {
	// 1. Gather.
	run := c.cfg.Cache.Run(key.Namespace, key.Name)
	updates := c.pending.of(key)
	known, unknown := sortUpdates(run, updates)
	late, err := c.handleUnknown(ctx, key, unknown)
	if err != nil {
		return reconcile.Result{}, err
	}
	if run == nil {
		c.forget(key)
		c.pending.remove(key, known)
		revision, err := c.dropOrphan(ctx, key)
		return reconcile.Result{After: late, Revision: revision}, err
	}
	in := c.gather(run, known)
	in.Callback = c.cfg.Cache.Callback(key.Namespace, key.Name)
	// 2. Plan.
	d := Plan(in, c.cfg.Now())
	// 3. Do.
	revision, err := c.act(ctx, &in, &d)
	if err != nil {
		return reconcile.Result{}, err
	}
	c.pending.remove(key, known)
	return reconcile.Result{After: soonest(late, d.After), Revision: revision}, nil
}

func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// sortUpdates separates the updates of attempts that the Run knows from the others. It does not know attempts
// that were launched a moment ago, which the cache has not seen yet, and tasks that no Run has.
func sortUpdates(run *store.Run, updates []pendingUpdate) (known, unknown []pendingUpdate) {
	for _, l := range updates {
		if run != nil && knows(run, l.TaskID) {
			known = append(known, l)
		} else {
			unknown = append(unknown, l)
		}
	}
	return known, unknown
}

// knows reports whether the task is, or was, an attempt of the Run or of its earlier incarnation.
func knows(run *store.Run, taskID string) bool {
	obj := run.Object
	if run.Earlier != nil {
		obj = run.Earlier
	}
	attempts := obj.Status.Attempts
	for i := len(attempts) - 1; i >= 0; i-- {
		if attempts[i].TaskID == taskID {
			return true
		}
	}
	// Old attempts that never started are dropped from the status; the number of the last one says how
	// many there were.
	if n := len(attempts); n > 0 {
		last, ok1 := ParseTaskID(attempts[n-1].TaskID)
		id, ok2 := ParseTaskID(taskID)
		return ok1 && ok2 && id.Incarnation == last.Incarnation && id.Attempt < last.Attempt
	}
	return false
}

// handleUnknown deals with updates of tasks that the cache does not know. The intent of each was stored before
// its ACCEPT was sent (I1), so that etcd itself knows the task, unless its Run is gone: then the task is
// killed, if it is alive. It returns when to look again; 0: not.
func (c *Controller) handleUnknown(ctx context.Context, key store.Key, updates []pendingUpdate) (time.Duration, error) {
	if len(updates) == 0 {
		return 0, nil
	}
	truth, err := c.cfg.Truth.GetRun(ctx, key.Namespace, key.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("find out whose task %s is: %w", updates[0].TaskID, err)
	}
	var wait time.Duration
	for _, l := range updates {
		switch {
		case err == nil && truth.StatusErr() != nil:
			wait = unreadable // It may belong to a live attempt. A person has to look.
			continue
		case err == nil && knows(truth, l.TaskID):
			wait = behindCache // The cache will know in a moment and enqueue the Run; this is the safety net.
			continue
		}
		c.reconciliation.endUnknown(ctx, l.Update)
		c.pending.remove(key, []pendingUpdate{l})
	}
	return wait, nil
}

// gather puts together what Plan looks at.
func (c *Controller) gather(run *store.Run, updates []pendingUpdate) Input {
	c.placer.attemptEnded(c.live.see(run))
	in := Input{Run: run, JobGone: c.jobGone(run)}
	task := presentTask(run)
	live := liveAttempt(run)
	epoch, framework := c.reconciliation.current()
	m := c.memory.of(run.Key, task, epoch)
	in.Facts = Facts{
		Progress: m.progress, Kills: m.kills, LastKill: m.lastKill, Asks: m.asks, LastAsk: m.lastAsk, FrameworkID: framework,
		ProgressWritten: m.progressWritten, Why: m.why,
	}
	if live != nil {
		in.InFlight = c.flight.has(task)
		in.Maintenance = c.inverseOffers.windowOf(live.AgentID)
		if c.cfg.Agents != nil && len(updates) > 0 {
			in.WorkDir, _ = c.cfg.Agents.WorkDir(live.AgentURL)
		}
	}
	for _, l := range updates {
		in.Updates = append(in.Updates, l.Update)
		if so := progressOf(l.State); l.TaskID == task && so > in.Progress {
			in.Progress = so
			c.remember(run.Key, task, func(m *runMemory) { m.progress = so })
		}
	}
	return in
}

// jobGone reports whether the Run has outlived its Job. A Job that was deleted and created again is another
// one, if the Run names the UID of its Job.
func (c *Controller) jobGone(r *store.Run) bool {
	if r.Rev.Deleted() || r.Err != nil || r.Object.Spec.Job == "" {
		return false
	}
	job := c.cfg.Cache.Job(r.Key.Namespace, r.Object.Spec.Job)
	if job == nil || job.Rev.Deleted() {
		return true
	}
	owner := metav1.GetControllerOf(r.Object)
	return owner != nil && owner.Kind == v1.KindJob && owner.UID != job.Object.UID
}

// act carries out a decision, in the order of its fields: a write comes before everything that relies on it.
func (c *Controller) act(ctx context.Context, in *Input, d *Decision) (revision int64, err error) {
	run, key := in.Run, in.Run.Key
	if !d.Launch {
		c.placer.drop(key)
		c.memory.forgetWhy(key)
	}
	c.acknowledge(ctx, d.AckNow)
	if change, ok, err := changeOf(run, in.Callback, d); err != nil {
		return 0, err
	} else if ok {
		if revision, err = c.cfg.Writer.Apply(ctx, change); err != nil {
			return 0, err
		}
		c.wrote(run, in.Callback, d)
	}
	// I2: stored, so it may be acknowledged.
	c.acknowledge(ctx, d.AckAfter)
	c.kill(ctx, run, d.Kill)
	if len(d.Ask) > 0 {
		c.reconciliation.ask(d.Ask)
		c.remember(key, d.Ask[0].TaskID, func(m *runMemory) { m.asks, m.lastAsk = m.asks+1, c.cfg.Now() })
	}
	if d.Launch && revision == 0 { // Otherwise the cache's event brings the Run here again, with the revisions to launch by.
		return 0, c.want(run, d.Since)
	}
	return revision, nil
}

// want queues the Run for placement.
func (c *Controller) want(run *store.Run, since time.Time) error {
	r, err := placement.NewRequest(run, since, c.cfg.Roles[0], agentsToAvoid(run.Object.Status.Attempts)...)
	if err != nil {
		return fmt.Errorf("look for a place for %s: %w", run.Key, err)
	}
	c.placer.want(r)
	return nil
}

// changeOf is the write that a decision asks for.
func changeOf(run *store.Run, reported *store.Callback, d *Decision) (store.Change, bool, error) {
	key := run.Key
	change := store.Change{Guards: []store.Guard{store.SpecAt(key, run.Rev.SpecMod), store.StatusAt(key, run.Rev.StatusMod)}}
	if d.DropCallback {
		change.Writes = append(change.Writes, store.DeleteCallback(key))
	}
	if d.DropCallback || d.GuardCallback {
		change.Guards = append(change.Guards, store.CallbackAt(key, revisionOf(reported)))
	}
	switch {
	case d.Remove || d.RemoveSpec:
		if d.Remove {
			change.Writes = append(change.Writes, store.DeleteStatus(key))
		}
		if d.RemoveSpec {
			change.Writes = append(change.Writes, store.DeleteSpec(key))
		}
	case d.Status != nil:
		obj := *run.Object
		if run.Earlier != nil {
			obj = *run.Earlier
		}
		obj.Status = *d.Status
		if !d.Created.IsZero() {
			obj.CreationTimestamp = metav1.NewTime(d.Created)
		}
		put, err := store.PutStatus(key, &obj)
		if err != nil {
			return change, false, err
		}
		change.Writes = append(change.Writes, put)
	}
	return change, len(change.Writes) > 0, nil
}

// revisionOf what callbacks have reported; 0: they have reported nothing.
func revisionOf(c *store.Callback) int64 {
	if c == nil {
		return 0
	}
	return c.Revision
}

// dropOrphan removes what callbacks have reported of a Run that is gone.
func (c *Controller) dropOrphan(ctx context.Context, run store.Key) (revision int64, err error) {
	reported := c.cfg.Cache.Callback(run.Namespace, run.Name)
	if reported == nil {
		return 0, nil
	}
	return c.cfg.Writer.Apply(ctx, store.Change{
		Guards: []store.Guard{store.SpecAt(run, 0), store.StatusAt(run, 0), store.CallbackAt(run, reported.Revision)},
		Writes: []store.Write{store.DeleteCallback(run)},
	})
}

// wrote notes what follows from a write that was made.
func (c *Controller) wrote(run *store.Run, reported *store.Callback, d *Decision) {
	if reported != nil && reported.Err != nil && d.DropCallback {
		c.cfg.Log.Info("Removed a document of callbacks that cannot be used", "run", run.Key.String(), "error", reported.Err.Error())
	}
	switch {
	case d.Remove || d.RemoveSpec:
		c.forget(run.Key)
		c.cfg.Log.V(1).Info("Removed run", "run", run.Key.String())
	case d.Status != nil:
		c.metrics.measure(run.Object, d.Status, c.cfg.Now())
		if !samePtr(run.Object.Status.Progress, d.Status.Progress) {
			c.remember(run.Key, presentTask(run), func(m *runMemory) { m.progressWritten = c.cfg.Now() })
		}
		if d.Status.Phase.Terminal() {
			c.memory.forget(run.Key)
		}
		if t := d.Status.RetryTime; t != nil {
			c.Expect(run.Object.Spec.Task.Role, t.Time)
		}
	}
}

// acknowledge acknowledges updates whose effect is stored, or that have none. If a call fails, the agent sends
// the update again.
func (c *Controller) acknowledge(ctx context.Context, updates []offer.Update) {
	for i := range updates {
		if !updates[i].WantsAck() {
			continue
		}
		if err := c.cfg.Mesos.Acknowledge(ctx, updates[i]); err != nil {
			c.cfg.Log.V(1).Info("Acknowledgement did not go through", "task", updates[i].TaskID, "state",
				updates[i].State, "error", err.Error())
		}
	}
}

// kill kills tasks. If a call fails, Plan asks for it again, until the task is dead.
func (c *Controller) kill(ctx context.Context, run *store.Run, tasks []offer.TaskRef) {
	for _, t := range tasks {
		c.cfg.Log.Info("Killing task", "task", t.TaskID, "agent", t.AgentID)
		if err := c.cfg.Mesos.Kill(ctx, t, nil); err != nil {
			c.cfg.Log.V(1).Info("Kill did not go through", "task", t.TaskID, "error", err.Error())
			continue
		}
		if live := liveAttempt(run); live != nil && live.TaskID == t.TaskID {
			c.remember(run.Key, t.TaskID, func(m *runMemory) { m.kills, m.lastKill = m.kills+1, c.cfg.Now() })
		}
	}
}

// remember changes what is known of a live attempt.
func (c *Controller) remember(key store.Key, task string, f func(*runMemory)) {
	epoch, _ := c.reconciliation.current()
	c.memory.change(key, func(m *runMemory) {
		if m.task != task || m.epoch != epoch {
			*m = runMemory{task: task, epoch: epoch, why: m.why}
		}
		f(m)
	})
}

func (c *Controller) forget(key store.Key) {
	c.memory.forget(key)
	c.placer.attemptEnded(c.live.remove(key))
	c.placer.drop(key)
}
