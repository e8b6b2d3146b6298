package backfill

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"horae/api"
	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/store"
)

// begin fixes the schedule when the Backfill has its turn: when the Job is there and has been looked at, and no
// earlier Backfill of it goes on. The occurrences are those of this schedule from then on, whatever becomes of the
// Job's.
func (p *planner) begin() {
	j := p.in.Job
	present := j != nil && !j.Rev.Deleted()
	if p.next.JobUID != "" {
		p.gone = !present || string(j.Object.UID) != p.next.JobUID
	}
	switch {
	case p.invalid != "" || p.gone:
		return
	case p.spec.Suspend:
		p.wait(v1.ReasonSuspended, "spec.suspend is true")
	case !present:
		p.wait(v1.ReasonWaitingForJob, fmt.Sprintf("there is no Job %s", p.spec.Job))
	case j.Err != nil || !looked(j) || j.Object.Status.Schedule == nil && p.next.JobUID == "":
		p.wait(v1.ReasonWaitingForJob, fmt.Sprintf("the Job %s is not accepted, or has not been looked at yet", p.spec.Job))
	case slices.ContainsFunc(p.in.Others, p.precedes):
		p.wait(v1.ReasonWaitingForBackfill, "an earlier Backfill of the Job has not finished")
	}
	if p.next.JobUID == "" {
		if p.waits != "" {
			return
		}
		p.next.Range = rangeOf(p.spec)
		p.next.JobUID = string(j.Object.UID)
		p.next.Schedule = j.Object.Status.Schedule.DeepCopy()
		if len(j.Object.Spec.Calendars.Names()) > 0 {
			p.next.Calendars = j.Object.Spec.Calendars.DeepCopy()
		}
		p.next.StartTime = v1.NewTimePtr(p.now)
	}
	if err := p.readTurns(); err != nil {
		p.wait(v1.ReasonWaitingForJob, v1.Short(err.Error())) // It was accepted once: a zone file is gone.
		return
	}
	p.next.Total = int64(p.turns.total())
	_, more := p.turns.after(p.next.Cursor)
	p.over = !more
}

func rangeOf(s *v1.BackfillSpec) *v1.BackfillRange {
	return &v1.BackfillRange{Job: s.Job, From: s.From, To: s.To, Order: s.Order, Runs: s.Runs}
}

// looked reports whether the job controller has accepted the Job as it is now.
func looked(j *store.Job) bool {
	return j.Object.Status.ObservedGeneration == j.Rev.SpecVersion && accepts(j.Object.Status.Conditions)
}

func (p *planner) readTurns() error {
	if p.next.Schedule == nil {
		return errors.New("status.schedule is missing, and status.jobUID is there: Horae writes both together")
	}
	all, err := p.in.Parse(job.AnchorOf(p.in.Backfill.Key.Namespace, p.spec.Job, p.next.Schedule))
	if err != nil {
		return err
	}
	var calendars []job.Calendar
	if p.next.Calendars != nil {
		calendars = p.in.Calendars(p.next.Calendars)
	}
	p.turns, err = newTurns(all, p.spec, p.next.Schedule.TimeZone, p.next.Calendars, calendars)
	return err
}

// precedes reports whether another Backfill of the Job comes first: one that was created earlier and has not
// finished. Backfills of one Job go one after another, so that their Runs do not add up. One that is not accepted
// keeps nobody waiting.
func (p *planner) precedes(other *store.Backfill) bool {
	e, s := p.in.Backfill, &other.Object.Status
	earlier := other.Rev.SpecCreate < e.Rev.SpecCreate || other.Rev.SpecCreate == e.Rev.SpecCreate && other.Key.Name < e.Key.Name
	return earlier && !other.Rev.Deleted() && other.Err == nil && !finished(s) && !refused(s)
}

// wait notes the first reason why no occurrence has its turn.
func (p *planner) wait(reason, message string) {
	if p.waits == "" {
		p.waits, p.message = reason, message
	}
}

