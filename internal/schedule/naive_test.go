package schedule

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The naive reading of the rules, to compare with: it looks at every local time, resolves it with time.Time alone, and
// is as slow as it is plain.

// A naiveCron is six fields of text.
type naiveCron struct {
	fields [6]string
	loc    *time.Location
}

func newNaiveCron(text string, loc *time.Location) naiveCron {
	fields := strings.Fields(text)
	if len(fields) == 5 {
		fields = append([]string{"0"}, fields...)
	}
	return naiveCron{[6]string(fields), loc}
}

func naiveNumber(text string) int {
	for _, names := range []string{monthNames, weekdayNames} {
		if at := strings.Index(names, strings.ToUpper(text)); at >= 0 && at%3 == 0 && len(text) == 3 {
			if names == monthNames {
				return at/3 + 1
			}
			return at / 3
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(text)
	}
	return n
}

// naiveIn reports whether a value is in a field of plain items.
func naiveIn(field string, value, top int) bool {
	for _, item := range strings.Split(field, ",") {
		base, stepText, stepped := strings.Cut(item, "/")
		from, to, isRange := strings.Cut(base, "-")
		low, high, step := 0, top, 1
		switch {
		case strings.ContainsAny(base, "#W") || strings.HasSuffix(base, "L") && base != "JUL":
			continue
		case base == "*" || base == "?":
			if top == 31 || top == 12 {
				low = 1
			}
		case isRange:
			low, high = naiveNumber(from), naiveNumber(to)
		default:
			low = naiveNumber(base)
			if !stepped {
				high = low
			}
		}
		if stepped {
			step = naiveNumber(stepText)
		}
		for v := low; v <= high; v += step {
			if v == value {
				return true
			}
		}
	}
	return false
}

func naiveAny(field string) bool { return field == "*" || field == "?" }

// naiveLast is the last day of the month of a date in UTC.
func naiveLast(d time.Time) time.Time {
	return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC)
}

func naiveWeekday(d time.Time) bool {
	return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday
}

// naiveNearest is the Monday to Friday nearest to a day in its month.
func naiveNearest(day time.Time) time.Time {
	for distance := 0; ; distance++ {
		for _, try := range []time.Time{day.AddDate(0, 0, -distance), day.AddDate(0, 0, distance)} {
			if try.Month() == day.Month() && naiveWeekday(try) {
				return try
			}
		}
	}
}

func (n naiveCron) domMatches(d time.Time) bool {
	for _, item := range strings.Split(n.fields[3], ",") {
		switch {
		case item == "L" && d.Equal(naiveLast(d)), item == "LW" && d.Equal(naiveNearest(naiveLast(d))):
			return true
		case item != "LW" && strings.HasSuffix(item, "W"):
			day := naiveNumber(item[:len(item)-1])
			if day <= naiveLast(d).Day() && d.Equal(naiveNearest(d.AddDate(0, 0, day-d.Day()))) {
				return true
			}
		}
	}
	return naiveIn(n.fields[3], d.Day(), 31)
}

func (n naiveCron) dowMatches(d time.Time) bool {
	for _, item := range strings.Split(n.fields[5], ",") {
		if day, nth, ok := strings.Cut(item, "#"); ok {
			if naiveNumber(day)%7 == int(d.Weekday()) && (d.Day()-1)/7+1 == naiveNumber(nth) {
				return true
			}
		} else if strings.HasSuffix(item, "L") {
			if naiveNumber(item[:len(item)-1])%7 == int(d.Weekday()) && d.Day()+7 > naiveLast(d).Day() {
				return true
			}
		}
	}
	return naiveIn(n.fields[5], int(d.Weekday()), 6) || d.Weekday() == time.Sunday && naiveIn(n.fields[5], 7, 6)
}

// matchesDay takes a date as its midnight in UTC.
func (n naiveCron) matchesDay(d time.Time) bool {
	if !naiveIn(n.fields[4], int(d.Month()), 12) {
		return false
	}
	switch {
	case naiveAny(n.fields[3]):
		return naiveAny(n.fields[5]) || n.dowMatches(d)
	case naiveAny(n.fields[5]):
		return n.domMatches(d)
	}
	return n.domMatches(d) || n.dowMatches(d)
}

// times of a day that match, seconds after midnight.
func (n naiveCron) times() (secs []int) {
	for h := range 24 {
		for m := range 60 {
			if !naiveIn(n.fields[2], h, 23) || !naiveIn(n.fields[1], m, 59) {
				continue
			}
			for s := range 60 {
				if naiveIn(n.fields[0], s, 59) {
					secs = append(secs, h*3600+m*60+s)
				}
			}
		}
	}
	return secs
}

// instants in (from, to], both of whole seconds.
func (n naiveCron) instants(from, to time.Time) (list []time.Time) {
	secs := n.times()
	clock := strings.HasPrefix(n.fields[2], "*")
	first, last := from.Add(-48*time.Hour).Truncate(24*time.Hour), to.Add(48*time.Hour)
	for day := first; day.Before(last); day = day.AddDate(0, 0, 1) {
		if !n.matchesDay(day) {
			continue
		}
		for _, sec := range secs {
			all := naiveReadings(day.Add(time.Duration(sec)*time.Second), n.loc)
			if !clock {
				list = append(list, all[0].at)
				continue
			}
			for _, r := range all {
				if r.real {
					list = append(list, r.at)
				}
			}
		}
	}
	slices.SortFunc(list, time.Time.Compare)
	list = slices.CompactFunc(list, time.Time.Equal)
	return slices.DeleteFunc(list, func(t time.Time) bool { return !t.After(from) || t.After(to) })
}

type naiveReading struct {
	at   time.Time
	real bool // the clock shows the local time then
}

// naiveReadings gives the instants of a local time (as if it were UTC), first one first; of one that does not exist, what the
// offset before the gap makes of it.
func naiveReadings(local time.Time, loc *time.Location) (list []naiveReading) {
	offsetAt := func(t time.Time) time.Duration {
		_, s := t.In(loc).Zone()
		return time.Duration(s) * time.Second
	}
	// No offset is more than 16 hours, so the instant is within 17 hours of local. Transitions are found by halving.
	for at := local.Add(-17 * time.Hour); at.Before(local.Add(17 * time.Hour)); {
		offset, end := offsetAt(at), at.Add(15*time.Minute)
		if offsetAt(end) != offset {
			low := at
			for end.Sub(low) > time.Second {
				if mid := low.Add(end.Sub(low) / 2).Truncate(time.Second); offsetAt(mid) == offset {
					low = mid
				} else {
					end = mid
				}
			}
		}
		if t := local.Add(-offset); !t.Before(at) && t.Before(end) {
			list = append(list, naiveReading{t, true})
		} else if gapEnd := end.Add(offsetAt(end)); len(list) == 0 && !local.Before(end.Add(offset)) && local.Before(gapEnd) {
			list = append(list, naiveReading{t, false})
		}
		at = end
	}
	slices.SortFunc(list, func(a, b naiveReading) int { return a.at.Compare(b.at) })
	return list
}

// allZones reads testdata/zones.txt.
func allZones(t testing.TB) []string {
	t.Helper()
	file, err := os.Open("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var names []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			names = append(names, line)
		}
	}
	if len(names) < 500 {
		t.Fatalf("%d zones, want all of them", len(names))
	}
	return names
}

func mustLoad(t testing.TB, zone string) *time.Location {
	t.Helper()
	loc, err := LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
