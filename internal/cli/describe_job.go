package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	v1 "horae/api/v1"
	"horae/internal/schedule"
)

// These are how many of each a description shows.
const (
	recentRuns = 10
	maxParents = 20
	nextTimes  = 5
)

// jobFacts are what the server answers about one Job.
type jobFacts struct {
	job  v1.Job
	runs []v1.Run
	// then are the occurrences after the next one.
	then []v1.Time
	// graph of the Job, if it depends on others or others depend on it.
	graph v1.Graph
	// statistics; nil if the server has none.
	statistics *v1.JobStatistics
}

// jobFacts asks the server for all that a description shows.
func (c *cli) jobFacts(ctx context.Context, ns, name string) (*jobFacts, error) {
	f := &jobFacts{}
	if err := c.api.into(ctx, c.api.get(ns, jobKind, name), &f.job); err != nil {
		return nil, err
	}
	var all v1.RunList
	if err := c.api.into(ctx, c.api.list(ns, runKind, selectors{fields: "spec.job=" + name}), &all); err != nil {
		return nil, err
	}
	f.runs = all.Items
	if next := f.job.Status.NextScheduleTime; next != nil {
		o, err := c.api.occurrences(ctx, ns, name, next.Time, nextTimes-1)
		var status apierrors.APIStatus
		if err != nil && !errors.As(err, &status) { // a refusal means that the schedule was broken since: the conditions say so
			return nil, err
		}
		f.then = o.Times
	}
	var status apierrors.APIStatus
	if len(f.job.Spec.DependsOn) > 0 || f.job.Status.Completions != nil {
		err := c.api.into(ctx, c.api.get(ns, jobKind, name).segment("graph"), &f.graph)
		if err != nil && !errors.As(err, &status) { // as below
			return nil, err
		}
	}
	answer, err := c.api.statistics(ctx, ns, name)
	switch {
	case err == nil:
		f.statistics = answer
	case !errors.As(err, &status): // a refusal: the Job is gone by now, or the server is older than this command
		return nil, err
	}
	return f, nil
}

func describeJob(out *strings.Builder, f *jobFacts, now time.Time) string {
	j := &f.job
	p := newPage(out)
	p.meta(&j.ObjectMeta, now)
	p.field("Description", j.Spec.Description)
	p.field("Owner", j.Spec.Owner)
	p.jobTimes(j, f.then, now)
	p.field("Dependents", f.children())
	p.jobPolicies(j)
	p.field("Counts", jobCounts(&j.Status))
	p.task(&j.Spec.Task)
	p.conditions(j.Status.Conditions, now)
	p.notRun(j.Status.NotRun)
	p.statistics(f.statistics)
	p.recent(f.runs, now)
	return p.String()
}

// jobTimes writes when the Job runs: the schedule in words, and the next times.
func (p *page) jobTimes(j *v1.Job, then []v1.Time, now time.Time) {
	var parents []string
	for _, d := range j.Spec.DependsOn {
		if len(parents) == maxParents {
			parents = append(parents, fmt.Sprintf("and %d more", len(j.Spec.DependsOn)-maxParents))
			break
		}
		parents = append(parents, parentText(d, j.Status.Parents))
	}
	p.field("Depends On", strings.Join(parents, "\n"))
	p.field("Joins", string(j.Spec.DependencyPolicy))
	p.field("Suspended", suspension(j))
	switch {
	case meta.IsStatusConditionFalse(j.Status.Conditions, v1.JobAccepted) && j.Spec.Schedule == "":
		p.field("Schedule", "unknown: the spec is not valid, see Conditions")
	case j.Spec.Schedule != "":
		p.schedule(j, then, now)
	case len(parents) == 0:
		p.field("Schedule", "none: it runs when it is triggered")
	}
	p.field("Last Scheduled", whenPtr(j.Status.LastScheduleTime, now))
	p.field("Last Success", whenPtr(j.Status.LastSuccessfulTime, now))
	p.field("Last Failure", whenPtr(j.Status.LastFailureTime, now))
}

