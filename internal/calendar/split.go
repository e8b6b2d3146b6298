package calendar

import "time"

// Occurrences is a set of instants, such as a compiled schedule.
type Occurrences interface {
	// Next is the first one after the given time, Prev the last one at or before it.
	Next(after time.Time) (time.Time, bool)
	Prev(atOrBefore time.Time) (time.Time, bool)
	// Count is the number of instants later than after and not later than upTo.
	Count(after, upTo time.Time) int
}

// instant is the grain of occurrences: t less an instant is just before t.
const instant = time.Microsecond

// Split divides the occurrences of a schedule by their day: On returns those on days with runs, Off the others.
type Split struct {
	All  Occurrences
	Rule *Rule
	Zone *time.Location
	// Occurrences strictly between OffAfter and OffBefore are off, regardless of Rule, because they were off when they
	// passed. If the two are equal there are none.
	OffAfter, OffBefore time.Time
}

// On returns the occurrences on days with runs.
func (s *Split) On() Occurrences { return onDays{s} }

// Off returns the occurrences on days without runs.
func (s *Split) Off() Occurrences { return offDays{s} }

// A search for an occurrence on a day of the other sort examines at most maxLeaps days with an occurrence, and covers
// at most maxReach. A later search finds what lies further away.
const (
	maxLeaps = 3650
	maxReach = 40 * 366 * 24 * time.Hour
)

// Runs reports whether t is on a day with runs.
func (s *Split) Runs(t time.Time) bool {
	return !s.within(t) && s.Rule.Runs(In(t, s.Zone))
}

// within reports whether t is among the occurrences that are off regardless of the rule.
func (s *Split) within(t time.Time) bool { return t.After(s.OffAfter) && t.Before(s.OffBefore) }

// next returns the first occurrence after the given time that is on, or, if on is false, off.
func (s *Split) next(after time.Time, on bool) (time.Time, bool) {
	var first time.Time
	for range maxLeaps {
		t, ok := s.All.Next(after)
		if first.IsZero() {
			first = t
		}
		switch {
		case !ok || s.Runs(t) == on:
			return t, ok
		case t.Sub(first) > maxReach:
			return time.Time{}, false
		case s.within(t): // And on is wanted.
			after = s.OffBefore.Add(-instant)
			continue
		}
		day, ok := s.Rule.Next(In(t, s.Zone)+1, on)
		if !ok {
			return time.Time{}, false
		}
		after = Start(day, s.Zone).Add(-instant)
	}
	return time.Time{}, false
}

// prev returns the last occurrence at or before the given time that is on, or, if on is false, off.
func (s *Split) prev(atOrBefore time.Time, on bool) (time.Time, bool) {
	var last time.Time
	for range maxLeaps {
		t, ok := s.All.Prev(atOrBefore)
		if last.IsZero() {
			last = t
		}
		switch {
		case !ok || s.Runs(t) == on:
			return t, ok
		case last.Sub(t) > maxReach:
			return time.Time{}, false
		case s.within(t):
			atOrBefore = s.OffAfter
			continue
		}
		day, found := s.Rule.Prev(In(t, s.Zone)-1, on)
		before := Start(day+1, s.Zone).Add(-instant)
		if !on && s.OffAfter.Before(s.OffBefore) && t.After(s.OffAfter) && (!found || before.Before(s.OffBefore)) {
			before, found = s.OffBefore.Add(-instant), true
		}
		if !found || !before.Before(atOrBefore) {
			return time.Time{}, false
		}
		atOrBefore = before
	}
	return time.Time{}, false
}

// count returns how many occurrences that are on are later than after and not later than upTo. It steps over ranges of
// days, not over occurrences.
func (s *Split) count(after, upTo time.Time) int {
	if !s.OffAfter.Before(s.OffBefore) || !upTo.After(s.OffAfter) {
		return s.countByRule(after, upTo)
	}
	n := 0
	if after.Before(s.OffAfter) {
		n = s.countByRule(after, s.OffAfter)
	}
	if resume := s.OffBefore.Add(-instant); after.Before(resume) {
		after = resume
	}
	return n + s.countByRule(after, upTo)
}

func (s *Split) countByRule(after, upTo time.Time) (n int) {
	for after.Before(upTo) {
		// The first occurrence may be far away: skip the days before it.
		t, ok := s.All.Next(after)
		if !ok || t.After(upTo) {
			return n
		}
		day := In(t, s.Zone)
		if !s.Rule.Runs(day) {
			if day, ok = s.Rule.Next(day+1, true); !ok {
				return n
			}
			after = Start(day, s.Zone).Add(-instant)
			continue
		}
		end := upTo
		if off, ok := s.Rule.Next(day+1, false); ok {
			if last := Start(off, s.Zone).Add(-instant); last.Before(end) {
				end = last
			}
		}
		n += s.All.Count(after, end)
		after = end
	}
	return n
}

// onDays are the occurrences that run at their time, offDays the others.
type (
	onDays  struct{ *Split }
	offDays struct{ *Split }
)

func (d onDays) Next(after time.Time) (time.Time, bool)      { return d.next(after, true) }
func (d onDays) Prev(atOrBefore time.Time) (time.Time, bool) { return d.prev(atOrBefore, true) }
func (d onDays) Count(after, upTo time.Time) int             { return d.count(after, upTo) }

func (d offDays) Next(after time.Time) (time.Time, bool)      { return d.next(after, false) }
func (d offDays) Prev(atOrBefore time.Time) (time.Time, bool) { return d.prev(atOrBefore, false) }
func (d offDays) Count(after, upTo time.Time) int {
	return d.All.Count(after, upTo) - d.count(after, upTo)
}

// NextDay returns the instant to which an occurrence on a day without runs is moved: the same local time of the next
// day with runs.
func (s *Split) NextDay(t time.Time) (time.Time, bool) {
	clock := Clock(t, s.Zone)
	day := In(t, s.Zone)
	for range 8 { // A local time that does not exist may fall on a later day, or on one that the zone left out.
		next, ok := s.Rule.Next(day+1, true)
		if !ok {
			return time.Time{}, false
		}
		if at := At(next, clock, s.Zone); s.Rule.Runs(In(at, s.Zone)) {
			return at, true
		}
		day = next
	}
	return time.Time{}, false
}
