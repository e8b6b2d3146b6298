package backfill

import (
	"time"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/calendar"
	"horae/internal/schedule"
)

// turns are the occurrences of a range in the order in which they have their turn. There is no list of them: the one
// after the cursor is computed. Those on days without runs are among them.
type turns struct {
	all      *schedule.Schedule
	days     *calendar.Split // nil without Calendars
	nextDay  bool            // calendars.onExcluded is NextDay
	from, to time.Time
	newest   bool // the newest first
}

func newTurns(all *schedule.Schedule, spec *v1.BackfillSpec, timeZone string, named *v1.JobCalendars,
	calendars []job.Calendar,
) (*turns, error) {
	t := &turns{all: all, from: spec.From.Time, to: spec.To.Time, newest: spec.Order == v1.BackfillNewestFirst}
	if len(named.Names()) == 0 {
		return t, nil
	}
	var err error
	t.days, err = job.Split(all, timeZone, named, calendars)
	t.nextDay = named.OnExcluded == v1.OnExcludedNextDay
	return t, err
}

// total is the number of occurrences in the range.
func (o *turns) total() int {
	return o.all.Count(o.from.Add(-schedule.Instant), o.to.Add(-schedule.Instant))
}

// after returns the occurrence that has its turn after the cursor; the first one for nil.
func (o *turns) after(cursor *v1.Time) (time.Time, bool) {
	if o.newest {
		end := o.to
		if cursor != nil {
			end = cursor.Time
		}
		t, ok := o.all.Prev(end.Add(-schedule.Instant))
		return t, ok && !t.Before(o.from)
	}
	begin := o.from.Add(-schedule.Instant)
	if cursor != nil {
		begin = cursor.Time
	}
	t, ok := o.all.Next(begin)
	return t, ok && t.Before(o.to)
}

// instantOf returns when an occurrence runs by the Calendars: at its own time, or at the instant to which it is moved.
// If it does not run, skip is the reason.
func (o *turns) instantOf(t time.Time) (at time.Time, skip string) {
	if o.days == nil || o.days.Runs(t) {
		return t, ""
	}
	if !o.nextDay {
		return t, v1.ReasonCalendar
	}
	at, ok := o.days.NextDay(t)
	switch {
	case !ok:
		return t, v1.ReasonCalendar
	case o.merged(t, at):
		return t, v1.ReasonMerged
	}
	return at, ""
}

// merged reports whether a later occurrence runs at the instant to which t is moved: one of that instant, or one that
// is moved to it as well. So of all those that run at one instant, the last one stands for them.
func (o *turns) merged(t, at time.Time) bool {
	if o.occurs(at) {
		return true
	}
	clock, last := calendar.Clock(t, o.days.Zone), calendar.In(at, o.days.Zone)
	for day := calendar.In(t, o.days.Zone) + 1; day < last; day++ {
		if later := calendar.At(day, clock, o.days.Zone); later.After(t) && o.occurs(later) && !o.days.Runs(later) {
			return true
		}
	}
	return false
}

func (o *turns) occurs(t time.Time) bool { return o.all.Contains(t) }