// children of the Job, each with the outcome on which it follows and its state.
func (f *jobFacts) children() string {
	states := map[string]v1.GraphState{}
	for _, j := range f.graph.Jobs {
		states[j.Name] = j.State
	}
	var lines []string
	for _, e := range f.graph.Edges {
		if e.From != f.job.Name {
			continue
		}
		if len(lines) == maxParents {
			return strings.Join(append(lines, "and more: horae graph "+f.job.Name), "\n")
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", e.To, e.On, states[e.To]))
	}
	return strings.Join(lines, "\n")
}

// parentText is what a Job has taken of one that it depends on: load (Succeeded): 3 followed, 1 banked.
func parentText(d v1.Dependency, list []v1.ParentStatus) string {
	text := fmt.Sprintf("%s (%s)", d.Job, d.On)
	for _, p := range list {
		if p.Job == d.Job {
			text += fmt.Sprintf(": %d followed, %d banked", p.Consumed, int64(len(p.Banked))+p.Omitted)
		}
	}
	return text
}

// suspension says why the schedule starts no Runs, and what to do; empty when it does.
func suspension(j *v1.Job) string {
	c := meta.FindStatusCondition(j.Status.Conditions, v1.JobScheduled)
	switch {
	case j.Spec.Suspend:
		return "yes: the schedule starts no Runs; horae resume " + j.Name
	case c != nil && c.Reason == v1.ReasonTooManyFailures:
		return "yes: " + c.Message // which says what to do
	}
	return ""
}

// schedule writes a Job's schedule, in words too when this command understands it.
func (p *page) schedule(j *v1.Job, then []v1.Time, now time.Time) {
	p.field("Schedule", strings.TrimSpace(j.Spec.Schedule))
	p.field("Time Zone", j.Spec.TimeZone)
	if zone, err := schedule.LoadLocation(j.Spec.TimeZone); err == nil {
		s, err := schedule.Parse(j.Spec.Schedule, schedule.Options{Location: zone, HashKey: schedule.HashKey(j.Namespace, j.Name)})
		if err == nil {
			p.field("In Words", strings.TrimSpace(s.Describe()))
		}
	}
	p.calendars(j.Spec.Calendars)
	if j.Status.NextScheduleTime == nil {
		return
	}
	// The first is what the controller has announced, jitter included.
	times := []string{when(j.Status.NextScheduleTime.Time, now)}
	for _, t := range then {
		times = append(times, when(t.Time, now))
	}
	p.field("Next", strings.Join(times, "\n"))
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
		s.ActiveCount, s.Succeeded, s.Failed, s.ConsecutiveFailures, s.Missed, s.Skipped, s.Occurrences)
}

// notRun lists the occurrences that did not become a Run (I10).
func (p *page) notRun(list []v1.NotRun) {
	var rows [][]string
	for _, n := range list {
		rows = append(rows, []string{
			stamp(&n.ScheduledTime), stamp(n.Through), fmt.Sprint(n.Count), string(n.Outcome), n.Reason, n.Message,
		})
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

// statistics shows how long the Runs took and waited; nothing before one has ended.
func (p *page) statistics(s *v1.JobStatistics) {
	if s == nil {
		return
	}
	var rows [][]string
	ended := int64(0)
	for i := range s.Windows {
		w := &s.Windows[i]
		ended += w.Succeeded + w.Failed
		duration, waiting := distributionRow("", w.Duration), distributionRow("", w.Waiting)
		row := append(outcomeRow(w)[:4:4], duration[2], duration[3], duration[5], duration[7], duration[8])
		rows = append(rows, append(row, waiting[3], waiting[5]))
	}
	if ended == 0 {
		return
	}
	p.table("Statistics", []string{
		"WINDOW", "SUCCEEDED", "FAILED", "RATE", "MEAN", "P50", "P95", "P99", "MAX", "WAITED P50", "WAITED P95",
	}, rows)
}
