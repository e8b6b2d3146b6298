package calendar

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
)

func compile(t testing.TB, spec v1.CalendarSpec) *Set {
	t.Helper()
	s, err := Compile(&spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// daysOf lists the days of a set in a year.
func daysOf(s *Set, year int) string {
	var days []string
	for d := Date(year, 1, 1); d <= Date(year, 12, 31); d++ {
		if s.Contains(d) {
			days = append(days, d.String()[5:])
		}
	}
	return strings.Join(days, " ")
}

func TestCompile(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec v1.CalendarSpec
		year int
		want string
	}{
		{name: "single days and a range over the turn of the year", spec: v1.CalendarSpec{Dates: []string{"2026-12-30/2027-01-01", "2027-05-01"}},
			year: 2027, want: "01-01 05-01"},
		{name: "days of every year", spec: v1.CalendarSpec{Dates: []string{"--12-25", "--05-01"}}, year: 1999, want: "05-01 12-25"},
		{name: "a range of every year over its turn", spec: v1.CalendarSpec{Dates: []string{"--12-30/--01-02"}}, year: 2030, want: "01-01 01-02 12-30 12-31"},
		{name: "leap day, in a leap year", spec: v1.CalendarSpec{Dates: []string{"--02-29"}}, year: 2028, want: "02-29"},
		{name: "leap day, in another year", spec: v1.CalendarSpec{Dates: []string{"--02-29"}}, year: 2027},
		{name: "all three together", spec: v1.CalendarSpec{Dates: []string{"2026-01-02"}, Weekdays: []v1.Weekday{"SUN"}, ICS: oneEvent("DTSTART;VALUE=DATE:20260103")},
			year: 2026, want: "01-02 01-03 01-04"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := daysOf(compile(t, tc.spec), tc.year)
			if tc.spec.Weekdays != nil {
				got = got[:len(tc.want)]
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestLast(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec v1.CalendarSpec
		want string
	}{
		{name: "dates have a last one", spec: v1.CalendarSpec{Dates: []string{"2027-01-01", "2026-12-24/2026-12-26"}}, want: "2027-01-01"},
		{name: "dates of every year have none", spec: v1.CalendarSpec{Dates: []string{"2027-01-01", "--12-25"}}},
		{name: "weekdays have none", spec: v1.CalendarSpec{Weekdays: []v1.Weekday{"SAT"}}},
		{name: "a recurrence with an end has one", spec: v1.CalendarSpec{ICS: oneEvent("DTSTART;VALUE=DATE:20260103\nRRULE:FREQ=YEARLY;COUNT=3")}, want: "2028-01-03"},
		{name: "a recurrence without an end has none", spec: v1.CalendarSpec{ICS: oneEvent("DTSTART;VALUE=DATE:20251231\nRRULE:FREQ=YEARLY")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			if d, ok := compile(t, tc.spec).Last(); ok {
				got = d.String()
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// drawSpec draws a Calendar whose days are near 2026.
func drawSpec(t *rapid.T) v1.CalendarSpec {
	var spec v1.CalendarSpec
	day := func() Day {
		return Date(2026, 1, 1) + Day(rapid.IntRange(-60, 500).Draw(t, "day"))
	}
	for range rapid.IntRange(0, 4).Draw(t, "ranges") {
		from := day()
		spec.Dates = append(spec.Dates, from.String()+"/"+(from+Day(rapid.IntRange(0, 40).Draw(t, "length"))).String())
	}
	for range rapid.IntRange(0, 3).Draw(t, "yearly") {
		spec.Dates = append(spec.Dates, "-"+day().String()[4:])
	}
	if rapid.Bool().Draw(t, "nearly every day") {
		spec.Dates = append(spec.Dates, "--03-01/--02-20")
	}
	for _, d := range v1.Weekdays {
		if rapid.IntRange(0, 3).Draw(t, string(d)) == 0 {
			spec.Weekdays = append(spec.Weekdays, d)
		}
	}
	return spec
}

const searched = 3000 // days to either side that the naive search looks at

// naive looks at one day after the other.
func naive(has func(Day) bool, d Day, want bool, step Day) (Day, bool) {
	for range searched {
		if has(d) == want {
			return d, true
		}
		d += step
	}
	return 0, false
}

func TestSetNextAndPrevAgreeWithLookingAtEachDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := compileRapid(t, drawSpec(t))
		d := Date(2026, 1, 1) + Day(rapid.IntRange(-100, 600).Draw(t, "from"))
		for _, in := range []bool{true, false} {
			for _, dir := range []struct {
				name string
				find func(Day, bool) (Day, bool)
				step Day
			}{{"Next", s.Next, 1}, {"Prev", s.Prev, -1}} {
				want, found := naive(s.Contains, d, in, dir.step)
				got, ok := dir.find(d, in)
				if found && (!ok || got != want) || !found && ok && (got-d)*dir.step < searched {
					t.Fatalf("%s(%s, %v) = %s %v, want %s %v", dir.name, d, in, got, ok, want, found)
				}
			}
		}
	})
}

func compileRapid(t *rapid.T, spec v1.CalendarSpec) *Set {
	s, err := Compile(&spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRuleAgreesWithLookingAtEachDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Rule
		for range rapid.IntRange(0, 2).Draw(t, "exclude") {
			r.Exclude = append(r.Exclude, compileRapid(t, drawSpec(t)))
		}
		for range rapid.IntRange(0, 2).Draw(t, "only") {
			r.Only = append(r.Only, compileRapid(t, drawSpec(t)))
		}
		r.Restricted = len(r.Only) > 0 || rapid.Bool().Draw(t, "restricted to nothing")
		d := Date(2026, 1, 1) + Day(rapid.IntRange(-100, 600).Draw(t, "from"))
		for _, runs := range []bool{true, false} {
			want, found := naive(r.Runs, d, runs, 1)
			if got, ok := r.Next(d, runs); found && (!ok || got != want) || !found && ok && got-d < searched {
				t.Fatalf("Next(%s, %v) = %s %v, want %s %v", d, runs, got, ok, want, found)
			}
			want, found = naive(r.Runs, d, runs, -1)
			if got, ok := r.Prev(d, runs); found && (!ok || got != want) || !found && ok && d-got < searched {
				t.Fatalf("Prev(%s, %v) = %s %v, want %s %v", d, runs, got, ok, want, found)
			}
		}
	})
}

func TestSearchesEnd(t *testing.T) {
	weekend, saturday := compile(t, v1.CalendarSpec{Weekdays: []v1.Weekday{"SAT", "SUN"}}), compile(t, v1.CalendarSpec{Weekdays: []v1.Weekday{"SAT"}})
	everyDay := compile(t, v1.CalendarSpec{Dates: []string{"--01-01/--12-31"}})
	for _, tc := range []struct {
		name string
		rule Rule
		runs bool
	}{
		{name: "nothing is left", rule: Rule{Exclude: []*Set{weekend}, Only: []*Set{saturday}, Restricted: true}, runs: true},
		{name: "only days of no Calendar", rule: Rule{Restricted: true}, runs: true},
		{name: "every day is excluded", rule: Rule{Exclude: []*Set{everyDay}}, runs: true},
		{name: "no day is excluded", rule: Rule{}},
		{name: "no day is excluded, as every day is among the only ones", rule: Rule{Only: []*Set{everyDay}, Restricted: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d, ok := tc.rule.Next(Date(2026, 1, 1), tc.runs); ok {
				t.Errorf("found %s after", d)
			}
			if d, ok := tc.rule.Prev(Date(2026, 1, 1), tc.runs); ok {
				t.Errorf("found %s before", d)
			}
		})
	}
}

// TestDaysOfTheMachinesZones: days follow each other without a gap or an overlap, and clocks show what At was asked for.
func TestDaysOfZones(t *testing.T) {
	for _, name := range []string{
		"Etc/UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo",
		"Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Apia", "America/Scoresbysund", "America/Asuncion",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			for d := Date(2005, 1, 1); d < Date(2026, 12, 31); d++ {
				start, end := Start(d, zone), Start(d+1, zone)
				if end.Before(start) {
					t.Fatalf("%s begins at %s, the next day at %s", d, start, end)
				}
				if start.Equal(end) {
					if d.String() != "2011-12-30" {
						t.Errorf("%s is empty", d)
					}
					continue
				}
				for _, at := range []time.Time{start, start.Add(end.Sub(start) / 2), end.Add(-time.Microsecond)} {
					if got := In(at, zone); got != d {
						t.Fatalf("%s is of %s, want %s", at.In(zone), got, d)
					}
				}
				if noon := At(d, 12*time.Hour, zone).In(zone); noon.Hour() != 12 || noon.Format(time.DateOnly) != d.String() {
					t.Fatalf("noon of %s is %s", d, noon)
				}
			}
		})
	}
}

func TestLocalTimes(t *testing.T) {
	for _, tc := range []struct {
		name, zone, day string
		clock           time.Duration
		want            string
	}{
		{name: "a time that does not exist is an hour later", zone: "Europe/Berlin", day: "2026-03-29", clock: 2*time.Hour + 30*time.Minute, want: "2026-03-29T03:30:00+02:00"},
		{name: "a time that exists twice is the first", zone: "Europe/Berlin", day: "2026-10-25", clock: 2*time.Hour + 30*time.Minute, want: "2026-10-25T02:30:00+02:00"},
		{name: "a midnight that does not exist", zone: "America/Sao_Paulo", day: "2018-11-04", want: "2018-11-04T01:00:00-02:00"},
		{name: "half an hour that exists twice", zone: "Australia/Lord_Howe", day: "2026-04-05", clock: time.Hour + 45*time.Minute, want: "2026-04-05T01:45:00+11:00"},
		{name: "a fraction of a second", zone: "Asia/Kathmandu", day: "2026-04-05", clock: 1500 * time.Millisecond, want: "2026-04-05T00:00:01.5+05:45"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			zone, err := time.LoadLocation(tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			day, _ := time.Parse(time.DateOnly, tc.day)
			at := At(dayOf(day), tc.clock, zone)
			if got := at.In(zone).Format(time.RFC3339Nano); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	s := compile(b, v1.CalendarSpec{Dates: []string{"--12-25", "2026-05-01"}, Weekdays: []v1.Weekday{"SAT", "SUN"}, ICS: oneEvent("DTSTART;VALUE=DATE:20260103\nRRULE:FREQ=MONTHLY")})
	d := Date(2026, 11, 23)
	b.Run("Contains", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Contains(d)
		}
	})
	sets := []*Set{s}
	b.Run("Rule.Next", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := Rule{Exclude: sets}
			r.Next(d+5, true)
		}
	})
}

// TestSearchesOfTheSameDays: a search that finds nothing is as long as one can be, and is not made again for each occurrence.
func TestSearchesOfTheSameDays(t *testing.T) {
	workdays, sundays := &Set{weekdays: everyWeekday &^ 1}, &Set{weekdays: 1}
	for name, r := range map[string]*Rule{
		"no day is left":  {Exclude: []*Set{workdays, sundays}},
		"no day is there": {Only: []*Set{workdays}, Exclude: []*Set{workdays}, Restricted: true},
		"every day":       {Only: []*Set{workdays, sundays}, Restricted: true},
	} {
		s := &Split{Rule: r, Zone: time.UTC}
		start := Start(Date(2026, time.November, 22), time.UTC)
		for i := range 86_400 {
			s.NextDay(start.Add(time.Duration(i) * time.Second))
			r.Prev(In(start, time.UTC), true)
			r.Next(In(start, time.UTC), false)
		}
		if r.steps > 5*maxSteps {
			t.Errorf("%s: %d steps for the occurrences of a day", name, r.steps)
		}
	}
}
