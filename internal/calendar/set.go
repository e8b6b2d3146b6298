package calendar

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	v1 "horae/api/v1"
)

// A Set is a set of days. It never changes after Compile and is safe for concurrent use. Contains costs a search
// among the ranges of days that the Calendar names, the other methods little more. A nil Set has no days.
type Set struct {
	weekdays uint8      // bit n: time.Weekday(n)
	yearly   [13]uint32 // by month, bit n: the n-th
	spans    []span     // sorted, apart from each other by a day at least
}

// span is a range of days, both ends included.
type span struct{ from, through Day }

const everyWeekday = 1<<7 - 1

// Compile reads the days of a Calendar. It fails on what v1.ValidateCalendar refuses, and on a mistake in the ics; the
// error has its line.
func Compile(spec *v1.CalendarSpec) (*Set, error) {
	s := &Set{}
	var spans []span
	for i, text := range spec.Dates {
		r, err := v1.ParseDateRange(text)
		if err != nil {
			return nil, fmt.Errorf("dates[%d] %q: %w", i, text, err)
		}
		if r.Yearly {
			s.addYearly(r.From, r.Through)
		} else {
			spans = append(spans, span{dayOf(r.From), dayOf(r.Through)})
		}
	}
	for _, day := range spec.Weekdays {
		n := slices.Index(v1.Weekdays[:], day)
		if n < 0 {
			return nil, fmt.Errorf("weekdays: %q is none", day)
		}
		s.weekdays |= 1 << n
	}
	if strings.TrimSpace(spec.ICS) != "" {
		events, err := parseICS(spec.ICS)
		if err != nil {
			return nil, err
		}
		spans = append(spans, events...)
	}
	s.spans = merge(spans)
	return s, nil
}

// addYearly adds the days from one to the other of a leap year, past the turn of the year if through is the earlier
// one.
func (s *Set) addYearly(from, through time.Time) {
	for t := from; ; t = t.AddDate(0, 0, 1) {
		s.yearly[t.Month()] |= 1 << t.Day()
		if t.Month() == through.Month() && t.Day() == through.Day() {
			return
		}
	}
}

// merge sorts ranges and joins those that touch.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return int(a.from) - int(b.from) })
	var merged []span
	for _, r := range spans {
		if n := len(merged); n > 0 && r.from <= merged[n-1].through+1 {
			merged[n-1].through = max(merged[n-1].through, r.through)
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}

// Contains reports whether the day is in the set.
func (s *Set) Contains(d Day) bool {
	if s == nil {
		return false
	}
	if s.weekdays>>d.Weekday()&1 != 0 {
		return true
	}
	if i := s.search(d); i < len(s.spans) && s.spans[i].from <= d {
		return true
	}
	return s.hasYearly(d)
}

func (s *Set) hasYearly(d Day) bool {
	if s.yearly == [13]uint32{} {
		return false
	}
	_, month, day := d.Date()
	return s.yearly[month]>>day&1 != 0
}

// search returns the index of the first range that ends on the day or later.
func (s *Set) search(d Day) int {
	return sort.Search(len(s.spans), func(i int) bool { return s.spans[i].through >= d })
}

// Next returns the first day from d on that is in the set, or, if in is false, that is not. ok is false if there is
// none.
func (s *Set) Next(d Day, in bool) (day Day, ok bool) {
	d = max(d, MinDay)
	if !in {
		return s.nextOut(d)
	}
	best := MaxDay + 1
	if s == nil {
		return 0, false
	}
	if s.weekdays != 0 {
		ahead := bits.TrailingZeros16((uint16(s.weekdays) | uint16(s.weekdays)<<7) >> d.Weekday())
		best = min(best, d+Day(ahead))
	}
	if i := s.search(d); i < len(s.spans) {
		best = min(best, max(d, s.spans[i].from))
	}
	return upTo(min(best, s.nextYearly(d)))
}

func upTo(d Day) (Day, bool) { return d, d <= MaxDay }

// nextYearly searches month by month; a 29th of February is at most eight years away.
func (s *Set) nextYearly(d Day) Day {
	if s.yearly == [13]uint32{} {
		return MaxDay + 1
	}
	year, month, day := d.Date()
	for range 9*12 + 1 {
		for left := s.yearly[month] >> day << day; left != 0; left &= left - 1 {
			n := bits.TrailingZeros32(left)
			if found := Date(year, month, n); n <= 28 || found.month() == month {
				return found
			}
		}
		if day, month = 1, month+1; month > time.December {
			year, month = year+1, time.January
		}
	}
	return MaxDay + 1
}

func (d Day) month() time.Month { _, month, _ := d.Date(); return month }

func (s *Set) nextOut(d Day) (Day, bool) {
	if s.everyDay() {
		return 0, false
	}
	for d <= MaxDay && s.Contains(d) {
		if i := s.search(d); i < len(s.spans) && s.spans[i].from <= d {
			d = s.spans[i].through
		}
		d++
	}
	return upTo(d)
}

// Prev returns the last day up to d that is in the set, or, if in is false, that is not. ok is false if there is none.
func (s *Set) Prev(d Day, in bool) (day Day, ok bool) {
	d = min(d, MaxDay)
	if !in {
		return s.prevOut(d)
	}
	best := MinDay - 1
	if s == nil {
		return 0, false
	}
	if s.weekdays != 0 {
		twice := uint16(s.weekdays) | uint16(s.weekdays)<<7
		back := bits.LeadingZeros16(twice << (15 - 7 - int(d.Weekday())))
		best = max(best, d-Day(back))
	}
	i := s.search(d)
	if i < len(s.spans) && s.spans[i].from <= d {
		best = d
	} else if i > 0 {
		best = max(best, s.spans[i-1].through)
	}
	return downTo(max(best, s.prevYearly(d)))
}

func downTo(d Day) (Day, bool) { return d, d >= MinDay }

func (s *Set) prevYearly(d Day) Day {
	if s.yearly == [13]uint32{} {
		return MinDay - 1
	}
	year, month, day := d.Date()
	for range 9*12 + 1 {
		for left := s.yearly[month] & (1<<(day+1) - 1); left != 0; {
			n := bits.Len32(left) - 1
			left &^= 1 << n
			if found := Date(year, month, n); n <= 28 || found.month() == month {
				return found
			}
		}
		if day, month = 31, month-1; month < time.January {
			year, month = year-1, time.December
		}
	}
	return MinDay - 1
}

func (s *Set) prevOut(d Day) (Day, bool) {
	if s.everyDay() {
		return 0, false
	}
	for d >= MinDay && s.Contains(d) {
		if i := s.search(d); i < len(s.spans) && s.spans[i].from <= d {
			d = s.spans[i].from
		}
		d--
	}
	return downTo(d)
}

// everyDay reports whether the weekdays alone, or the yearly dates alone, have every day.
func (s *Set) everyDay() bool {
	if s == nil {
		return false
	}
	n := 0
	for _, month := range s.yearly {
		n += bits.OnesCount32(month)
	}
	return s.weekdays == everyWeekday || n == 366
}

// Last returns the last day of the set. ok is false if it has no day, or no last one.
func (s *Set) Last() (day Day, ok bool) {
	if s == nil || s.weekdays != 0 || s.yearly != [13]uint32{} || len(s.spans) == 0 {
		return 0, false
	}
	last := s.spans[len(s.spans)-1].through
	return last, last < horizon
}