// take gives occurrences their turn, one after the other, for as long as there is room for the next one.
func (p *planner) take() {
	if p.waits != "" || p.turns == nil || p.over || p.gone || p.invalid != "" {
		return
	}
	c := &choice{in: &p.in, spec: p.spec, schedule: p.next.Schedule, turns: p.turns}
	for range maxTurns {
		t, ok := p.turns.after(p.next.Cursor)
		if !ok {
			p.over = true
			return
		}
		o, skip, ready := p.turnOf(c, t)
		switch {
		case !ready:
			return
		case skip != "":
			p.skip(t, skip)
		case !p.start(o):
			return
		}
		p.next.Cursor = v1.NewTimePtr(t)
	}
	p.wake.At(p.now)
}

// turnOf decides about an occurrence: the occasion of its Run, or why it is skipped. If it is not ready to have its
// turn, it notes what it waits for.
func (p *planner) turnOf(c *choice, t time.Time) (o job.Occasion, skip string, ready bool) {
	status := &p.in.Job.Object.Status
	// What the schedule has not handled is its own to run. What it has handled, it does not come back to.
	if handled, ok := job.HandledUpTo(status); ok && t.After(handled) {
		p.wait(v1.ReasonWaitingForSchedule, fmt.Sprintf("the Job's schedule has handled its occurrences up to %s; the next one here is %s",
			format(handled), format(t)))
		return o, "", false
	}
	at, skip := p.turns.instantOf(t)
	if skip != "" {
		return o, skip, true
	}
	is := func(other v1.Time) bool { return other.Equal(at) }
	if slices.ContainsFunc(status.Waiting, is) || slices.ContainsFunc(status.Moved, is) {
		return o, v1.ReasonScheduled, true
	}
	if at.After(p.now) {
		p.wake.At(at)
		p.wait(v1.ReasonWaitingForSchedule, fmt.Sprintf("the next occurrence was moved to %s", format(at)))
		return o, "", false
	}
	o, skip = c.pick(t, at)
	return o, skip, true
}

// start creates a Run, and reports whether there was room for it.
func (p *planner) start(o job.Occasion) bool {
	if int32(len(p.next.Active)) >= *p.spec.Parallel {
		return false
	}
	run := job.NewRun(p.in.Job.Object, o, job.RunOptions{
		Backfill: p.in.Backfill.Key.Name, Priority: priorityOf(p.spec, p.in.Job.Object), NoDependents: !p.spec.Dependents,
	}, p.now)
	if len(p.create) == maxRuns || p.in.OneRun && len(p.create) > 0 || !p.fits(run, len(p.create)) {
		p.wake.At(p.now)
		return false
	}
	p.create = append(p.create, run)
	p.next.Active = append(slices.Clip(p.next.Active), run.Name)
	p.next.ActiveCount = int64(len(p.next.Active))
	return true
}

// priorityOf returns the priority of the Runs: by default one below the Job's own.
func priorityOf(spec *v1.BackfillSpec, j *v1.Job) int32 {
	if spec.Priority != nil {
		return *spec.Priority
	}
	return max(j.Spec.Priority+v1.BackfillPriority, v1.MinPriority)
}

// fits reports whether one more Run fits into a transaction that has n already. All of them are about the size of
// the first one, which always fits: the Job was accepted for that.
func (p *planner) fits(run *v1.Run, n int) bool {
	if n == 0 {
		p.runSize = sizeOf(run)
	}
	return n == 0 || (n+1)*p.runSize <= maxRunBytes
}

// sizeOf is how many bytes a Run takes as it is stored, and a little more for names that differ.
func sizeOf(run *v1.Run) int {
	document, err := api.EncodeSpec(run)
	if err != nil {
		return 0 // Making the transaction fails with the same error.
	}
	return len(document) + 1<<10
}
