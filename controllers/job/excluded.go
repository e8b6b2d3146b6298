package job

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/calendar"
)

// restrict applies spec.calendars to the schedule. Afterwards p.schedule are the occurrences that run at their time, and p.off the
// others; p.off is nil for a Job without Calendars.
func (p *planner) restrict(scheduleChanged bool) {
	had := findCondition(p.next.Conditions, v1.JobCalendarsFound) != nil
	if len(p.spec.Calendars.Names()) == 0 && !had {
		return
	}
	d, err := daysOf(p.schedule, p.spec, p.in.Calendars)
	if err != nil {
		p.invalid = v1.Short("spec.timeZone: " + err.Error())
		return
	}
	if !scheduleChanged && had {
		d.offAfter, d.offBefore = p.passedOff()
	}
	p.days, p.schedule, p.off = d, onDays{d}, offDays{d}
}

// passedOff bounds the occurrences that were off when they passed: those that nobody handled before status.nextScheduleTime, which
// was found with the Calendars as they were. A Calendar that is edited afterwards lets none of them run: the past stays as it was.
func (p *planner) passedOff() (after, before time.Time) {
	after = cursor(p.next.Schedule, p.next.LastScheduleTime)
	before = p.now.Add(instant)
	switch c := findCondition(p.next.Conditions, v1.JobScheduled); {
	case p.next.NextScheduleTime != nil:
		if next := p.next.NextScheduleTime.Time; next.Before(before) {
			before = next
		}
	case c == nil || c.Reason != v1.ReasonExhausted:
		return after, after // What was due while the Job was blocked is judged when it no longer is.
	}
	if before.Before(after) {
		before = after
	}
	return after, before
}

// passOver handles the occurrences after from that have passed on days without runs: they are told, or moved. It returns the last
// of them, and never goes over one that is still to run.
func (p *planner) passOver(from, due time.Time) time.Time {
	if p.off == nil {
		return due
	}
	upTo := p.now
	if next, ok := p.schedule.Next(due); ok && !next.After(upTo) {
		upTo = next.Add(-instant) // Its jitter holds it up.
	}
	last, ok := p.off.Prev(upTo)
	if !ok || !last.After(from) {
		return due
	}
	first, _ := p.off.Next(from)
	if p.movesToNextDay() {
		p.move(first, last, p.off.Count(from, last))
	} else {
		p.tellOff(first, last, p.off.Count(from, last), v1.ReasonCalendar)
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
	// maxMoved bounds status.moved, and maxMoves how many occurrences one plan looks at to move them: those of some days of a
	// Job that runs every minute.
	maxMoved = 100
	maxMoves = 5000
)

// move puts the n occurrences from first to last to the next day with runs, the latest ones if they are too many, and tells of the
// others. One that comes to an instant at which the Job runs anyway is that one from then on.
func (p *planner) move(first, last time.Time, n int) {
	moved := p.next.Moved
	t := last
	for range min(n, maxMoves) {
		at, ok := p.days.landing(t)
		if !ok || len(moved) >= maxMoved {
			break
		}
		moved = p.addMoved(moved, at)
		n--
		t, _ = p.off.Prev(t.Add(-instant))
	}
	p.next.Moved = moved
	if n > 0 {
		p.tellOff(first, t, n, v1.ReasonTooManyMoved)
	}
}

// addMoved adds an instant to a list in order, unless the schedule itself names it and will come to it.
func (p *planner) addMoved(list []v1.Time, at time.Time) []v1.Time {
	if t, ok := p.schedule.Prev(at); ok && t.Equal(at) && at.After(cursor(p.next.Schedule, p.next.LastScheduleTime)) {
		return list
	}
	return insertTime(list, v1.NewTime(at))
}

// insertTime returns a list in order with a time in it. The list given stays as it is (I8).
func insertTime(list []v1.Time, t v1.Time) []v1.Time {
	i, found := slices.BinarySearchFunc(list, t, func(a, b v1.Time) int { return a.Compare(b.Time) })
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, t)
}

