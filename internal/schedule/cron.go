package schedule

import (
	"math"
	"math/bits"
)

// A cron is a compiled cron expression: a set of local times, and a rule that gives their instants.
type cron struct {
	second, minute uint64 // bits 0-59
	hour           uint32 // bits 0-23
	daySet

	// clock: the hour field begins with "*", so the expression fires whenever the clock matches. Otherwise each local time
	// that it names fires once.
	clock bool

	zone *zoneTable

	perMinute, perHour, perDay int64 // times in a minute, hour and day that match
	firstTime, lastTime        int64 // the first and last time of a day, seconds after midnight

}

func (c *cron) compile() {
	c.daySet.compile()
	c.perMinute = int64(bits.OnesCount64(c.second))
	c.perHour = int64(bits.OnesCount64(c.minute)) * c.perMinute
	c.perDay = int64(bits.OnesCount32(c.hour)) * c.perHour
	c.firstTime = timeOfDay(bits.TrailingZeros32(c.hour), bits.TrailingZeros64(c.minute), bits.TrailingZeros64(c.second))
	c.lastTime = timeOfDay(bits.Len32(c.hour)-1, bits.Len64(c.minute)-1, bits.Len64(c.second)-1)
}

func timeOfDay(h, m, s int) int64 { return int64(h)*3600 + int64(m)*60 + int64(s) }

// split gives the day number of a local second counted from 0000-03-01, and the seconds since its midnight.
func split(local int64) (day, sec int64) {
	d := uint64(local) / secondsPerDay
	return int64(d), local - int64(d)*secondsPerDay
}

// nextTime gives the first matching time of day that is sec or later, -1 if there is none.
func (c *cron) nextTime(sec int64) int64 {
	h := uint32(sec) / 3600
	m := uint32(sec) / 60 % 60
	if c.hour>>h&1 != 0 {
		if c.minute>>m&1 != 0 {
			if s := c.second >> (uint32(sec) % 60); s != 0 {
				return sec + int64(bits.TrailingZeros64(s))
			}
		}
		if later := c.minute >> (m + 1); later != 0 {
			return timeOfDay(int(h), int(m)+1+bits.TrailingZeros64(later), bits.TrailingZeros64(c.second))
		}
	}
	later := c.hour >> (h + 1)
	if later == 0 {
		return -1
	}
	return int64(h+1+uint32(bits.TrailingZeros32(later)))*3600 + c.firstTime%3600
}

// prevTime gives the last matching time of day that is sec or earlier, -1 if there is none.
func (c *cron) prevTime(sec int64) int64 {
	h := uint32(sec) / 3600
	m := uint32(sec) / 60 % 60
	if c.hour>>h&1 != 0 {
		if c.minute>>m&1 != 0 {
			if s := c.second & (2<<(uint32(sec)%60) - 1); s != 0 {
				return timeOfDay(int(h), int(m), bits.Len64(s)-1)
			}
		}
		if earlier := c.minute & (1<<m - 1); earlier != 0 {
			return timeOfDay(int(h), bits.Len64(earlier)-1, bits.Len64(c.second)-1)
		}
	}
	earlier := c.hour & (1<<h - 1)
	if earlier == 0 {
		return -1
	}
	return int64(bits.Len32(earlier)-1)*3600 + c.lastTime%3600
}

// timesBefore counts the matching times of day before sec, which may be the length of a day.
func (c *cron) timesBefore(sec int64) int64 {
	h, m, s := sec/3600, sec/60%60, sec%60
	n := int64(bits.OnesCount32(c.hour&(1<<h-1))) * c.perHour
	if c.hour>>h&1 != 0 {
		n += int64(bits.OnesCount64(c.minute&(1<<m-1))) * c.perMinute
		n += int64(c.minute>>m&1) * int64(bits.OnesCount64(c.second&(1<<s-1)))
	}
	return n
}

func (c *cron) matches(local int64) bool {
	day, sec := split(local)
	return c.hour>>(sec/3600)&1 != 0 && c.minute>>(sec/60%60)&1 != 0 && c.second>>(sec%60)&1 != 0 && c.has(day)
}

// nextLocal gives the first matching local time that is local or later.
func (c *cron) nextLocal(local int64) (int64, bool) {
	day, sec := split(local)
	if c.has(day) {
		if t := c.nextTime(sec); t >= 0 {
			return day*secondsPerDay + t, true
		}
	}
	day, ok := c.daySet.next(day + 1)
	return day*secondsPerDay + c.firstTime, ok
}

// prevLocal gives the last matching local time that is local or earlier.
func (c *cron) prevLocal(local int64) (int64, bool) {
	day, sec := split(local)
	if c.has(day) {
		if t := c.prevTime(sec); t >= 0 {
			return day*secondsPerDay + t, true
		}
	}
	day, ok := c.daySet.prev(day - 1)
	return day*secondsPerDay + c.lastTime, ok
}

