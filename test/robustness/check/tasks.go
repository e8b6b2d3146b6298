package check

import (
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// tasks: each is one that may be there.
func (v *view) tasks() {
	for _, w := range v.h.Witnesses {
		job, known := v.h.Jobs[w.Job]
		if !known {
			v.find(Phantom, w.Job, "%s ran for a Job that nobody asked for", w.File)
			continue
		}
		if w.Reason == v1.ReasonSchedule {
			v.scheduledTask(&job, &w)
		}
		v.recorded(&w)
		if !w.Complete() {
			v.incomplete(&job, &w)
		}
	}
}

// scheduledTask: its occurrence is in the schedule, and nothing forbade it.
func (v *view) scheduledTask(j *history.Job, w *history.Witness) {
	if _, ok := j.Index(w.Nominal); !ok {
		v.find(Phantom, j.Name, "%s ran for %s, which the schedule does not have", w.File, stamp(w.Nominal))
		return
	}
	if _, added := v.op(j.Name, history.Add); !added {
		v.find(Phantom, j.Name, "%s ran for a Job that was refused", w.File)
	}
	if w.Start.Before(w.Nominal) {
		v.find(Phantom, j.Name, "%s started at %s, before its time", w.File, stamp(w.Start))
	}
	if d, deleted := v.op(j.Name, history.Delete); deleted && d.Outcome == history.OK && w.Nominal.After(d.Completed) {
		v.find(Phantom, j.Name, "%s ran for %s, and the Job was deleted by %s", w.File, stamp(w.Nominal), stamp(d.Completed))
	}
	for _, s := range suspensions(v.ops[j.Name], v.h.Read) {
		if w.Nominal.After(s.From) && w.Start.Before(s.To) {
			v.find(Phantom, j.Name, "%s started at %s for %s, and the Job was suspended from %s to %s", w.File,
				stamp(w.Start), stamp(w.Nominal), stamp(s.From), stamp(s.To))
		}
	}
	v.edited(j, w, w.Nominal)
}

// edited: the task was made with the last edit that was acknowledged before what it runs for, or a later one. One of unknown
// outcome may come at any time.
func (v *view) edited(j *history.Job, w *history.Witness, cause time.Time) {
	acknowledged := 0
	for _, op := range v.ops[j.Name] {
		switch {
		case op.Kind != history.Edit:
		case op.Outcome == history.Unknown && op.Edit == w.Edit:
			return
		case op.Outcome == history.OK && op.Completed.Before(cause):
			acknowledged = max(acknowledged, op.Edit)
		}
	}
	if w.Edit < acknowledged {
		v.find(Stale, j.Name, "%s ran for %s with edit %d, and edit %d had been acknowledged", w.File, stamp(cause),
			w.Edit, acknowledged)
	}
}

// recorded: the task is an attempt of a Run that etcd held.
func (v *view) recorded(w *history.Witness) {
	r := v.records[w.Run]
	switch {
	case r == nil:
		v.find(Unrecorded, w.Job, "%s ran, and etcd never held its Run", w.File)
	case attempt(r, w.Task) == nil:
		v.find(Unrecorded, w.Job, "%s ran, and its Run never had such an attempt", w.File)
	}
}

// incomplete: a task without an end was killed by a fault, or on demand, or still runs.
func (v *view) incomplete(j *history.Job, w *history.Witness) {
	if w.Start.After(v.due(j)) {
		return
	}
	v.result.Incomplete++
	r := v.records[w.Run]
	if r == nil || v.mayBeDeleted(w.Job) || r.Phase == v1.RunKilled && j.Concurrency == v1.ConcurrencyReplace {
		return
	}
	if a := attempt(r, w.Task); a != nil && !v.excused(a) {
		v.find(Lost, w.Job, "%s did not come to its end, and no fault was there that kills tasks (the attempt is %s)", w.File, a.State)
	}
}

// runs: each Run's attempts are what they must be.
func (v *view) runs() {
	for _, name := range v.jobs {
		nominal := map[int64]string{}
		for _, r := range v.ofJob[name] {
			if scheduled(r) {
				if other := nominal[r.Nominal.UnixNano()]; other != "" {
					v.find(Duplicate, name, "%s and %s are both for %s", other, r.Name, stamp(r.Nominal))
				}
				nominal[r.Nominal.UnixNano()] = r.Name
			}
			v.attempts(name, r)
			v.ended(name, r)
			v.callbacks(name, r)
		}
	}
}

// attempts: no task started twice, and a second attempt had a reason.
func (v *view) attempts(job string, r *history.Record) {
	byAttempt := slices.SortedStableFunc(slices.Values(v.byRun[r.Name]), func(a, b history.Witness) int { return a.Attempt - b.Attempt })
	for i, w := range byAttempt {
		if i == 0 {
			continue
		}
		before := byAttempt[i-1]
		if before.Task == w.Task {
			v.find(Duplicate, job, "the task %s started twice, at %s and at %s", w.Task, stamp(before.Start), stamp(w.Start))
			continue
		}
		a, j := attempt(r, before.Task), v.h.Jobs[job]
		if a == nil || before.Complete() && j.Fails(before.Attempt) && a.State == v1.RunFailed {
			continue // unrecorded; or failed by itself
		}
		v.result.Retried++
		if !a.State.Terminal() || a.State == v1.RunSucceeded || !v.excused(a) {
			v.find(Duplicate, job, "%s started at %s though %s had started at %s; that attempt is %s, and no fault "+
				"had ended it", w.Task, stamp(w.Start),
				before.Task, stamp(before.Start), a.State)
		}
	}
}

// ended: a Run that was due long ago has ended, and one that succeeded has the task to show for it.
func (v *view) ended(name string, r *history.Record) {
	j := v.h.Jobs[name]
	a := last(r)
	switch {
	case r.Phase == v1.RunSucceeded:
		if a == nil || v.byTask[a.Task] == nil || !v.succeeded(v.byTask[a.Task]) {
			v.find(Ghost, name, "%s succeeded, and no task of its last attempt came to its end, or that failed", r.Name)
		}
	case !r.Phase.Terminal() && !r.Deleted && scheduled(r) && r.Nominal.Before(v.due(&j)):
		v.find(Unended, name, "%s, due at %s, is %s: %s", r.Name, stamp(r.Nominal), r.Phase, r.Why)
	}
}

// callbacks: what was acknowledged is how the attempt ended, and no asynchronous Run succeeded without it.
func (v *view) callbacks(name string, r *history.Record) {
	j := v.h.Jobs[name]
	if !j.Async || r.Deleted {
		return
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		call, made := v.calls[a.Task]
		switch {
		case made && call.Outcome == history.OK && a.State.Terminal() && a.State != v1.RunSucceeded:
			v.find(Unheard, name, "the callback of %s was acknowledged, and the attempt ended %s", a.Task, a.State)
		case a.State == v1.RunSucceeded && (!made || call.Outcome == history.Failed):
			v.find(Unheard, name, "%s succeeded without its callback (%s)", a.Task, call.Err)
		}
	}
}

// overlaps: a Job that allows one task at a time had one; and whatever a Job allows, so had each Run. A task without an end is known
// to have lived at its start, and for no longer. A manual Run may overlap those that were there before it: nothing holds it up.
func (v *view) overlaps() {
	for _, name := range v.jobs {
		j := v.h.Jobs[name]
		var alive []history.Witness
		for _, w := range v.witnesses[name] {
			alive = slices.DeleteFunc(alive, func(a history.Witness) bool { return !a.End.After(w.Start) })
			for _, a := range alive {
				if a.Run == w.Run && a.Task != w.Task || a.Run != w.Run && j.Concurrency != v1.ConcurrencyAllow && v.mustWait(&a, &w) {
					v.find(Overlap, name, "%s ran from %s to %s, and %s started at %s", a.File, stamp(a.Start), stamp(a.End),
						w.File, stamp(w.Start))
				}
			}
			if w.Complete() {
				alive = append(alive, w)
			}
		}
	}
}

// mustWait: of two Runs the one that was made later is scheduled or follows others, so that it must not have been made while the
// other was active. Those of Backfills are beside all others.
func (v *view) mustWait(a, b *history.Witness) bool {
	ra, rb := v.records[a.Run], v.records[b.Run]
	if ra == nil || rb == nil {
		return true
	}
	if ra.Backfill != "" || rb.Backfill != "" {
		return false
	}
	later := rb
	if ra.Created > rb.Created {
		later = ra
	}
	return scheduled(later) || later.Reason == v1.ReasonDependency
}
