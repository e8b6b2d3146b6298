package job

import (
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/costtest"
)

// everyDay are Calendars that have every day together, and none of them alone: what is longest to search.
var everyDay = map[string]*v1.CalendarSpec{
	"a": {Weekdays: []v1.Weekday{"MON", "TUE", "WED", "THU", "FRI", "SAT"}},
	"b": {Weekdays: []v1.Weekday{"SUN"}},
}

// TestNoDayLeft: a Job whose occurrences fall on no day with runs costs a search a day, and not one for each occurrence.
func TestNoDayLeft(t *testing.T) {
	for _, on := range []v1.OnExcluded{v1.OnExcludedNextDay, v1.OnExcludedSkip} {
		w := newWorld(t, at("10:00"), func(s *v1.JobSpec) {
			s.Schedule = "R/2020-01-01T00:00:00Z/PT1S"
			s.Calendars = &v1.JobCalendars{Exclude: []string{"a", "b"}, OnExcluded: on}
		})
		w.exact = false
		w.calendars = everyDay
		plans := 0
		costtest.Check(t, 1<<20, func() {
			for end := w.now.Add(5 * 24 * time.Hour); w.now.Before(end); plans++ {
				w.now = w.now.Add(w.settle().After)
			}
		})
		if plans > 10 {
			t.Errorf("%s: %d plans in 5 days", on, plans)
		}
		costtest.Check(t, 1<<20, func() {
			if times, err := Upcoming(w.job.Object, w.named(), w.now, 10_000); err != nil || len(times) != 0 {
				t.Errorf("%s: %d upcoming, %v", on, len(times), err)
			}
		})
	}
}

// TestUpcomingIsLinear: an occurrence more costs as much as the one before it.
func TestUpcomingIsLinear(t *testing.T) {
	for _, schedule := range []string{"R/2020-01-01T00:00:00Z/PT1S", "* * * * *", "0 0 29 2 1", "R/2020-01-01T00:00:00Z/P1M"} {
		for _, calendars := range []*v1.JobCalendars{
			{Only: []string{"a"}, OnExcluded: v1.OnExcludedNextDay}, {Exclude: []string{"b"}, OnExcluded: v1.OnExcludedNextDay},
			{Exclude: []string{"b"}}, {Only: []string{"a", "b"}}, nil,
		} {
			w := newWorld(t, at("10:00"), func(s *v1.JobSpec) { s.Schedule, s.TimeZone, s.Calendars = schedule, "Europe/Berlin", calendars })
			w.calendars = everyDay
			costtest.Check(t, 10<<10, func() { // 10 MiB and some: a time takes 24 bytes
				if _, err := Upcoming(w.job.Object, w.named(), w.now, 10_000); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// FuzzPlanCost hunts for schedules and Calendars with which a plan takes long, or is made again and again for nothing.
func FuzzPlanCost(f *testing.F) {
	f.Add("R/2020-01-01T00:00:00Z/PT1S", "MON,TUE,WED", "2026-12-24/2027-01-02", uint32(90_000), uint16(0))
	f.Add("* * * * *", "SAT,SUN", "--12-25", uint32(1), uint16(1))
	f.Add("0 0 29 2 1", "MON,TUE,WED,THU,FRI,SAT", "--01-01/--12-31", uint32(400_000_000), uint16(0xffff))
	f.Add("R100000/2026-11-22T10:00:00Z/PT0.001S", "", "", uint32(3600), uint16(6))
	f.Add("*/7 1-5 H 2/3 *", "SUN", "2026-11-22", uint32(86_400), uint16(0x155))
	f.Fuzz(func(t *testing.T, schedule, weekdays, dates string, down uint32, options uint16) {
		if len(schedule) > 200 || len(dates) > 1000 {
			t.Skip("their parsers have fuzzers of their own")
		}
		bit := func(i int) bool { return options>>i&1 != 0 }
		days := &v1.CalendarSpec{}
		for _, day := range strings.Split(weekdays, ",") {
			days.Weekdays = append(days.Weekdays, v1.Weekday(day))
		}
		ranges := &v1.CalendarSpec{Dates: strings.Split(dates, ",")}
		calendars := map[string]*v1.CalendarSpec{}
		for name, spec := range map[string]*v1.CalendarSpec{"a": days, "b": ranges} {
			if _, err := calendar.Compile(spec); err == nil {
				calendars[name] = spec
			}
		}
		w := newWorld(t, at("10:00"), func(s *v1.JobSpec) {
			s.Schedule = schedule
			if bit(0) {
				s.TimeZone = "Europe/Berlin"
			}
			s.Calendars = &v1.JobCalendars{Exclude: []string{"a"}}
			if bit(1) {
				s.Calendars.Exclude = append(s.Calendars.Exclude, "b")
			} else if bit(2) {
				s.Calendars.Only = []string{"b"}
			}
			if bit(3) {
				s.Calendars.OnExcluded = v1.OnExcludedNextDay
			}
			if bit(4) {
				s.MissedRuns = v1.MissedRunsAll
			}
			s.ConcurrencyPolicy = []v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyQueue, v1.ConcurrencyReplace, v1.ConcurrencyAllow}[options>>5&3]
			s.Suspend = bit(7)
			if bit(8) {
				s.Jitter = &v1.Duration{Duration: time.Second}
			}
		})
		w.exact, w.calendars = false, calendars
		if len(Validate(w.job.Object)) > 0 {
			t.Skip("it is refused")
		}
		costtest.CheckCPU(t, 2*time.Second, func() {
			w.settle()
			w.down(w.now.Add(time.Duration(down) * time.Second))
			idle := 0 // plans that change nothing
			for range 20 {
				before := w.revision
				d := w.settle()
				if d.After == 0 {
					break
				}
				w.now = w.now.Add(d.After)
				if w.revision == before && d.After < time.Millisecond {
					idle++
				}
			}
			if idle > 5 {
				t.Errorf("%d plans for nothing", idle)
			}
			if _, err := Upcoming(w.job.Object, w.named(), w.now, 1000); err != nil {
				t.Errorf("upcoming: %v", err)
			}
		})
	})
}
