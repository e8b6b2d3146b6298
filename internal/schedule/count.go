package schedule

import "time"

// Count gives the number of instants after after and not after upTo; an instant of several expressions counts once.
func (s *Schedule) Count(after, upTo time.Time) int {
	if len(s.lines) == 1 {
		return s.lines[0].Count(after, upTo)
	}
	n := 0
	for t, ok := s.Next(after); ok && !t.After(upTo); t, ok = s.Next(t) {
		n++
	}
	return n
}

// count counts without walking: days by the month, the times of a day at once.
func (c *cron) count(after, upTo int64) int64 {
	from := max(floorDiv(after, microsPerSec)+1, minSecond)
	to := min(floorDiv(upTo, microsPerSec)+1, maxSecond+1)
	if to <= from {
		return 0
	}
	n := int64(0)
	i, shift := c.zone.locate(from)
	for ok := true; ok && from < to; i, shift, ok = c.zone.following(i, shift) {
		s, end := &c.zone.segs[i], min(c.zone.segs[i+1].start, to-shift)
		if offsets, k := c.offsets(s); k == 2 {
			n += countBoth(from-shift, end, offsets, c)
		} else if k == 1 {
			n += c.countLocal(from-shift+offsets[0]+epochShift, end+offsets[0]+epochShift)
		}
		from = end + shift
	}
	return n
}

// countBoth counts the instants in [from, to), a stretch in which local times at two offsets fall on the same instants.
func countBoth(from, to int64, offsets [2]int64, c *cron) (n int64) {
	for u := from; u < to; u++ {
		if c.matches(u+offsets[0]+epochShift) || c.matches(u+offsets[1]+epochShift) {
			n++
		}
	}
	return n
}
