package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawField draws the text of one cron field.
func drawField(low, high int, extra ...string) *rapid.Generator[string] {
	item := rapid.Custom(func(t *rapid.T) string {
		a := rapid.IntRange(low, high).Draw(t, "a")
		b := rapid.IntRange(a, high).Draw(t, "b")
		step := rapid.IntRange(1, (high-low)/2+1).Draw(t, "step")
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return fmt.Sprintf("%d-%d", a, b)
		case 1:
			return fmt.Sprintf("%d-%d/%d", a, b, step)
		case 2:
			return fmt.Sprintf("*/%d", step+1)
		case 3:
			if len(extra) > 0 {
				return rapid.SampledFrom(extra).Draw(t, "extra")
			}
		}
		return fmt.Sprint(a)
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 2).Draw(t, "any") == 0 {
			return "*"
		}
		return strings.Join(rapid.SliceOfN(item, 1, 3).Draw(t, "items"), ",")
	})
}

// drawCron draws a cron expression; with seconds it fires at most some thousand times a day.
func drawCron(t *rapid.T) string {
	fields := []string{
		drawField(0, 59).Draw(t, "minute"),
		drawField(0, 23).Draw(t, "hour"),
		drawField(1, 31, "L", "LW", "1W", "15W", "31W").Draw(t, "day of month"),
		drawField(1, 12).Draw(t, "month"),
		drawField(0, 6, "MON", "SUN", "7", "FRI#2", "SUN#5", "TUEL", "5L").Draw(t, "day of week"),
	}
	if rapid.IntRange(0, 3).Draw(t, "seconds") == 0 {
		second := rapid.SampledFrom([]string{"30", "0,59", "*/20"}).Draw(t, "second")
		fields = append([]string{second}, fields...)
	}
	return strings.Join(fields, " ")
}

// drawMoment draws a time, most likely one near which the clock of the zone changes.
func drawMoment(t *rapid.T, loc *time.Location) time.Time {
	z := tableOf(loc)
	u := rapid.Int64Range(-3e9, 2e10).Draw(t, "u")
	if rapid.IntRange(0, 3).Draw(t, "near a change") > 0 {
		u = z.segs[rapid.IntRange(0, len(z.segs)-1).Draw(t, "segment")].start
		if z.folds && u >= foldStart {
			u += cycleSeconds * rapid.Int64Range(0, 18).Draw(t, "cycle")
		}
		if u < minSecond+100*secondsPerDay || u > maxSecond-100*secondsPerDay {
			u = 1.7e9
		}
		u += rapid.Int64Range(-2*secondsPerDay, 2*secondsPerDay).Draw(t, "distance")
	}
	return time.Unix(u, 0).UTC()
}

func drawZone(t *rapid.T, zones []string) *time.Location {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "America/Havana",
			"America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll", "America/New_York", "Etc/UTC"}),
		rapid.SampledFrom(zones)).Draw(t, "zone")
	loc, err := LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// checkAgainst checks Next, Prev, Contains and Count of a schedule against all of its instants in (from, to].
func checkAgainst(t fataler, s *Schedule, from, to time.Time, want []time.Time) {
	t.Helper()
	at := from
	for i, w := range want {
		got, ok := s.Next(at)
		if !ok || !got.Equal(w) {
			t.Fatalf("instant %d after %v is %v (%v), want %v", i, at.UTC(), got, ok, w)
		}
		if between := at.Add(w.Sub(at) / 2); between.Before(w) && between.After(at) {
			if again, _ := s.Next(between); !again.Equal(w) {
				t.Fatalf("Next from between, %v, is %v, want %v", between, again, w)
			}
			if prev, ok := s.Prev(between); i > 0 && (!ok || !prev.Equal(want[i-1])) {
				t.Fatalf("Prev(%v) is %v (%v), want %v", between, prev, ok, want[i-1])
			}
			if between.Nanosecond() != 0 && s.Contains(between) {
				t.Fatalf("contains %v", between)
			}
		}
		if !s.Contains(w) {
			t.Fatalf("does not contain its instant %v", w)
		}
		if prev, ok := s.Prev(w); !ok || !prev.Equal(w) {
			t.Fatalf("Prev(%v) is %v (%v), want itself", w, prev, ok)
		}
		if n := s.Count(from, w); n != i+1 {
			t.Fatalf("Count(%v, %v) = %d, want %d", from, w, n, i+1)
		}
		if n := s.Count(w, to); n != len(want)-i-1 {
			t.Fatalf("Count(%v, %v) = %d, want %d", w, to, n, len(want)-i-1)
		}
		at = w
	}
	if got, ok := s.Next(at); ok && !got.After(to) {
		t.Fatalf("after the last of %d, %v, there is %v", len(want), at, got)
	}
	if n := s.Count(from, to); n != len(want) {
		t.Fatalf("Count(%v, %v) = %d, want %d", from, to, n, len(want))
	}
}

