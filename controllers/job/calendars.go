package job

import (
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/calendar"
)

// Calendar is a Calendar that a Job names, as a plan needs it.
type Calendar struct {
	Name string
	// Days of the Calendar; nil has none.
	Days *calendar.Set
	// Reason and Problem say why it has none: it is not there, or not valid. Empty for one that is.
	Reason, Problem string
}

// ruleOf joins the Calendars to the days on which the Job runs. A Calendar that is missing has no days: it excludes none, and
// adds none to the only ones.
func ruleOf(spec *v1.JobCalendars, named []Calendar) *calendar.Rule {
	rule := &calendar.Rule{}
	if spec == nil {
		return rule
	}
	pick := func(names []string) (sets []*calendar.Set) {
		for _, c := range named {
			if c.Days != nil && slices.Contains(names, c.Name) {
				sets = append(sets, c.Days)
			}
		}
		return sets
	}
	rule.Exclude, rule.Only, rule.Restricted = pick(spec.Exclude), pick(spec.Only), len(spec.Only) > 0
	return rule
}

// days divides the occurrences of a schedule into those on days on which the Job runs and the others.
type days struct {
	all  Occurrences
	rule *calendar.Rule
	zone *time.Location
	// Occurrences strictly between the two are off, whatever the rule says: they were when they passed. Equal: there are none.
	offAfter, offBefore time.Time
}

// A search for an occurrence on a day of the other sort, where hardly any is, or none, goes over so many days with an occurrence at
// most, and so far. What lies further away is found when it has come nearer.
const (
	maxLeaps = 3650
	maxReach = 40 * 366 * 24 * time.Hour
)

func (d *days) on(t time.Time) bool {
	return !d.within(t) && d.rule.Runs(calendar.In(t, d.zone))
}

// within reports whether t is among the occurrences that are off whatever the rule says.
func (d *days) within(t time.Time) bool { return t.After(d.offAfter) && t.Before(d.offBefore) }

// next is the first occurrence after the given time that is on, or that is off.
func (d *days) next(after time.Time, on bool) (time.Time, bool) {
	var first time.Time
	for range maxLeaps {
		t, ok := d.all.Next(after)
		if first.IsZero() {
			first = t
		}
		switch {
		case !ok || d.on(t) == on:
			return t, ok
		case t.Sub(first) > maxReach:
			return time.Time{}, false
		case d.within(t): // And on is wanted.
			after = d.offBefore.Add(-instant)
			continue
		}
		day, ok := d.rule.Next(calendar.In(t, d.zone)+1, on)
		if !ok {
			return time.Time{}, false
		}
		after = calendar.Start(day, d.zone).Add(-instant)
	}
	return time.Time{}, false
}

// prev is the last occurrence at or before the given time that is on, or that is off.
func (d *days) prev(atOrBefore time.Time, on bool) (time.Time, bool) {
	var last time.Time
	for range maxLeaps {
		t, ok := d.all.Prev(atOrBefore)
		if last.IsZero() {
			last = t
		}
		switch {
		case !ok || d.on(t) == on:
			return t, ok
		case last.Sub(t) > maxReach:
			return time.Time{}, false
		case d.within(t):
			atOrBefore = d.offAfter
			continue
		}
		day, found := d.rule.Prev(calendar.In(t, d.zone)-1, on)
		before := calendar.Start(day+1, d.zone).Add(-instant)
		if !on && d.offAfter.Before(d.offBefore) && t.After(d.offAfter) && (!found || before.Before(d.offBefore)) {
			before, found = d.offBefore.Add(-instant), true
		}
		if !found || !before.Before(atOrBefore) {
			return time.Time{}, false
		}
		atOrBefore = before
	}
	return time.Time{}, false
}

// count is how many occurrences that are on lie after the one and not after the other. It goes from stretch of days to stretch of
// days, not from occurrence to occurrence.
func (d *days) count(after, upTo time.Time) int {
	if !d.offAfter.Before(d.offBefore) || !upTo.After(d.offAfter) {
		return d.countByRule(after, upTo)
	}
	n := 0
	if after.Before(d.offAfter) {
		n = d.countByRule(after, d.offAfter)
	}
	if resume := d.offBefore.Add(-instant); after.Before(resume) {
		after = resume
	}
	return n + d.countByRule(after, upTo)
}

func (d *days) countByRule(after, upTo time.Time) (n int) {
	for after.Before(upTo) {
		// The first occurrence may be far away: nothing is counted on the days before it.
		t, ok := d.all.Next(after)
		if !ok || t.After(upTo) {
			return n
		}
		day := calendar.In(t, d.zone)
		if !d.rule.Runs(day) {
			if day, ok = d.rule.Next(day+1, true); !ok {
				return n
			}
			after = calendar.Start(day, d.zone).Add(-instant)
			continue
		}
		end := upTo
		if off, ok := d.rule.Next(day+1, false); ok {
			if last := calendar.Start(off, d.zone).Add(-instant); last.Before(end) {
				end = last
			}
		}
		n += d.all.Count(after, end)
		after = end
	}
	return n
}

// onDays are the occurrences that run at their time, offDays the others.
type (
	onDays  struct{ *days }
	offDays struct{ *days }
)

func (d onDays) Next(after time.Time) (time.Time, bool)      { return d.next(after, true) }
func (d onDays) Prev(atOrBefore time.Time) (time.Time, bool) { return d.prev(atOrBefore, true) }
func (d onDays) Count(after, upTo time.Time) int             { return d.count(after, upTo) }

func (d offDays) Next(after time.Time) (time.Time, bool)      { return d.next(after, false) }
func (d offDays) Prev(atOrBefore time.Time) (time.Time, bool) { return d.prev(atOrBefore, false) }
func (d offDays) Count(after, upTo time.Time) int {
	return d.all.Count(after, upTo) - d.count(after, upTo)
}

// landing is the instant to which an occurrence on a day without runs is moved: the same local time of the next day with runs.
func (d *days) landing(t time.Time) (time.Time, bool) {
	clock := calendar.Clock(t, d.zone)
	day := calendar.In(t, d.zone)
	for range 8 { // A local time that does not exist may come out on a day later, or on one that the zone left out.
		next, ok := d.rule.Next(day+1, true)
		if !ok {
			return time.Time{}, false
		}
		if at := calendar.At(next, clock, d.zone); d.rule.Runs(calendar.In(at, d.zone)) {
			return at, true
		}
		day = next
	}
	return time.Time{}, false
}
