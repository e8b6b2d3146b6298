package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/schedule"
)

// recentRuns and nextTimes are how many of each a description shows.
const (
	recentRuns = 10
	nextTimes  = 5
)

func describeJob(out *strings.Builder, j *v1.Job, all []v1.Run, now time.Time) string {
	p := newPage(out)
	p.meta(&j.ObjectMeta, now)
	p.field("Description", j.Spec.Description)
	p.field("Owner", j.Spec.Owner)
	p.jobTimes(j, now)
	p.jobPolicies(j)
	p.field("Counts", jobCounts(&j.Status))
	p.task(&j.Spec.Task)
	p.conditions(j.Status.Conditions, now)
	p.notRun(j.Status.NotRun)
	p.recent(all, now)
	return p.String()
}

// jobTimes writes when the Job runs: the schedule in words, and the next times.
func (p *page) jobTimes(j *v1.Job, now time.Time) {
	var parents []string
	for _, d := range j.Spec.DependsOn {
		parents = append(parents, fmt.Sprintf("%s (%s)", d.Job, d.On))
	}
	p.field("Depends On", strings.Join(parents, "\n"))
	p.field("Suspended", map[bool]string{true: "yes: the schedule starts no Runs; horae resume " + j.Name}[j.Spec.Suspend])
	if j.Spec.Schedule == "" {
		if len(parents) == 0 {
			p.field("Schedule", "none: it runs when it is triggered")
		}
	} else {
		p.field("Schedule", strings.TrimSpace(j.Spec.Schedule))
		p.field("Time Zone", j.Spec.TimeZone)
		s := parsed(j)
		if s != nil {
			p.field("In Words", strings.TrimSpace(s.Describe()))
		}
		p.calendars(j.Spec.Calendars)
		p.field("Next", strings.Join(next(j, s, now), "\n"))
	}
	p.field("Last Scheduled", whenPtr(j.Status.LastScheduleTime, now))
	p.field("Last Success", whenPtr(j.Status.LastSuccessfulTime, now))
	p.field("Last Failure", whenPtr(j.Status.LastFailureTime, now))
}

// parsed is the Job's schedule, or nil when this command does not understand it.
func parsed(j *v1.Job) *schedule.Schedule {
	zone, err := schedule.LoadLocation(j.Spec.TimeZone)
	if err != nil {
		return nil
	}
	created := j.CreationTimestamp.Time
	if j.Status.Schedule != nil {
		created = j.Status.Schedule.Since.Time
	}
	s, err := schedule.Parse(j.Spec.Schedule, schedule.Options{Location: zone, Created: created, HashKey: j.Namespace + "/" + j.Name})
	if err != nil {
		return nil
	}
	return s
}

// next begins with the time that the controller has announced; those after it follow from the schedule.
func next(j *v1.Job, s *schedule.Schedule, now time.Time) []string {
	if j.Status.NextScheduleTime == nil {
		return nil
	}
	times := []string{when(j.Status.NextScheduleTime.Time, now)}
	if s == nil || len(j.Spec.Calendars.Names()) > 0 {
		return times // Which days those after it are on is for the server to say: horae schedule JOB.
	}
	for t, ok := s.Next(j.Status.NextScheduleTime.Time); ok && len(times) < nextTimes; t, ok = s.Next(t) {
		times = append(times, when(t, now))
	}
	return times
}

func (p *page) jobPolicies(j *v1.Job) {
	s := &j.Spec
	p.field("Starting Deadline", durationOf(s.StartingDeadline))
	p.field("Missed Runs", string(s.MissedRuns))
	p.field("Jitter", durationOf(s.Jitter))
	p.field("Concurrency", string(s.ConcurrencyPolicy))
	p.runPolicy(&s.RunPolicy)
	if s.SuspendAfterFailures != nil {
		p.field("Suspend After", fmt.Sprintf("%d failures in a row", *s.SuspendAfterFailures))
	}
}

func jobCounts(s *v1.JobStatus) string {
	return fmt.Sprintf("%d active, %d succeeded, %d failed (%d in a row); %d missed, %d skipped of %d occurrences",
		len(s.Active), s.Succeeded, s.Failed, s.ConsecutiveFailures, s.Missed, s.Skipped, s.Occurrences)
}

// notRun lists the occurrences that did not become a Run (I10).
func (p *page) notRun(list []v1.NotRun) {
	var rows [][]string
	for _, n := range list {
		rows = append(rows, []string{stamp(&n.ScheduledTime), stamp(n.Through), fmt.Sprint(n.Count), string(n.Outcome), n.Reason, n.Message})
	}
	p.table("Not Run", []string{"SCHEDULED", "THROUGH", "COUNT", "OUTCOME", "REASON", "MESSAGE"}, rows)
}

func (p *page) recent(all []v1.Run, now time.Time) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b v1.Run) int {
		switch {
		case newer(&a, &b):
			return -1
		case newer(&b, &a):
			return 1
		}
		return 0
	})
	var rows [][]string
	for i := range all[:min(len(all), recentRuns)] {
		r := &all[i]
		rows = append(rows, []string{
			r.Name, phaseOf(r), r.Status.Reason, string(r.Spec.Reason), fmt.Sprint(len(r.Status.Attempts)),
			age(r.CreationTimestamp.Time, now), span(r.Status.StartTime, r.Status.FinishTime, now),
		})
	}
	if len(rows) == 0 {
		p.field("Runs", "none")
		return
	}
	p.table("Runs", []string{"NAME", "PHASE", "REASON", "TRIGGER", "ATTEMPTS", "AGE", "DURATION"}, rows)
	if n := len(all) - recentRuns; n > 0 {
		fmt.Fprintf(p.out, "  ... and %d more\n", n)
	}
}
