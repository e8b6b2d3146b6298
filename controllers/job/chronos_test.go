package job

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
)

// TestWhatChronosDid takes Chronos's own cases, as far as what it did is worth keeping: its epsilon is startingDeadline. The Job
// was created on the last day of 2011, and the controller comes up at now.
func TestWhatChronosDid(t *testing.T) {
	for _, row := range []struct {
		name, schedule string
		epsilon        time.Duration
		now            string

		runs        []string
		next        string // "" when the schedule is exhausted
		occurrences int64
	}{
		{name: "once, and too late for it", schedule: "R1/2012-01-01T00:00:01Z/PT1M", epsilon: time.Minute, now: "2012-01-01T00:01:02Z", occurrences: 1},
		{name: "once, a day too late", schedule: "R1/2012-01-01T00:00:01Z/PT1M", epsilon: time.Minute, now: "2012-01-02T00:01:01Z", occurrences: 1},
		{name: "never", schedule: "R0/2012-01-01T00:00:01Z/PT1M", epsilon: time.Minute, now: "2012-01-01T00:01:01Z"},
		{name: "not begun", schedule: "R10/2012-01-10T00:00:00Z/PT1M", epsilon: time.Minute, now: "2012-01-01T00:01:01Z", next: "2012-01-10T00:00:00Z"},
		{name: "each minute: one of the two", schedule: "R/2012-01-01T00:00:00Z/PT1M", epsilon: 2 * time.Minute, now: "2012-01-01T00:01:01Z",
			runs: []string{"20120101t000100z"}, next: "2012-01-01T00:02:00Z", occurrences: 2},
		{name: "five days, on the third: two are left", schedule: "R5/2012-01-01T00:00:00Z/P1D", epsilon: time.Minute, now: "2012-01-03T00:00:00Z",
			runs: []string{"20120103t000000z"}, next: "2012-01-04T00:00:00Z", occurrences: 3},
		{name: "five days, an hour late on the first", schedule: "R5/2012-01-01T00:00:00Z/P1D", epsilon: 2 * time.Hour, now: "2012-01-01T01:00:00Z",
			runs: []string{"20120101t000000z"}, next: "2012-01-02T00:00:00Z", occurrences: 1},
		{name: "five days, three weeks late", schedule: "R5/2012-01-01T00:00:00Z/P1D", epsilon: time.Minute, now: "2012-01-20T00:00:00Z", occurrences: 5},
		{name: "five days, three weeks late, no epsilon: the last one", schedule: "R5/2012-01-01T00:00:00Z/P1D", now: "2012-01-20T00:00:03Z",
			runs: []string{"20120105t000000z"}, occurrences: 5},
		{name: "daily, within epsilon", schedule: "R/2012-01-01T00:00:00Z/P1D", epsilon: 5 * time.Minute, now: "2012-01-05T00:03:00Z",
			runs: []string{"20120105t000000z"}, next: "2012-01-06T00:00:00Z", occurrences: 5},
		{name: "daily, beyond epsilon", schedule: "R/2012-01-01T00:00:00Z/P1D", epsilon: 5 * time.Minute, now: "2012-01-05T00:06:00Z",
			next: "2012-01-06T00:00:00Z", occurrences: 5},
		{name: "monthly, years later", schedule: "R/2012-01-01T00:00:01Z/P1M", epsilon: time.Minute, now: "2017-03-27T08:01:30Z",
			next: "2017-04-01T00:00:01Z", occurrences: 63},
		{name: "month ends come back", schedule: "R/2012-01-31T00:00:00Z/P1M", now: "2012-03-01T00:00:02Z",
			runs: []string{"20120229t000000z"}, next: "2012-03-31T00:00:00Z", occurrences: 2},
		{name: "a period of a second and a half", schedule: "R/2012-01-01T00:00:00Z/PT1.5S", now: "2012-01-01T00:00:03Z",
			runs: []string{"20120101t000003z"}, next: "2012-01-01T00:00:04Z", occurrences: 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, at("2011-12-31T00:00:00Z"), func(s *v1.JobSpec) {
				s.Schedule = row.schedule
				if row.epsilon > 0 {
					s.StartingDeadline = duration(row.epsilon)
				}
			})
			w.settle()
			w.down(at(row.now))
			s := w.status()
			if diff := cmp.Diff(row.runs, w.names()); diff != "" {
				t.Errorf("Runs -want +got:\n%s", diff)
			}
			next := ""
			if s.NextScheduleTime != nil {
				next = s.NextScheduleTime.Truncate(time.Second).Format(time.RFC3339)
			}
			if next != row.next || s.Occurrences != row.occurrences {
				t.Errorf("next %q after %d occurrences, want %q after %d", next, s.Occurrences, row.next, row.occurrences)
			}
			if (next == "") != (scheduled(s) == v1.ReasonExhausted) {
				t.Errorf("reason %s with next %q", scheduled(s), next)
			}
		})
	}
}
