package job

import (
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// TestTenYearsInTenZones runs Plan at every time that it asks for, over ten years: each local day gets its Run, whatever the
// zone did to its clocks, and the plan never wakes up for nothing.
func TestTenYearsInTenZones(t *testing.T) {
	for _, zone := range []string{
		"Etc/UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tehran", "Asia/Kolkata", "Australia/Lord_Howe",
		"Pacific/Apia", "Africa/Casablanca", "America/St_Johns",
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			start := time.Date(2008, 1, 1, 0, 0, 30, 0, time.UTC)
			w := newWorld(t, start, func(s *v1.JobSpec) { s.Schedule, s.TimeZone = "30 2 * * *", zone })
			w.exact = false
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			days := map[string]bool{}
			plans := 0
			end := start.AddDate(10, 0, 0)
			for w.now.Before(end) {
				w.written = time.Time{}
				in := w.input()
				d := w.plan(in)
				plans++
				if !d.Idle() && !w.apply(in, d) {
					t.Fatal("a decision conflicts with the state that it was taken on")
				}
				for _, run := range d.Create {
					day := run.Spec.ScheduledTime.In(location).Format(time.DateOnly)
					if days[day] {
						t.Errorf("two Runs on %s", day)
					}
					days[day] = true
					w.end(run.Name, v1.RunSucceeded)
				}
				if d.Idle() {
					w.now = w.now.Add(d.After)
				}
			}
			lived := 0
			for day := start; day.Before(end); day = day.AddDate(0, 0, 1) {
				lived++
			}
			// A zone that skips a day (Pacific/Apia, 2011-12-30) runs that day's occurrence at the next day's time, once.
			if n := len(days); n < lived-2 || n > lived+1 {
				t.Errorf("%d days had a Run, of %d", n, lived)
			}
			s := w.status()
			if s.Missed+s.Skipped != 0 || s.Succeeded != int64(len(days)) || s.Occurrences != int64(len(days)) {
				t.Errorf("%d days, status %+v", len(days), s)
			}
			if most := 4*len(days) + 10; plans > most {
				t.Errorf("%d plans for %d Runs, want at most %d: it wakes up for nothing", plans, len(days), most)
			}
		})
	}
}

// TestAYearOfDowntimeIsPlannedWithoutWalking: the occurrences are counted, not visited.
func TestAYearOfDowntimeIsPlannedWithoutWalking(t *testing.T) {
	const expression = "* * * * *"
	w := newWorld(t, at("10:00:30"), func(s *v1.JobSpec) { s.Schedule, s.MissedRuns = expression, v1.MissedRunsAll })
	w.settle()
	w.now = w.now.AddDate(1, 0, 0)
	w.upSince = w.now
	in := w.input()
	steps := 0
	in.Compile = countSteps(in.Compile, &steps)
	d := Plan(in, w.now)
	const year = 365 * 24 * 60
	if d.Status.Occurrences != year || d.Status.Missed != year-100 || len(d.Create)+len(d.Status.Waiting) != 100 {
		t.Errorf("%d occurrences, %d missed, %d created, %d wait", d.Status.Occurrences, d.Status.Missed, len(d.Create), len(d.Status.Waiting))
	}
	if steps > 200 {
		t.Errorf("the schedule was asked %d times", steps)
	}
	if !strings.HasPrefix(notRun(&d.Status)[0], "Missed TooManyMissed 525500 10:01-") {
		t.Errorf("notRun %v", notRun(&d.Status))
	}
}

type stepper struct {
	Occurrences
	steps *int
}

func (s stepper) Next(t time.Time) (time.Time, bool) { *s.steps++; return s.Occurrences.Next(t) }
func (s stepper) Prev(t time.Time) (time.Time, bool) { *s.steps++; return s.Occurrences.Prev(t) }
func (s stepper) Count(a, b time.Time) int           { *s.steps++; return s.Occurrences.Count(a, b) }
