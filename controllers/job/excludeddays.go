package job

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/condition"
)

// restrict applies spec.calendars to the schedule. Afterwards p.schedule has the occurrences on days with runs, and
// p.off the others; p.off is nil for a Job without Calendars.
func (p *planner) restrict(scheduleChanged bool) {
	had := condition.Find(p.next.Conditions, v1.JobCalendarsFound) != nil
	if len(p.spec.Calendars.Names()) == 0 && !had {
		return
	}
	d, err := Split(p.schedule, p.spec.TimeZone, p.spec.Calendars, p.in.Calendars)
	if err != nil {
		p.invalid = v1.Short("spec.timeZone: " + err.Error())
		return
	}
	if !scheduleChanged && had {
		d.OffAfter, d.OffBefore = p.passedOff()
	}
	p.days, p.schedule, p.off = d, d.On(), d.Off()
}

// passedOff bounds the occurrences that were off when they passed: those after the cursor and before
// status.nextScheduleTime, which was computed with the Calendars as they were then. Editing a Calendar afterwards
// makes none of them run.
func (p *planner) passedOff() (after, before time.Time) {
	after = cursor(p.next.Schedule, p.next.LastScheduleTime)
	before = p.now.Add(instant)
	switch c := condition.Find(p.next.Conditions, v1.JobScheduled); {
	case p.next.NextScheduleTime != nil:
		if next := p.next.NextScheduleTime.Time; next.Before(before) {
			before = next
		}
	case c == nil || c.Reason != v1.ReasonExhausted:
		return after, after // What came due while the Job was blocked is judged by the Calendars as they are now.
	}
	if before.Before(after) {
		before = after
	}
	return after, before
}

// takeExcluded handles the occurrences after from that have passed on days without runs: it skips them, or moves them
// to another day. It returns the last occurrence handled, due included, and never passes one that is still to run.
func (p *planner) takeExcluded(from, due time.Time) time.Time {
	if p.off == nil {
		return due
	}
	upTo := p.now
	if next, ok := p.schedule.Next(due); ok && !next.After(upTo) {
		upTo = next.Add(-instant) // Its time has passed, but because of its jitter it is not due yet.
	}
	last, ok := p.off.Prev(upTo)
	if !ok || !last.After(from) {
		return due
	}
	first, _ := p.off.Next(from)
	if p.movesToNextDay() {
		p.move(first, last, p.off.Count(from, last))
	} else {
		p.recordExcluded(first, last, p.off.Count(from, last), v1.ReasonCalendar)
	}
	if due.After(last) {
		return due
	}
	return last
}

func (p *planner) movesToNextDay() bool {
	return p.spec.Calendars != nil && p.spec.Calendars.OnExcluded == v1.OnExcludedNextDay
}

const (
	// maxMoved bounds status.moved. maxMoves bounds the occurrences that one plan moves; a Job that runs every minute
	// has as many in three days.
	maxMoved = 100
	maxMoves = 5000
)

// move moves the n occurrences from first to last to the next day with runs. If there are too many, it moves the
// latest and records the others as skipped. An occurrence that is moved to an instant at which the Job runs anyway is
// merged with that one.
func (p *planner) move(first, last time.Time, n int) {
	moved := p.next.Moved
	t := last
	for range min(n, maxMoves) {
		at, ok := p.days.NextDay(t)
		if !ok || len(moved) >= maxMoved {
			break
		}
		moved = p.addMoved(moved, at)
		n--
		t, _ = p.off.Prev(t.Add(-instant))
	}
	p.next.Moved = moved
	if n > 0 {
		p.recordExcluded(first, t, n, v1.ReasonTooManyMoved)
	}
}

// addMoved adds an instant to a list in order, unless it is an occurrence of the schedule that is not handled yet.
func (p *planner) addMoved(list []v1.Time, at time.Time) []v1.Time {
	if t, ok := p.schedule.Prev(at); ok && t.Equal(at) && at.After(cursor(p.next.Schedule, p.next.LastScheduleTime)) {
		return list
	}
	return insertTime(list, v1.NewTime(at))
}

// insertTime returns a list in order with a time added to it. It does not change the given list (I8).
func insertTime(list []v1.Time, t v1.Time) []v1.Time {
	i, found := slices.BinarySearchFunc(list, t, func(a, b v1.Time) int { return a.Compare(b.Time) })
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, t)
}

