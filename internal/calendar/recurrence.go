package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recurrence is an RRULE of whole days (RFC 5545 3.3.10).
type recurrence struct {
	line     int
	freq     string
	interval int
	count    int // 0: none
	until    Day
	months   uint16 // bit n: month n; 0: any
	monthday ordinals
	weekdays [7]ordinals // by time.Weekday: 2MO, the second Monday of the month or of the year; 0 for every one
	wkst     time.Weekday
}

// ordinals is a set of numbers from -63 to 63, so that a day costs the same however long the rule's lists are. -1 counts from the end.
type ordinals struct{ fromStart, fromEnd uint64 }

func (o *ordinals) add(n int) {
	if n < 0 {
		o.fromEnd |= 1 << -n
	} else {
		o.fromStart |= 1 << n
	}
}

// hasEither reports whether n, or the same one counted from the end, is in the set.
func (o ordinals) hasEither(n, fromEnd int) bool {
	return o.fromStart>>n&1 == 1 || o.fromEnd>>fromEnd&1 == 1
}

func (o ordinals) empty() bool { return o == ordinals{} }

// every reports whether the set holds 0.
func (o ordinals) every() bool { return o.fromStart&1 == 1 }

// numbered reports whether the set holds more than 0.
func (o ordinals) numbered() bool { return o.fromStart&^1 != 0 || o.fromEnd != 0 }

var weekdayNames = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// parseRecurrence reads an RRULE of an event that starts on a day.
func parseRecurrence(p property, start Day) (*recurrence, error) {
	r := &recurrence{line: p.line, interval: 1, until: horizon, wkst: time.Monday}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(p.value, ";"), ";") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToUpper(name)
		if seen[name] {
			return nil, errorAt(p.line, "RRULE has %s twice", name)
		}
		seen[name] = true
		if err := r.set(name, strings.ToUpper(value)); err != nil {
			return nil, errorAt(p.line, "RRULE %s: %v", part, err)
		}
	}
	if seen["COUNT"] && seen["UNTIL"] {
		return nil, errorAt(p.line, "RRULE has COUNT or UNTIL, not both")
	}
	if err := r.complete(start); err != nil {
		return nil, errorAt(p.line, "RRULE %s: %v", p.value, err)
	}
	return r, nil
}

// set takes one part of the rule.
func (r *recurrence) set(name, value string) (err error) {
	switch name {
	case "FREQ":
		if r.freq = value; !slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, value) {
			return errors.New("must be DAILY, WEEKLY, MONTHLY or YEARLY: these are days")
		}
	case "INTERVAL":
		r.interval, err = number(value, 1, 10_000)
	case "COUNT":
		r.count, err = number(value, 1, 1_000_000)
	case "UNTIL":
		// A date; the day of a date and time is taken, which some programs write here.
		t, e := time.Parse("20060102", value[:min(len(value), 8)])
		if rest := value[min(len(value), 8):]; e != nil || rest != "" && rest[0] != 'T' {
			return errors.New("must be a date such as 20261231")
		}
		r.until = min(dayOf(t), horizon)
	case "BYMONTH":
		return each(value, func(text string) error {
			n, err := number(text, 1, 12)
			r.months |= 1 << n
			return err
		})
	case "BYMONTHDAY":
		return each(value, func(text string) error {
			n, err := number(text, -31, 31)
			if err == nil && n == 0 {
				err = errors.New("there is no day 0")
			}
			if err == nil {
				r.monthday.add(n)
			}
			return err
		})
	case "BYDAY":
		return each(value, r.addWeekday)
	case "WKST":
		n := slices.Index(weekdayNames, value)
		if n < 0 {
			return errors.New("must be one of MO, TU, WE, TH, FR, SA, SU")
		}
		r.wkst = time.Weekday(n)
	default:
		return errors.New("is not supported; there are FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY and WKST")
	}
	return err
}

func each(list string, f func(string) error) error {
	for text := range strings.SplitSeq(list, ",") {
		if err := f(text); err != nil {
			return err
		}
	}
	return nil
}

func number(text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("must be a whole number from %d to %d", low, high)
	}
	return n, nil
}

func (r *recurrence) addWeekday(text string) error {
	want := errors.New("must be days such as MO, or 4TH and -1FR for the fourth Thursday and the last Friday")
	if len(text) < 2 {
		return want
	}
	n := slices.Index(weekdayNames, text[len(text)-2:])
	if n < 0 {
		return want
	}
	nth := 0
	if digits := text[:len(text)-2]; digits != "" {
		var err error
		if nth, err = number(digits, -53, 53); err != nil || nth == 0 {
			return want
		}
	}
	r.weekdays[n].add(nth)
	return nil
}