// dueMoved takes what is due off status.moved: what passed while nothing could run, and what comes now. A day on which nothing runs
// any more is left for the next one.
func (p *planner) dueMoved() (late, onTime []v1.Time) {
	if len(p.next.Moved) == 0 {
		return nil, nil
	}
	var stay []v1.Time
	for _, t := range p.next.Moved {
		if p.dueAt(t.Time).After(p.now) {
			stay = insertTime(stay, t)
			continue
		}
		if p.days != nil && !p.days.rule.Runs(calendar.In(t.Time, p.days.zone)) {
			if at, ok := p.days.landing(t.Time); ok {
				stay = p.addMoved(stay, at)
				continue
			}
			p.tellOff(t.Time, t.Time, 1, v1.ReasonTooManyMoved)
			continue
		}
		p.next.Occurrences++
		if p.held != "" || !p.dueAt(t.Time).After(p.lateBefore()) {
			late = append(late, t)
		} else {
			onTime = append(onTime, t)
		}
	}
	p.next.Moved = stay
	return late, onTime
}

// tellOff tells of n occurrences on days without runs. They go into the entry before if that speaks of such days too, even
// where Runs lie between: a Job that rests every weekend is told in one entry, not in one a week.
func (p *planner) tellOff(first, last time.Time, n int, reason string) {
	p.next.Occurrences += int64(n)
	p.next.Skipped += int64(n)
	entry := v1.NotRun{ScheduledTime: v1.NewTime(first), Count: int64(n), Outcome: v1.RunSkipped, Reason: reason, Message: p.explain(reason)}
	list := p.next.NotRun
	if len(list) > 0 && list[0].Reason == reason {
		entry.ScheduledTime = list[0].ScheduledTime
		entry.Count += list[0].Count
		list = list[1:]
	}
	if entry.Count > 1 {
		entry.Through = v1.NewTimePtr(last)
	}
	p.next.NotRun = append([]v1.NotRun{entry}, list[:min(len(list), maxNotRun-1)]...)
}

// explainCalendars says which Calendars let nothing run.
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

// wakeForOff asks for another look when there is something to tell or to move: at the first occurrence of each day without runs,
// and when that day is over for the rest of it.
func (p *planner) wakeForOff() {
	if p.off == nil || p.blocked != "" {
		return
	}
	from := cursor(p.next.Schedule, p.next.LastScheduleTime)
	t, ok := p.off.Next(from)
	if !ok {
		return
	}
	if next, ok := p.schedule.Next(from); ok && next.Before(t) {
		return // What comes first is waited for.
	}
	if day := calendar.In(from, p.days.zone); p.next.LastScheduleTime != nil && !p.days.on(from) && calendar.In(t, p.days.zone) == day {
		t = calendar.Start(day+1, p.days.zone)
	}
	p.wakeAt(t)
}

// followingMoved is the first instant to which something is moved, or will be.
func (p *planner) followingMoved() (first time.Time, found bool) {
	if len(p.next.Moved) > 0 {
		first, found = p.next.Moved[0].Time, true
	}
	if p.off == nil || !p.movesToNextDay() {
		return first, found
	}
	// All days without runs up to the next day with runs are moved there; which comes first there is a matter of the clock.
	t, ok := p.off.Next(cursor(p.next.Schedule, p.next.LastScheduleTime))
	if !ok {
		return first, found
	}
	end, ok := p.days.rule.Next(calendar.In(t, p.days.zone)+1, true)
	for range maxDaysAhead {
		if !ok || calendar.In(t, p.days.zone) >= end {
			break
		}
		if at, lands := p.days.landing(t); lands && (!found || at.Before(first)) {
			first, found = at, true
		}
		t, ok = p.off.Next(calendar.Start(calendar.In(t, p.days.zone)+1, p.days.zone).Add(-instant))
	}
	return first, found
}

// maxDaysAhead bounds the days that followingMoved looks at: what it finds later is told later.
const maxDaysAhead = 31

// calendarsFound sets the condition of that name.
func (p *planner) calendarsFound() {
	if p.invalid != "" {
		return // What the user wants is not known.
	}
	if len(p.spec.Calendars.Names()) == 0 {
		p.dropCondition(v1.JobCalendarsFound)
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

// dropCondition takes a condition away.
func (p *planner) dropCondition(kind string) {
	if findCondition(p.next.Conditions, kind) != nil {
		p.next.Conditions = slices.DeleteFunc(slices.Clone(p.next.Conditions), func(c metav1.Condition) bool { return c.Type == kind })
	}
}