// takeMoved takes what is due from status.moved. late passed while nothing could run; onTime is due now. An instant
// on a day that has become one without runs moves on to the next day with runs.
func (p *planner) takeMoved() (late, onTime []Occasion) {
	if len(p.next.Moved) == 0 {
		return nil, nil
	}
	var stay []v1.Time
	for _, t := range p.next.Moved {
		o := Scheduled(t.Time)
		if p.dueAt(o).After(p.now) {
			stay = insertTime(stay, t)
			continue
		}
		if p.days != nil && !p.days.Rule.Runs(calendar.In(t.Time, p.days.Zone)) {
			if at, ok := p.days.NextDay(t.Time); ok {
				stay = p.addMoved(stay, at)
				continue
			}
			p.recordExcluded(t.Time, t.Time, 1, v1.ReasonTooManyMoved)
			continue
		}
		p.next.Occurrences++
		if p.held != "" || !p.dueAt(o).After(p.lateBefore()) {
			late = append(late, o)
		} else {
			onTime = append(onTime, o)
		}
	}
	p.next.Moved = stay
	return late, onTime
}

// recordExcluded records n occurrences on days without runs. They are added to the latest entry if it has the same
// reason, even if Runs lie between: a Job that rests every weekend has one entry, not one a week.
func (p *planner) recordExcluded(first, last time.Time, n int, reason string) {
	p.next.Occurrences += int64(n)
	p.next.Skipped += int64(n)
	entry := v1.NotRun{ScheduledTime: v1.NewTime(first), Count: int64(n), Outcome: v1.RunSkipped, Reason: reason,
		Message: p.explain(reason)}
	p.list(entry, last, func(*v1.NotRun) bool { return true })
}

// explainCalendars names the Calendars that let nothing run.
func (p *planner) explainCalendars() string {
	c := p.spec.Calendars
	if len(c.Names()) == 0 {
		return "the Job's Calendars let nothing run on that day"
	}
	var parts []string
	if len(c.Exclude) > 0 {
		parts = append(parts, "exclude "+strings.Join(c.Exclude, ", "))
	}
	if len(c.Only) > 0 {
		parts = append(parts, "only "+strings.Join(c.Only, ", "))
	}
	return v1.Short("the Job's Calendars let nothing run on that day (" + strings.Join(parts, "; ") + ")")
}

// wakeForExcluded has the plan wake up when there are occurrences to skip or to move: at the first occurrence of each
// day without runs, and at the end of that day for the rest of it.
func (p *planner) wakeForExcluded() {
	if p.off == nil || p.blocked != "" {
		return
	}
	from := cursor(p.next.Schedule, p.next.LastScheduleTime)
	t, ok := p.off.Next(from)
	if !ok {
		return
	}
	if next, ok := p.schedule.Next(from); ok && next.Before(t) {
		return // That one wakes the plan first.
	}
	if day := calendar.In(from, p.days.Zone); p.next.LastScheduleTime != nil && !p.days.Runs(from) && calendar.In(t, p.days.Zone) == day {
		t = calendar.Start(day+1, p.days.Zone)
	}
	p.wake.At(t)
}

// followingMoved returns the first instant to which an occurrence is moved, or will be.
func (p *planner) followingMoved() (first time.Time, found bool) {
	if len(p.next.Moved) > 0 {
		first, found = p.next.Moved[0].Time, true
	}
	if p.off == nil || !p.movesToNextDay() {
		return first, found
	}
	// The occurrences of all days without runs move to the next day with runs. The first of them there is the one
	// with the earliest time of day.
	t, ok := p.off.Next(cursor(p.next.Schedule, p.next.LastScheduleTime))
	if !ok {
		return first, found
	}
	end, ok := p.days.Rule.Next(calendar.In(t, p.days.Zone)+1, true)
	for range maxDaysAhead {
		if !ok || calendar.In(t, p.days.Zone) >= end {
			break
		}
		if at, lands := p.days.NextDay(t); lands && (!found || at.Before(first)) {
			first, found = at, true
		}
		t, ok = p.off.Next(calendar.Start(calendar.In(t, p.days.Zone)+1, p.days.Zone).Add(-instant))
	}
	return first, found
}

// maxDaysAhead bounds the days that followingMoved searches. A later plan finds what lies further away.
const maxDaysAhead = 31

// calendarsFound sets the condition CalendarsFound.
func (p *planner) calendarsFound() {
	if p.invalid != "" {
		return // The Calendars that the user wants are not known.
	}
	if len(p.spec.Calendars.Names()) == 0 {
		p.next.Conditions = condition.Drop(p.next.Conditions, v1.JobCalendarsFound)
		return
	}
	reason := ""
	var problems []string
	for _, c := range p.in.Calendars {
		if c.Problem != "" {
			problems = append(problems, c.Name+" "+c.Problem)
			if reason == "" {
				reason = c.Reason
			}
		}
	}
	if problems == nil {
		p.condition(v1.JobCalendarsFound, metav1.ConditionTrue, v1.ReasonFound, "")
		return
	}
	p.condition(v1.JobCalendarsFound, metav1.ConditionFalse, reason,
		v1.Short("a Calendar without days is taken for each of these: "+strings.Join(problems, "; ")))
}
