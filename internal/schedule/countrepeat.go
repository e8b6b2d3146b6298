package schedule

import "slices"

// The parts of Count for repeating intervals that stand beside other expressions. The cron expressions are counted
// first, then the even intervals (elapsed time only), then the others: each as what it adds to the ones before it.

// countUneven counts the instants in (after, upTo] of uneven interval i that no cron expression, no even and no
// earlier uneven interval has. They are a day or more apart, or one: it walks.
func (s *Schedule) countUneven(i int, r *repeat, after, upTo int64) (n int64) {
	if r.last < r.first {
		return 0
	}
	for t, ok := r.next(after); ok && t <= upTo; t, ok = r.next(t) {
		if !s.cronAt(t) && !anyContains(s.evens, t) && !anyContains(s.uneven[:i], t) {
			n++
		}
	}
	return n
}

func (s *Schedule) cronAt(t int64) bool {
	return slices.ContainsFunc(s.crons, func(c *cron) bool { return c.contains(t) })
}

func anyContains(list []*repeat, t int64) bool {
	return slices.ContainsFunc(list, func(r *repeat) bool { return r.contains(t) })
}

// A dayKey is all that decides how many instants an even interval adds in a whole local day.
type dayKey struct {
	set    uint64           // of the cron expressions that have the day
	phases [maxPhases]int64 // of the even intervals: the first instant of the day, after midnight; -1: none
}

// maxPhases is how many even intervals are distinguished by phase; with more, each day is counted anew.
const maxPhases = 4

// countEven counts the instants in (after, upTo] of even interval i that no cron expression and no earlier even
// interval has.
func (s *Schedule) countEven(i int, r *repeat, after, upTo int64) (n int64) {
	if len(s.crons) == 0 && i == 0 {
		return r.count(after, upTo)
	}
	// Only the time in which it fires at all matters.
	start, ok := r.next(after)
	if !ok {
		return 0
	}
	after, upTo = start-1, min(upTo, r.at(r.last))
	known := map[dayKey]int64{}
	for after < upTo {
		u := floorDiv(after+1, microsPerSec)
		at, shift := s.zone.locate(u)
		segment := &s.zone.segs[at]
		segmentEnd := segment.end(s.zone, at, shift)
		if !segment.plain {
			end := min(upTo, segmentEnd*microsPerSec-1)
			n += s.walkEven(i, r, after, end)
			after = end
			continue
		}
		day, sec := split(u + segment.real + epochShift)
		midnight := u - sec
		end := min(upTo, segmentEnd*microsPerSec-1, (midnight+secondsPerDay)*microsPerSec-1)
		whole := after == midnight*microsPerSec-1 && end == after+secondsPerDay*microsPerSec
		set := daysOf(s.crons, day)
		key, ok := s.keyOf(i, set, after, end)
		if !whole || !ok {
			n += s.walkDay(i, r, set, midnight, after, end)
		} else if adds, found := known[key]; found {
			n += adds
		} else {
			adds = s.walkDay(i, r, set, midnight, after, end)
			known[key] = adds
			n += adds
		}
		after = end
	}
	return n
}

// end of a segment in real time; the last one ends later than any instant.
func (s *segment) end(zone *zoneTable, i int, shift int64) int64 {
	return min(zone.segs[i+1].start, maxSecond+1-shift) + shift
}

// keyOf gives the key of the day (after, upTo] for the even intervals up to i. It is not ok if one of them begins or
// ends in the day.
func (s *Schedule) keyOf(i int, set uint64, after, upTo int64) (key dayKey, ok bool) {
	if i >= maxPhases {
		return key, false
	}
	key.set = set
	for j, r := range s.evens[:i+1] {
		first, last := r.at(r.first), r.at(max(r.first, r.last))
		switch {
		case r.last < r.first || last <= after || first > upTo:
			key.phases[j] = -1
		case first > after || last <= upTo:
			return key, false
		default:
			key.phases[j] = floorMod(r.anchor-after-1, r.elapsed)
		}
	}
	return key, true
}

// walkDay counts what even interval i adds in (after, upTo], a part of one local day of plain time; set are the cron
// expressions that have the day, midnight its beginning in seconds.
func (s *Schedule) walkDay(i int, r *repeat, set uint64, midnight, after, upTo int64) (n int64) {
	days := dayCounter{crons: s.crons}
	k, ok := r.after(after)
	if !ok {
		return 0
	}
	for ; k <= r.last && r.at(k) <= upTo; k++ {
		t := r.at(k)
		sec := floorDiv(t, microsPerSec) - midnight
		if t%microsPerSec == 0 && days.secondsAt(set, sec/3600, sec/60%60)>>(sec%60)&1 != 0 || anyContains(s.evens[:i], t) {
			continue
		}
		n++
	}
	return n
}

// walkEven counts what even interval i adds in (after, upTo], one instant after the other.
func (s *Schedule) walkEven(i int, r *repeat, after, upTo int64) (n int64) {
	for t, ok := r.next(after); ok && t <= upTo; t, ok = r.next(t) {
		if !s.cronAt(t) && !anyContains(s.evens[:i], t) {
			n++
		}
	}
	return n
}
