package job

import (
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

func TestJitterLongerThanThePeriodLosesNothing(t *testing.T) {
	for _, policy := range []v1.ConcurrencyPolicy{v1.ConcurrencyAllow, v1.ConcurrencyForbid} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t, at("09:00"), func(s *v1.JobSpec) {
				s.Schedule, s.ConcurrencyPolicy = "* * * * *", policy
				s.Jitter, s.StartingDeadline = duration(5*time.Minute), duration(10*time.Second)
			})
			for w.now.Before(at("10:00:59")) {
				w.to(w.now.Add(time.Second))
				for _, run := range w.runs {
					if !ended(run) {
						w.end(run.Key.Name, v1.RunSucceeded)
					}
				}
			}
			if s := w.status(); s.Missed+s.Skipped != 0 || len(w.ever) < 59 {
				t.Errorf("%d Runs, %d missed and %d skipped: %v", len(w.ever), s.Missed, s.Skipped, notRun(s))
			}
		})
	}
}

func TestAScheduleWithoutStartThatTakesOverAtAnOccurrenceRunsItsFirst(t *testing.T) {
	w := newWorld(t, at("09:00"), func(s *v1.JobSpec) { s.Schedule, s.ConcurrencyPolicy = "* * * * * *", v1.ConcurrencyAllow })
	w.to(at("09:00:05.1"))
	w.now = at("09:00:05.3")
	w.edit(func(s *v1.JobSpec) { s.Schedule = "R1//P" })
	w.settle()
	before := len(w.ever)
	w.to(at("09:00:10"))
	if len(w.ever) != before+1 || w.status().Occurrences != 1 {
		t.Errorf("%d Runs more, %d occurrences; want 1 and 1", len(w.ever)-before, w.status().Occurrences)
	}
}

func TestABadZoneDoesNotHideABadSchedule(t *testing.T) {
	errs := Validate(newJob(at("09:00"), func(s *v1.JobSpec) { s.Schedule, s.TimeZone = "0 25 * * *", "Nope/Zone" }))
	text := errs.ToAggregate().Error()
	for _, want := range []string{"spec.timeZone", "spec.schedule", `hour "25"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not recorded: %s", want, text)
		}
	}
}

func TestWarningsOfTheScheduleAreTheMessageOfAccepted(t *testing.T) {
	w := newWorld(t, at("09:00"), func(s *v1.JobSpec) {
		s.Schedule, s.TimeZone = "R/2026-03-01T13:00:00-04:00/P1D", "America/Los_Angeles"
	})
	w.settle()
	if c := condition.Find(w.status().Conditions, v1.JobAccepted); c == nil || !strings.Contains(c.Message, "another offset than the time zone") {
		t.Errorf("Accepted is %+v", c)
	}
	w.edit(func(s *v1.JobSpec) { s.Schedule = "0 2 * * *" })
	w.settle()
	if c := condition.Find(w.status().Conditions, v1.JobAccepted); c.Message != "" {
		t.Errorf("without a warning Accepted still says %q", c.Message)
	}
}
