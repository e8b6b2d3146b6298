package schedule

import (
	"math/bits"
	"time"
)

// Counting is exact and does not walk from instant to instant. A cron expression is counted by the month: the days
// that match times the times of a day. A repeating interval is a subtraction. A union of several expressions is
// counted by the day: what a day holds depends only on which expressions have that day and on the phase of the
// elapsed periods, so it is counted once for each such combination. Only the hour or so at a change of the clock is
// looked at minute by minute.

// Count gives the number of instants after after and not after upTo, exactly; an instant of several expressions counts
// once. For one expression the cost grows with the number of months, for several with the number of days; see the
// package documentation.
func (s *Schedule) Count(after, upTo time.Time) int {
	from, to := microsOf(after), microsOf(upTo)
	if len(s.lines) == 1 {
		return int(s.lines[0].expr.count(from, to))
	}
	if to <= from {
		return 0
	}
	n := countCrons(s.zone, s.crons, from, to)
	for i, r := range s.evens {
		n += s.countEven(i, r, from, to)
	}
	for i, r := range s.uneven {
		n += s.countUneven(i, r, from, to)
	}
	return int(n)
}

// secondsOf gives the whole seconds in (after, upTo] as a half-open range.
func secondsOf(after, upTo int64) (from, to int64) {
	return max(floorDiv(after, microsPerSec)+1, minSecond), min(floorDiv(upTo, microsPerSec)+1, maxSecond+1)
}

func (c *cron) count(after, upTo int64) (n int64) {
	from, to := secondsOf(after, upTo)
	if to <= from {
		return 0
	}
	i, shift := c.zone.locate(from)
	for ok := true; ok && from < to; i, shift, ok = c.zone.following(i, shift) {
		s, end := &c.zone.segs[i], min(c.zone.segs[i+1].start, to-shift)
		switch offsets, k := c.offsets(s); k {
		case 1:
			n += c.countLocal(from-shift+offsets[0]+epochShift, end+offsets[0]+epochShift)
		case 2:
			n += countReadings([]reading{{c, offsets[0]}, {c, offsets[1]}}, from-shift, end)
		}
		from = end + shift
	}
	return n
}

// A reading is a cron expression at an offset of the clock.
type reading struct {
	*cron
	offset int64
}

// secondsAt gives the seconds of the minute that begins at u in which the expression fires.
func (r reading) secondsAt(u int64) uint64 {
	day, sec := split(u + r.offset + epochShift)
	if r.hour>>(sec/3600)&1 == 0 || r.minute>>(sec/60%60)&1 == 0 || !r.has(day) {
		return 0
	}
	return r.second
}

// countReadings counts the instants in [from, to) at which any of the readings fires, minute by minute.
func countReadings(readings []reading, from, to int64) (n int64) {
	for _, r := range readings {
		if r.offset%60 != 0 { // before time zones were whole minutes: second by second
			for u := from; u < to; u++ {
				n += int64(anyMatches(readings, u))
			}
			return n
		}
	}
	for u := from - floorMod(from, 60); u < to; u += 60 {
		mask := uint64(0)
		for _, r := range readings {
			mask |= r.secondsAt(u)
		}
		n += int64(bits.OnesCount64(clip(mask, from-u, to-u)))
	}
	return n
}

func anyMatches(readings []reading, u int64) int {
	for _, r := range readings {
		if r.matches(u + r.offset + epochShift) {
			return 1
		}
	}
	return 0
}

// clip keeps the bits from from to the one before to; either may be out of range.
func clip(mask uint64, from, to int64) uint64 {
	if from > 0 {
		mask = mask >> from << from
	}
	if to < 64 {
		mask &= 1<<max(to, 0) - 1
	}
	return mask
}

// countCrons counts the seconds in (after, upTo] at which any of the expressions fires.
func countCrons(zone *zoneTable, crons []*cron, after, upTo int64) (n int64) {
	from, to := secondsOf(after, upTo)
	if to <= from || len(crons) == 0 {
		return 0
	}
	if len(crons) == 1 {
		return crons[0].count(after, upTo)
	}
	days := dayCounter{crons: crons}
	i, shift := zone.locate(from)
	for ok := true; ok && from < to; i, shift, ok = zone.following(i, shift) {
		s, end := &zone.segs[i], min(zone.segs[i+1].start, to-shift)
		if s.plain {
			local := s.real + epochShift
			n += days.count(from-shift+local, end+local)
		} else {
			n += countReadings(readingsOf(crons, s), from-shift, end)
		}
		from = end + shift
	}
	return n
}

func readingsOf(crons []*cron, s *segment) (list []reading) {
	for _, c := range crons {
		offsets, n := c.offsets(s)
		for _, offset := range offsets[:n] {
			list = append(list, reading{c, offset})
		}
	}
	return list
}

// daysOf gives the expressions that have a day, as a set of bits.
func daysOf(crons []*cron, day int64) (set uint64) {
	for i, c := range crons {
		if c.has(day) {
			set |= 1 << i
		}
	}
	return set
}

// A dayCounter counts local times of a union of cron expressions, and remembers what a day holds.
type dayCounter struct {
	crons []*cron
	known []dayCount
}

type dayCount struct {
	set uint64 // of the expressions that have the day
	n   int64
}

// count counts the local seconds in [from, to) at which any of the expressions fires.
func (d *dayCounter) count(from, to int64) (n int64) {
	for from < to {
		day, sec := split(from)
		end := min(to-day*secondsPerDay, secondsPerDay)
		set := daysOf(d.crons, day)
		if sec == 0 && end == secondsPerDay {
			n += d.wholeDay(set)
		} else {
			n += d.times(set, sec, end)
		}
		from = day*secondsPerDay + end
	}
	return n
}

func (d *dayCounter) wholeDay(set uint64) int64 {
	for _, k := range d.known {
		if k.set == set {
			return k.n
		}
	}
	n := d.times(set, 0, secondsPerDay)
	d.known = append(d.known, dayCount{set, n})
	return n
}

// times counts the times of day in [from, to) at which any expression of the set fires.
func (d *dayCounter) times(set uint64, from, to int64) (n int64) {
	for h := from / 3600; h*3600 < to; h++ {
		minutes, seconds, same := uint64(0), uint64(0), true
		for rest := set; rest != 0; rest &= rest - 1 {
			c := d.crons[bits.TrailingZeros64(rest)]
			if c.hour>>h&1 == 0 {
				continue
			}
			same = same && (seconds == 0 || seconds == c.second)
			seconds = c.second
			minutes |= c.minute
		}
		if same && from <= h*3600 && h*3600+3600 <= to {
			n += int64(bits.OnesCount64(minutes) * bits.OnesCount64(seconds))
			continue
		}
		for rest := minutes; rest != 0; rest &= rest - 1 {
			m := int64(bits.TrailingZeros64(rest))
			start := h*3600 + m*60
			n += int64(bits.OnesCount64(clip(d.secondsAt(set, h, m), from-start, to-start)))
		}
	}
	return n
}

// secondsAt gives the seconds of a minute at which any expression of the set fires.
func (d *dayCounter) secondsAt(set uint64, h, m int64) (mask uint64) {
	for rest := set; rest != 0; rest &= rest - 1 {
		if c := d.crons[bits.TrailingZeros64(rest)]; c.hour>>h&1 != 0 && c.minute>>m&1 != 0 {
			mask |= c.second
		}
	}
	return mask
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
