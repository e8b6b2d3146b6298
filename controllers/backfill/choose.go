package backfill

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/calendar"
	"horae/internal/schedule"
	"horae/internal/store"
)

// choice decides which occurrences run. It is made once a plan, and looks at the Job's Runs only if it has to.
type choice struct {
	in   *Input
	spec *v1.BackfillSpec
	// status of this Backfill: the schedule that it is about, and its days.
	schedule *v1.ScheduleStatus
	turns    *turns

	last   map[int64]*store.Run // the last Run of each occurrence, in microseconds; nil until it is needed
	notRun []instants           // what the Job's status says did not run; nil until it is needed
	judged bool                 // notRun and taken are there
	taken  []instants           // what other Backfills of the Job have had
}

// instants are those from first to last, both included.
type instants struct{ first, last time.Time }

func (i instants) has(t time.Time) bool { return !t.Before(i.first) && !t.After(i.last) }

func anyHas(list []instants, t time.Time) bool {
	for _, i := range list {
		if i.has(t) {
			return true
		}
	}
	return false
}

// pick decides about an occurrence that is at t in the schedule and runs at the given instant. It returns why it is
// skipped, or the occasion of its Run.
func (c *choice) pick(t, at time.Time) (o job.Occasion, skip string) {
	last := c.lastRun(at)
	switch c.spec.Runs {
	case v1.BackfillAll:
		if last != nil && !ended(last) {
			return o, v1.ReasonHasRun
		}
	case v1.BackfillFailed:
		switch {
		case last != nil && !ended(last):
			return o, v1.ReasonHasRun
		case last == nil || !failed(last):
			return o, v1.ReasonNotFailed
		}
	default: // Missing
		switch {
		case last != nil && !neverRan(last):
			return o, v1.ReasonHasRun
		case last == nil && c.mayHaveRun(t, at):
			return o, v1.ReasonMayHaveRun
		}
	}
	return c.occasion(at)
}

// failed reports whether the Run is one that runs: Failed repeats.
func failed(run *store.Run) bool {
	switch run.Object.Status.Phase {
	case v1.RunFailed, v1.RunLost, v1.RunKilled:
		return true
	}
	return false
}

// neverRan reports whether the Run ended without having been tried.
func neverRan(run *store.Run) bool {
	status := &run.Object.Status
	switch status.Phase {
	case v1.RunMissed, v1.RunSkipped:
		return true
	case v1.RunKilled:
		return len(status.Attempts) == 0
	}
	return false
}

// occasion returns the occasion of the occurrence's Run: the schedule's name for it if that is free, and otherwise one
// that is a function of the Backfill and the occurrence (I3).
func (c *choice) occasion(at time.Time) (o job.Occasion, skip string) {
	for _, o := range []job.Occasion{job.Backfilled(at), job.Repeated(at, idOf(c.in.Backfill))} {
		if c.in.Lookup(o.RunName(c.spec.Job)) == nil {
			return o, ""
		}
	}
	return o, v1.ReasonNameTaken
}

// idOf returns eight characters that stand for this incarnation of the Backfill in the names of its Runs.
func idOf(b *store.Backfill) string {
	var bytes [8]byte
	binary.BigEndian.PutUint64(bytes[:], schedule.Hash(uint64(b.Rev.SpecCreate), b.Key.Namespace, "/", b.Key.Name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(bytes[:5]))
}

// lastRun returns the Run of the occurrence that was created last; nil if there is none. What it is for, its
// scheduledTime says, whatever its reason and name.
func (c *choice) lastRun(at time.Time) *store.Run {
	if c.last == nil {
		c.last = map[int64]*store.Run{}
		for _, run := range c.in.Runs { // By create revision: the last one stays.
			if t := run.Object.Spec.ScheduledTime; t != nil && !run.Rev.Deleted() && run.Rev.SpecCreate >= c.in.Job.Rev.SpecCreate {
				c.last[t.UnixMicro()] = run
			}
		}
	}
	return c.last[at.UnixMicro()]
}

// mayHaveRun reports whether an occurrence of which there is no Run may have had one: the history keeps a few Runs
// only. It has none if it was before the Job was created, or if the Job's status says that it became no Run, unless
// another Backfill has had it since.
func (c *choice) mayHaveRun(t, at time.Time) bool {
	if !c.judged {
		c.notRun, c.taken, c.judged = c.recordedNotRun(), c.takenByOthers(), true
	}
	if anyHas(c.taken, t) {
		return true
	}
	if created := c.in.Job.Object.CreationTimestamp.Time; !created.IsZero() && at.Before(created) {
		return false
	}
	return !anyHas(c.notRun, t) && !anyHas(c.notRun, at)
}

// recordedNotRun returns the entries of the Job's status.notRun that are about each occurrence between their ends. An
// entry with fewer has Runs between, and does not say which.
func (c *choice) recordedNotRun() []instants {
	var list []instants
	for _, entry := range c.in.Job.Object.Status.NotRun {
		i := instants{entry.ScheduledTime.Time, entry.ScheduledTime.Time}
		if entry.Through != nil {
			i.last = entry.Through.Time
		}
		n := c.turns.all.Count(i.first.Add(-schedule.Instant), i.last)
		if entry.Count == int64(n) || entry.Count == 1 || c.turns.days != nil && entry.Count == int64(onDays(c.turns.days, i)) {
			list = append(list, i)
		}
	}
	return list
}

func onDays(days *calendar.Split, i instants) int {
	return days.On().Count(i.first.Add(-schedule.Instant), i.last)
}

// takenByOthers returns the ranges in which other Backfills of this Job have run what was missing, or everything.
func (c *choice) takenByOthers() []instants {
	var list []instants
	for _, other := range c.in.Others {
		spec, status := &other.Object.Spec, &other.Object.Status
		if other.Rev.Deleted() || status.Cursor == nil || status.Schedule == nil || spec.Runs == v1.BackfillFailed ||
			status.JobUID != string(c.in.Job.Object.UID) ||
			status.Schedule.Expression != c.schedule.Expression || status.Schedule.TimeZone != c.schedule.TimeZone {
			continue
		}
		if spec.Order == v1.BackfillNewestFirst {
			list = append(list, instants{status.Cursor.Time, spec.To.Add(-schedule.Instant)})
		} else {
			list = append(list, instants{spec.From.Time, status.Cursor.Time})
		}
	}
	return list
}
