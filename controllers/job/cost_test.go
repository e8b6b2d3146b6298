package job

import (
	"testing"
	"time"

	v1 "horae/api/v1"
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