// countLocal counts the matching local times from from to the second before to.
func (c *cron) countLocal(from, to int64) int64 {
	if to <= from {
		return 0
	}
	fromDay, fromSec := split(from)
	toDay, toSec := split(to)
	n := c.daySet.count(fromDay, toDay) * c.perDay
	if fromSec > 0 && c.has(fromDay) {
		n -= c.timesBefore(fromSec)
	}
	if toSec > 0 && c.has(toDay) {
		n += c.timesBefore(toSec)
	}
	return n
}

// offsets under which the instants of a segment show a local time of this expression.
func (c *cron) offsets(s *segment) (list [2]int64, n int) {
	if c.clock {
		return [2]int64{s.real}, 1
	}
	return s.named, s.nNamed
}

// nextSecond gives the first instant that is u or later.
func (c *cron) nextSecond(u int64) (int64, bool) {
	if u > maxSecond {
		return 0, false
	}
	u = max(u, minSecond)
	i, shift := c.zone.locate(u)
	u -= shift
	// Most of the time the clock does not change before the next instant.
	if s := &c.zone.segs[i]; s.plain {
		local, ok := c.nextLocal(u + s.real + epochShift)
		if at := local - s.real - epochShift; ok && at < c.zone.segs[i+1].start && at+shift <= maxSecond {
			return at + shift, true
		}
	}
	return c.nextSecondFrom(u, i, shift)
}

// nextSecondFrom is nextSecond for the instant u of segment i, shift seconds earlier than it is.
func (c *cron) nextSecondFrom(u int64, i int, shift int64) (int64, bool) {
	// No local time in [emptyFrom, emptyTo) matches: a rare expression passes over segments without looking again.
	emptyFrom, emptyTo := int64(math.MaxInt64), int64(math.MinInt64)
	for ok := true; ok && u+shift <= maxSecond; {
		s, end := &c.zone.segs[i], c.zone.segs[i+1].start
		best := int64(math.MaxInt64)
		offsets, n := c.offsets(s)
		for _, offset := range offsets[:n] {
			local := u + offset + epochShift
			if local < emptyFrom || local >= emptyTo {
				var found bool
				if emptyTo, found = c.nextLocal(local); !found {
					return 0, false
				}
				emptyFrom = local
			}
			if at := emptyTo - offset - epochShift; at < end {
				best = min(best, at)
			}
		}
		if best != math.MaxInt64 {
			return best + shift, best+shift <= maxSecond
		}
		i, shift, ok = c.zone.following(i, shift)
		u = c.zone.segs[i].start // at the beginning of a cycle: before what is known to be empty
	}
	return 0, false
}

// prevSecond gives the last instant that is u or earlier.
func (c *cron) prevSecond(u int64) (int64, bool) {
	if u < minSecond {
		return 0, false
	}
	u = min(u, maxSecond)
	i, shift := c.zone.locate(u)
	u -= shift
	emptyFrom, emptyTo := int64(math.MaxInt64), int64(math.MinInt64) // no local time in (emptyFrom, emptyTo] matches
	for ok := true; ok && u+shift >= minSecond; {
		s := &c.zone.segs[i]
		best := int64(math.MinInt64)
		offsets, n := c.offsets(s)
		for _, offset := range offsets[:n] {
			local := u + offset + epochShift
			if local <= emptyFrom || local > emptyTo {
				var found bool
				if emptyFrom, found = c.prevLocal(local); !found {
					return 0, false
				}
				emptyTo = local
			}
			if at := emptyFrom - offset - epochShift; at >= s.start {
				best = max(best, at)
			}
		}
		if best != math.MinInt64 {
			return best + shift, best+shift >= minSecond
		}
		u = s.start - 1
		was := shift
		if i, shift, ok = c.zone.preceding(i, shift); shift != was {
			u = foldEnd - 1 // after what is known to be empty
		}
	}
	return 0, false
}

// matchesSecond reports whether the expression fires at instant u.
func (c *cron) matchesSecond(u int64) bool {
	if u < minSecond || u > maxSecond {
		return false
	}
	i, shift := c.zone.locate(u)
	offsets, n := c.offsets(&c.zone.segs[i])
	for _, offset := range offsets[:n] {
		if c.matches(u - shift + offset + epochShift) {
			return true
		}
	}
	return false
}

// The methods of expr, in microseconds.

func (c *cron) next(after int64) (int64, bool) {
	u, ok := c.nextSecond(floorDiv(after, microsPerSec) + 1)
	return u * microsPerSec, ok
}

func (c *cron) prev(at int64) (int64, bool) {
	u, ok := c.prevSecond(floorDiv(at, microsPerSec))
	return u * microsPerSec, ok
}

func (c *cron) contains(at int64) bool {
	u := floorDiv(at, microsPerSec)
	return u*microsPerSec == at && c.matchesSecond(u)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