// complete checks the parts together, and derives what they leave open from the start (RFC 5545: "information ... is
// derived from DTSTART").
func (r *recurrence) complete(start Day) error {
	nth := slices.ContainsFunc(r.weekdays[:], ordinals.numbered)
	anyWeekday, anyDay := r.anyWeekday(), r.monthday.empty()
	_, month, day := start.Date()
	switch {
	case r.freq == "":
		return errors.New("has no FREQ")
	case nth && (r.freq == "DAILY" || r.freq == "WEEKLY"):
		return errors.New("numbered days need FREQ=MONTHLY or YEARLY")
	case r.freq == "WEEKLY" && !anyDay:
		return errors.New("BYMONTHDAY does not go with FREQ=WEEKLY")
	case r.freq == "WEEKLY" && anyWeekday:
		r.weekdays[start.Weekday()].add(0)
	case (r.freq == "MONTHLY" || r.freq == "YEARLY") && anyWeekday && anyDay:
		r.monthday.add(day)
		if r.freq == "YEARLY" && r.months == 0 {
			r.months = 1 << month
		}
	}
	if !r.has(start, start) {
		return fmt.Errorf("DTSTART, %s, is not one of its days; RFC 5545 leaves open what that means", start)
	}
	return nil
}

// days returns the days of the rule from start on, at most limit of them and up to the horizon. Each day that is
// tried is subtracted from search.
func (r *recurrence) days(start Day, limit int, search *int) ([]Day, error) {
	var days []Day
	for d := start; d <= r.until && (r.count == 0 || len(days) < r.count); {
		if *search--; *search < 0 {
			return nil, errors.New("the events recur too often for too long: give them an UNTIL")
		}
		year, month, _ := d.Date()
		if !r.hasMonth(start, year, month) {
			d = Date(year, month+1, 1)
			continue
		}
		if r.has(start, d) {
			if len(days) >= limit {
				return nil, fmt.Errorf("the events have more than %d occurrences", maxEventDays)
			}
			days = append(days, d)
		}
		d++
	}
	return days, nil
}

// hasMonth reports whether the rule may have days in the month.
func (r *recurrence) hasMonth(start Day, year int, month time.Month) bool {
	if r.months != 0 && r.months>>month&1 == 0 {
		return false
	}
	firstYear, firstMonth, _ := start.Date()
	switch r.freq {
	case "YEARLY":
		return (year-firstYear)%r.interval == 0
	case "MONTHLY":
		return ((year-firstYear)*12+int(month-firstMonth))%r.interval == 0
	}
	return true
}

// has reports whether a day, start or later, is one of the rule's, UNTIL and COUNT aside.
func (r *recurrence) has(start, d Day) bool {
	year, month, day := d.Date()
	switch {
	case !r.hasMonth(start, year, month):
		return false
	case r.freq == "DAILY" && int(d-start)%r.interval != 0:
		return false
	case r.freq == "WEEKLY" && int(r.week(d)-r.week(start))/7%r.interval != 0:
		return false
	case !r.monthday.empty() && !r.monthday.hasEither(day, daysIn(year, month)+1-day):
		return false
	}
	return r.anyWeekday() || r.hasWeekday(d)
}

// anyWeekday reports whether the rule names no weekdays.
func (r *recurrence) anyWeekday() bool { return r.weekdays == [7]ordinals{} }

// week returns the first day of the day's week.
func (r *recurrence) week(d Day) Day { return d - Day((d.Weekday()-r.wkst+7)%7) }

func daysIn(year int, month time.Month) int {
	return int(Date(year, month+1, 1) - Date(year, month, 1))
}

// hasWeekday reports whether d is one of the rule's weekdays: any of its month, the n-th, or the n-th of its year for a yearly rule
// without BYMONTH.
func (r *recurrence) hasWeekday(d Day) bool {
	of := r.weekdays[d.Weekday()]
	if of.every() || !of.numbered() {
		return of.every()
	}
	year, month, _ := d.Date()
	first, next := Date(year, month, 1), Date(year, month+1, 1)
	if r.freq == "YEARLY" && r.months == 0 {
		first, next = Date(year, time.January, 1), Date(year+1, time.January, 1)
	}
	return of.hasEither(int(d-first)/7+1, int(next-1-d)/7+1)
}
