package schedule

// Calendar arithmetic on whole days and seconds. Days are counted from 0000-03-01 (proleptic Gregorian) and seconds
// from the midnight that began it, so that every number in the supported years is positive: division then rounds the
// same way everywhere, and the leap day is the last day of its year.

const (
	secondsPerDay = 86400
	microsPerSec  = 1_000_000

	// epochDays is 1970-01-01 in days from 0000-03-01, epochShift the same in seconds.
	epochDays  = 719468
	epochShift = epochDays * secondsPerDay

	// cycleSeconds is the length of the Gregorian cycle: 400 years are 146097 days, which is a whole number of weeks.
	cycleYears   = 400
	cycleSeconds = 146097 * secondsPerDay

	// minSecond and maxSecond bound every instant of a schedule, in seconds from 1970: 0001-01-01T00:00:00Z and
	// 9999-12-31T23:59:59Z, the years that RFC 3339 can write.
	minSecond = -62135596800
	maxSecond = 253402300799
)

// A date is a day of the proleptic Gregorian calendar. Months and days count from 1.
type date struct{ year, month, day int64 }

// civil gives the date of a day number (Neri and Schneider, "Euclidean affine functions and their application to
// calendar algorithms", 2022: two multiplications instead of divisions by month and year lengths).
func civil(day int64) date {
	n1 := 4*uint32(day) + 3
	century := n1 / 146097
	n2 := n1%146097 | 3
	p := 2939745 * uint64(n2)
	yearOfCentury := uint32(p >> 32)
	dayOfYear := uint32(p) / 2939745 / 4
	n3 := 2141*dayOfYear + 197913
	d := date{int64(100*century + yearOfCentury), int64(n3 >> 16), int64(n3&0xffff/2141) + 1}
	if dayOfYear >= 306 {
		d.year++
		d.month -= 12
	}
	return d
}

// dayNumber is the inverse of civil. The year must be 0 or later.
func dayNumber(d date) int64 {
	y, m := d.year, d.month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + d.day - 1
}

// weekday of a day number, 0 is Sunday. (0000-03-01 was a Wednesday.)
func weekday(day int64) uint { return uint(uint64(day+3) % 7) }

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func monthLength(year, month int64) int64 {
	if month == 2 {
		if leap(year) {
			return 29
		}
		return 28
	}
	return 30 + (month+month>>3)&1
}
