package calendar

import "time"

// Day is a day of the proleptic Gregorian calendar, in days from 1970-01-01. It has no time zone.
type Day int32

const secondsPerDay = 86400

// MinDay and MaxDay bound all days: the years 0001 to 9999.
var (
	MinDay = Date(1, time.January, 1)
	MaxDay = Date(9999, time.December, 31)
)

// Date returns the day of a year, a month and a day of the month, which may be out of range as in time.Date.
func Date(year int, month time.Month, day int) Day {
	return dayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// dayOf returns the day of a time in UTC.
func dayOf(t time.Time) Day {
	s := t.Unix()
	if s < 0 {
		s -= secondsPerDay - 1
	}
	return Day(s / secondsPerDay)
}

// midnight of the day in UTC.
func (d Day) midnight() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// Date returns the day's year, month and day of the month.
func (d Day) Date() (year int, month time.Month, day int) { return d.midnight().Date() }

// Weekday of the day. (1970-01-01 was a Thursday.)
func (d Day) Weekday() time.Weekday { return time.Weekday(((int(d)+4)%7 + 7) % 7) }

// String formats the day as 2026-12-25.
func (d Day) String() string { return d.midnight().Format(time.DateOnly) }

// Days of a time zone follow each other without a gap or an overlap. Each begins at its first midnight; if the clock
// is set forward over midnight, it begins at that instant. If the clock is set back over midnight, the repeated hour
// belongs to the day that had already begun. A day that a zone left out is empty.

// Start returns when the day begins in a time zone.
func Start(d Day, zone *time.Location) time.Time { return At(d, 0, zone) }

// At returns the instant of a local time of the day; clock is what a clock shows, as a time since 0:00. As in RFC
// 5545 3.3.5, a local time that exists twice is its first instant, and one that does not exist is read with the
// offset before the gap.
func At(d Day, clock time.Duration, zone *time.Location) time.Time {
	local := d.midnight().Add(clock)
	// The offset changes at most once in two days, and by less than a day.
	before, after := offset(local.Add(-24*time.Hour), zone), offset(local.Add(24*time.Hour), zone)
	first, second := local.Add(-before), local.Add(-after)
	if second.Before(first) {
		first, second = second, first
	}
	for _, t := range [...]time.Time{first, second} {
		if t.Add(offset(t, zone)).Equal(local) {
			return t
		}
	}
	return local.Add(-before)
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// In returns the day of an instant in a time zone.
func In(t time.Time, zone *time.Location) Day {
	d, clock := split(t, zone)
	// Only a late hour of the evening can belong to the next day, which had begun before the clock was set back.
	if clock >= 20*time.Hour && !Start(d+1, zone).After(t) {
		return d + 1
	}
	return d
}

// Clock returns what a clock in the time zone shows at an instant, as a time since 0:00.
func Clock(t time.Time, zone *time.Location) time.Duration {
	_, clock := split(t, zone)
	return clock
}

func split(t time.Time, zone *time.Location) (Day, time.Duration) {
	local := t.UTC().Add(offset(t, zone))
	d := dayOf(local)
	return d, local.Sub(d.midnight())
}