func parseOrSkip(t *rapid.T, text string, loc *time.Location) *Schedule {
	s, err := Parse(text, Options{Location: loc, Created: time.Unix(1.7e9, 0), HashKey: "default/test"})
	if err != nil && strings.Contains(err.Error(), "never fires") {
		t.SkipNow()
	} else if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawRange draws up to six days of time around a moment.
func drawRange(t *rapid.T, loc *time.Location) (from, to time.Time) {
	from = drawMoment(t, loc)
	length := rapid.Int64Range(0, 6*secondsPerDay).Draw(t, "seconds")
	return from, from.Add(time.Duration(length) * time.Second)
}

func TestPropertyCronIsWhatTheNaiveReadingSays(t *testing.T) {
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t, zones)
		text := drawCron(t)
		s := parseOrSkip(t, text, loc)
		from, to := drawRange(t, loc)
		checkAgainst(t, s, from, to, newNaiveCron(text, loc).instants(from, to))
	})
}

// naiveRepeat gives occurrence k of a repeating interval whose start and period are given by number.
func naiveRepeat(start time.Time, loc *time.Location, months, days int, elapsed time.Duration, k int) time.Time {
	year, month, day := start.Date()
	first := time.Date(year, month+time.Month(months*k), 1, 0, 0, 0, 0, time.UTC)
	day = min(day, naiveLast(first).Day())
	clock := start.Sub(start.Truncate(24 * time.Hour))
	local := first.AddDate(0, 0, day-1+days*k).Add(clock)
	at := naiveReadings(local.Truncate(time.Second), loc)[0].at
	return at.Add(local.Sub(local.Truncate(time.Second))).Add(time.Duration(k) * elapsed)
}

// drawRepeat draws the text of a repeating interval and what it means.
func drawRepeat(t *rapid.T, loc *time.Location) (text string, n int, at func(k int) time.Time) {
	start := drawMoment(t, loc).Truncate(time.Second)
	if rapid.IntRange(0, 4).Draw(t, "fraction") == 0 {
		start = start.Add(500 * time.Millisecond)
	}
	months := rapid.SampledFrom([]int{0, 0, 0, 1, 3, 12, 14}).Draw(t, "months")
	days := rapid.SampledFrom([]int{0, 0, 1, 1, 2, 7, 15}).Draw(t, "days")
	elapsed := rapid.SampledFrom([]time.Duration{0, 0, time.Second, 1500 * time.Millisecond, time.Hour, 90 * time.Minute, 36 * time.Hour}).Draw(t, "elapsed")
	if months == 0 && days == 0 && elapsed == 0 {
		days = 1
	}
	n = rapid.IntRange(1, 30).Draw(t, "n")
	text = fmt.Sprintf("R%d/%s/P%dM%dD", n, start.Format("2006-01-02T15:04:05.999"), months, days)
	if elapsed > 0 {
		text += fmt.Sprintf("T%sS", strings.TrimSuffix(fmt.Sprintf("%.3f", elapsed.Seconds()), ".000"))
	}
	anchor := naiveRepeat(start, loc, 0, 0, 0, 0)
	return text, n, func(k int) time.Time {
		if months == 0 && days == 0 {
			return anchor.Add(time.Duration(k) * elapsed)
		}
		return naiveRepeat(start, loc, months, days, elapsed, k)
	}
}

