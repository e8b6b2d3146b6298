package schedule

import "sort"

const (
	minMicro = minSecond * microsPerSec
	maxMicro = maxSecond*microsPerSec + microsPerSec - 1
)

// A period is the distance from one occurrence to the next: months and days of the local calendar, and elapsed time.
type period struct {
	months, days int64
	elapsed      int64 // microseconds
}

func (p period) zero() bool { return p == period{} }

// A repeat is a repeating interval: occurrence k is start + k × period, for k from first to last. Each is computed
// from the start, so that the 31st of a month comes back after a shorter month.
//
// Months and days move the local date, the clock time stays; the result is then resolved to an instant by the
// daylight-saving rule, and elapsed time is added to that.
type repeat struct {
	period
	zone        *zoneTable
	first, last int64 // last < first: never

	anchor int64 // the instant of occurrence 0, microseconds from 1970

	// The local date and time of occurrence 0, if the period has months or days.
	date   date
	second int64 // after midnight
	micro  int64

	// doubled are the instants at which two successive occurrences fall together, because a zone left out a day.
	doubled []int64

	words string // for Describe
}

// at gives occurrence k in microseconds. 0 <= k <= last.
func (r *repeat) at(k int64) int64 {
	if k == 0 || r.months == 0 && r.days == 0 {
		return r.anchor + k*r.elapsed
	}
	month := r.date.year*12 + r.date.month - 1 + k*r.months
	d := date{month / 12, month%12 + 1, r.date.day}
	d.day = min(d.day, monthLength(d.year, d.month))
	local := (dayNumber(d)-epochDays+k*r.days)*secondsPerDay + r.second
	return r.zone.resolve(local)*microsPerSec + r.micro + k*r.elapsed
}

// bound lowers last so that every occurrence is before the end of time, and notes the doubled ones. count is the
// number of occurrences asked for, negative for no end.
func (r *repeat) bound(count int64) {
	end := r.first
	switch {
	case r.zero():
	case r.months == 0 && r.days == 0:
		end = floorDiv(maxMicro-r.anchor, r.elapsed)
	default:
		// No occurrence is more than 3 days of offset and month length away from the mean.
		end = (maxMicro-r.anchor)/(r.mean()-r.mean()/1000) + 8
		end = int64(sort.Search(int(min(end, 1<<32)), func(k int) bool { return r.beyond(int64(k)) })) - 1
	}
	if count >= 0 {
		end = min(end, r.first+count-1)
	}
	r.last = end
	if r.months == 0 && r.days == 1 && r.elapsed == 0 && r.last >= 0 {
		for _, gap := range r.zone.skipped {
			k, _ := r.after(gap*microsPerSec - 1)
			for ; k < r.last && r.at(k) < (gap+secondsPerDay)*microsPerSec; k++ {
				if r.at(k) == r.at(k+1) {
					r.doubled = append(r.doubled, r.at(k))
				}
			}
		}
	}
}

// beyond reports whether occurrence k is after the end of time; k may be too large for at.
func (r *repeat) beyond(k int64) bool {
	years := (r.date.year*12+r.date.month-1+k*r.months)/12 + k*r.days/366
	return years > 9999 || r.at(k) > maxMicro
}

// mean length of the period in microseconds: exact over 400 years, if that is a whole number of periods.
func (r *repeat) mean() int64 {
	const month = cycleSeconds / (cycleYears * 12)
	return (r.months*month+r.days*secondsPerDay)*microsPerSec + r.elapsed
}

// after gives the first k of an occurrence after instant t; false if there is none.
func (r *repeat) after(t int64) (int64, bool) {
	if r.last < r.first {
		return r.first, false
	}
	if r.zero() {
		return r.first, r.anchor > t
	}
	if r.months == 0 && r.days == 0 {
		k := max(r.first, floorDiv(t-r.anchor, r.elapsed)+1)
		return k, k <= r.last
	}
	k := min(max(r.first, (t-r.anchor)/r.mean()), r.last)
	for k > r.first && r.at(k-1) > t {
		k--
	}
	for k <= r.last && r.at(k) <= t {
		k++
	}
	return k, k <= r.last
}

func (r *repeat) next(after int64) (int64, bool) {
	if after >= maxMicro {
		return 0, false
	}
	k, ok := r.after(max(after, minMicro-1))
	if !ok {
		return 0, false
	}
	return r.at(k), true
}

func (r *repeat) prev(at int64) (int64, bool) {
	if at < minMicro {
		return 0, false
	}
	k, ok := r.after(min(at, maxMicro))
	if !ok && r.last >= r.first {
		k = r.last + 1
	}
	if k--; k < r.first {
		return 0, false
	}
	return r.at(k), true
}

// count gives the number of instants in (from, to].
func (r *repeat) count(from, to int64) int64 {
	if r.last < r.first || to <= from {
		return 0
	}
	n := r.upTo(to) - r.upTo(from)
	for _, t := range r.doubled {
		if from < t && t <= to {
			n--
		}
	}
	return n
}

// upTo counts the occurrences at t and before.
func (r *repeat) upTo(t int64) int64 {
	if t < minMicro {
		return 0
	}
	k, ok := r.after(min(t, maxMicro))
	if !ok {
		k = r.last + 1
	}
	return k - r.first
}

func (r *repeat) contains(at int64) bool {
	t, ok := r.prev(at)
	return ok && t == at
}

// even reports whether the occurrences are evenly spaced in real time.
func (r *repeat) even() bool { return r.months == 0 && r.days == 0 && r.elapsed > 0 }
