package schedule

import (
	"math"
	"math/bits"
	"time"
)

// A tick is a repeating interval of whole seconds of elapsed time, from a whole second: the plainest of schedules. It
// finds the next instant without a division.
type tick struct {
	first, last int64 // seconds from 1970
	period      int64 // seconds

	// inverse is 2^64/period rounded up, 0 for a period of 1: the high half of n × inverse is n / period, exactly
	// while n × period is less than 2^64.
	inverse uint64
}

// newTick gives nil for an interval that is not of that kind.
func newTick(r *repeat) *tick {
	if r.last < r.first || r.anchor%microsPerSec != 0 || r.elapsed%microsPerSec != 0 {
		return nil
	}
	t := &tick{
		first:  r.at(r.first) / microsPerSec,
		last:   r.at(r.last) / microsPerSec,
		period: r.elapsed / microsPerSec,
	}
	if t.period > math.MaxInt64/(maxSecond-minSecond) {
		return nil
	}
	t.inverse = math.MaxUint64/uint64(t.period) + 1
	return t
}

// next gives the first instant after a second.
func (t *tick) next(after int64) (time.Time, bool) {
	u := t.first
	if after >= t.first {
		if after >= t.last {
			return time.Time{}, false
		}
		n := uint64(after - t.first)
		quotient, _ := bits.Mul64(n, t.inverse)
		if t.inverse == 0 {
			quotient = n
		}
		u += (int64(quotient) + 1) * t.period
	}
	return time.Unix(u, 0).UTC(), true
}
