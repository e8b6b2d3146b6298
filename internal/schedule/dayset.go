package schedule

import "math/bits"

// A daySet is the day-of-month, month and day-of-week fields of a cron expression: a set of dates. It repeats every
// 400 years. Bit n of a mask of days is day n of the month.
type daySet struct {
	months uint32 // bits 1-12

	domAny      bool   // the day-of-month field is "*" or "?"
	dom         uint32 // bits 1-31
	lastDay     bool   // L
	lastWeekday bool   // LW
	nearest     uint32 // bit n: nW

	dowAny  bool     // the day-of-week field is "*" or "?"
	dow     uint8    // bits 0-6, Sunday is 0
	nth     [7]uint8 // nth[w], bit n: the n-th weekday w of the month
	lastDow uint8    // bit w: the last weekday w of the month

	kind    dayKind
	pattern [7]uint32 // by the weekday of the first of the month: the days that dow and nth name
}

// dayKind marks the frequent sets, whose next day is found without the calendar.
type dayKind uint8

const (
	someDays  dayKind = iota
	everyDay          // all dates
	everyWeek         // all dates of some weekdays
)

// compile fills in kind and pattern, and simplifies.
func (s *daySet) compile() {
	for w, nth := range s.nth {
		if nth == 0x3e { // all of them
			s.dow |= 1 << w
			s.nth[w] = 0
		}
	}
	for first := range s.pattern {
		for day := 1; day <= 31; day++ {
			w := (first + day - 1) % 7
			if s.dow>>w&1 != 0 || s.nth[w]>>((day-1)/7+1)&1 != 0 {
				s.pattern[first] |= 1 << day
			}
		}
	}
	if !s.domAny || s.months != 0x1ffe {
		return
	}
	if s.dowAny {
		s.kind = everyDay
	} else if s.lastDow == 0 && s.nth == [7]uint8{} {
		s.kind = everyWeek
	}
}

// days of a month that has length days and begins on weekday first; the month is one of s.months.
func (s *daySet) days(first uint, length int64) uint32 {
	all := uint32(1)<<(length+1) - 2
	switch {
	case s.domAny && s.dowAny:
		return all
	case s.domAny:
		return s.weekdays(first, length) & all
	case s.dowAny:
		return s.monthdays(first, length) & all
	}
	return (s.monthdays(first, length) | s.weekdays(first, length)) & all
}

func (s *daySet) weekdays(first uint, length int64) uint32 {
	mask := s.pattern[first]
	for w := s.lastDow; w != 0; w &= w - 1 {
		lastIs := (first + uint(length) - 1) % 7
		back := (lastIs + 7 - uint(bits.TrailingZeros8(w))) % 7
		mask |= 1 << (uint(length) - back)
	}
	return mask
}

func (s *daySet) monthdays(first uint, length int64) uint32 {
	mask := s.dom
	if s.lastDay {
		mask |= 1 << length
	}
	if s.lastWeekday {
		mask |= 1 << nearestWeekday(length, first, length)
	}
	for n := s.nearest; n != 0; n &= n - 1 {
		if day := int64(bits.TrailingZeros32(n)); day <= length {
			mask |= 1 << nearestWeekday(day, first, length)
		}
	}
	return mask
}

// nearestWeekday gives the Monday to Friday nearest to a day, in the same month.
func nearestWeekday(day int64, first uint, length int64) int64 {
	switch (first + uint(day) - 1) % 7 {
	case 6:
		if day > 1 {
			return day - 1
		}
		return day + 2
	case 0:
		if day < length {
			return day + 1
		}
		return day - 2
	}
	return day
}

// has reports whether a day number is in the set.
func (s *daySet) has(day int64) bool {
	switch s.kind {
	case everyDay:
		return true
	case everyWeek:
		return s.dow>>weekday(day)&1 != 0
	}
	d := civil(day)
	if s.months>>d.month&1 == 0 {
		return false
	}
	return s.days(weekday(day-d.day+1), monthLength(d.year, d.month))>>d.day&1 != 0
}

// next gives the first day of the set that is day or later; false if there is none within one calendar cycle, so
// never.
func (s *daySet) next(day int64) (int64, bool) {
	switch s.kind {
	case everyDay:
		return day, true
	case everyWeek:
		w := weekday(day)
		return day + int64(bits.TrailingZeros32((uint32(s.dow)|uint32(s.dow)<<7)>>w)), true
	}
	d := civil(day)
	first := day - d.day + 1
	from := uint(d.day)
	for end := d.year + cycleYears; d.year <= end; {
		if s.months>>d.month&1 != 0 {
			if mask := s.days(weekday(first), monthLength(d.year, d.month)) >> from << from; mask != 0 {
				return first + int64(bits.TrailingZeros32(mask)) - 1, true
			}
		}
		if later := s.months >> (d.month + 1); later != 0 {
			d.month += 1 + int64(bits.TrailingZeros32(later))
		} else {
			d.year, d.month = d.year+1, int64(bits.TrailingZeros32(s.months))
		}
		d.day, from = 1, 1
		first = dayNumber(d)
	}
	return 0, false
}

// prev gives the last day of the set that is day or earlier; false if there is none after the year 0.
func (s *daySet) prev(day int64) (int64, bool) {
	switch s.kind {
	case everyDay:
		return day, true
	case everyWeek:
		w := weekday(day)
		return day - int64(bits.LeadingZeros32((uint32(s.dow)|uint32(s.dow)<<7)<<(24-w))), true
	}
	d := civil(day)
	first := day - d.day + 1
	upTo := uint(d.day)
	for end := max(1, d.year-cycleYears); d.year >= end; {
		if s.months>>d.month&1 != 0 {
			mask := s.days(weekday(first), monthLength(d.year, d.month)) & (2<<upTo - 1)
			if mask != 0 {
				return first + int64(bits.Len32(mask)) - 2, true
			}
		}
		if earlier := s.months & (1<<d.month - 1); earlier != 0 {
			d.month = int64(bits.Len32(earlier)) - 1
		} else {
			d.year, d.month = d.year-1, int64(bits.Len32(s.months))-1
		}
		d.day, upTo = 1, 31
		first = dayNumber(d)
	}
	return 0, false
}

// count gives the number of days of the set from day from to the day before to.
func (s *daySet) count(from, to int64) int64 {
	if to <= from {
		return 0
	}
	switch s.kind {
	case everyDay:
		return to - from
	case everyWeek:
		n := (to - from) / 7 * int64(bits.OnesCount8(s.dow))
		for day := from + (to-from)/7*7; day < to; day++ {
			n += int64(s.dow >> weekday(day) & 1)
		}
		return n
	}
	n := int64(0)
	d := civil(from)
	for first := from - d.day + 1; first < to; {
		length := monthLength(d.year, d.month)
		if s.months>>d.month&1 != 0 {
			mask := s.days(weekday(first), length)
			if first < from {
				mask = mask >> (from - first + 1) << (from - first + 1)
			}
			if to-first < length {
				mask &= 1<<(to-first+1) - 1
			}
			n += int64(bits.OnesCount32(mask))
		}
		first += length
		if d.month++; d.month > 12 {
			d.year, d.month = d.year+1, 1
		}
	}
	return n
}