func TestPropertyRepeatingIntervalIsStartPlusKPeriods(t *testing.T) {
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t, zones)
		text, n, at := drawRepeat(t, loc)
		s := parseOrSkip(t, text, loc)
		var want []time.Time
		for k := range n {
			if w := at(k); w.Year() <= 9999 && (k == 0 || !w.Equal(want[len(want)-1])) {
				want = append(want, w)
			}
		}
		from := want[0].Add(-time.Second)
		checkAgainst(t, s, from, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), want)
		if got, ok := s.Next(want[len(want)-1]); ok {
			t.Fatalf("R%d goes on after its end with %v", n, got)
		}
	})
}

func TestPropertyUnionIsTheInstantsOfAllOnce(t *testing.T) {
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t, zones)
		from, to := drawRange(t, loc)
		instants := map[time.Time]bool{}
		var lines []string
		for range rapid.IntRange(2, 4).Draw(t, "lines") {
			line := drawCron(t)
			if rapid.Bool().Draw(t, "interval") {
				start := from.In(loc).Add(time.Duration(rapid.IntRange(-100, 30).Draw(t, "hours")) * time.Hour).Truncate(time.Hour)
				period := rapid.SampledFrom([]string{"PT10M", "PT15M", "PT7M", "PT1H", "PT90M", "PT1H0.5S", "P1D", "P1DT1H", "PT24H"}).Draw(t, "period")
				count := rapid.SampledFrom([]string{"R", "R", "R3", "R50", "R1", "R0"}).Draw(t, "count")
				line = count + "/" + start.Format("2006-01-02T15:04:05") + "/" + period
			}
			s := parseOrSkip(t, line, loc)
			lines = append(lines, line)
			for at, ok := s.Next(from); ok && !at.After(to); at, ok = s.Next(at) {
				instants[at] = true
			}
		}
		want := slices.SortedFunc(maps.Keys(instants), time.Time.Compare)
		if len(want) > 3000 {
			t.SkipNow()
		}
		s := parseOrSkip(t, strings.Join(lines, "\n"), loc)
		checkAgainst(t, s, from, to, want)
	})
}

func TestPropertyEachNamedLocalTimeFiresOnceADayInEveryZone(t *testing.T) {
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t, zones)
		checkOnceADay(t, loc, drawMoment(t, loc).AddDate(0, 0, -5), rapid.IntRange(0, 1439).Draw(t, "minute"), 10)
	})
}

func TestFullEachNamedLocalTimeFiresOnceADayInEveryZoneForTenYears(t *testing.T) {
	if !*full {
		t.Skip("minutes; -schedule.full runs it")
	}
	for _, zone := range allZones(t) {
		for _, minute := range []int{0, 30, 150, 1439} {
			checkOnceADay(t, mustLoad(t, zone), time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), minute, 3653)
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkOnceADay checks that a time of day fires on each of some local dates, once, at its first instant, and as often
// as Count says. Both a cron expression and a period of a day are checked: the rule is one.
func checkOnceADay(t fataler, loc *time.Location, from time.Time, minute, days int) {
	t.Helper()
	first := from.Truncate(24 * time.Hour).Add(time.Duration(minute) * time.Minute)
	wants := make([]time.Time, days)
	for day := range wants {
		wants[day] = naiveReadings(first.AddDate(0, 0, day), loc)[0].at
	}
	start := wants[0].Add(-time.Second)
	distinct := slices.CompactFunc(slices.Clone(wants), time.Time.Equal) // a zone may leave a day out
	for _, text := range []string{
		fmt.Sprintf("%d %d * * *", minute%60, minute/60),
		fmt.Sprintf("R/%s/P1D", first.Format("2006-01-02T15:04:05")),
	} {
		s, err := Parse(text, Options{Location: loc})
		if err != nil {
			t.Fatalf("%v", err)
		}
		at := start
		for _, want := range distinct {
			got, ok := s.Next(at)
			if !ok || !got.Equal(want) {
				t.Fatalf("%s %s: after %v fires at %v, want %v", loc, text, at, got, want)
			}
			at = got
		}
		if n := s.Count(start, at); n != len(distinct) {
			t.Fatalf("%s %s: Count(%v, %v) = %d, want %d", loc, text, start, at, n, len(distinct))
		}
	}
}
