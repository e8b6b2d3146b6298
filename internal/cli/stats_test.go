package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

// setStatistics writes the statistics of a Job as its controller would.
func (h *house) setStatistics(name string, samples ...statistics.Sample) {
	h.t.Helper()
	check := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	recent, err := statistics.Recent{}.Add(samples...)
	check(err)
	e := h.cache.Job("default", name)
	job := e.Object.DeepCopy()
	job.Status.Duration, err = recent.Durations()
	check(err)
	history, recent, err := statistics.History{}.Fold(recent, now)
	check(err)
	document, err := history.Document(&job.ObjectMeta)
	check(err)
	status, err := store.PutJobStatus(e.Key, job, recent.Text())
	check(err)
	revision, err := h.store.Apply(h.t.Context(), store.Change{Writes: []store.Write{status, store.PutStatistics(e.Key, document)}})
	check(err)
	check(h.cache.WaitFor(h.t.Context(), revision))
}

func (h *house) populateStatistics() {
	h.t.Helper()
	h.populate()
	var samples []statistics.Sample
	for i := range 40 {
		samples = append(samples, statistics.Sample{
			Finish: now.Add(-time.Duration(i*20) * time.Hour), Outcome: statistics.Succeeded,
			Duration: time.Duration(i+60) * time.Second, Waiting: time.Duration(i*10) * time.Millisecond,
		})
	}
	samples[3].Outcome, samples[3].Duration = statistics.Failed, statistics.None
	h.setStatistics("hello", samples...)
	h.setStatistics("report", statistics.Sample{Finish: now.Add(-48 * time.Hour), Outcome: statistics.Succeeded, Duration: time.Hour, Waiting: statistics.None})
}

func TestGoldenStatistics(t *testing.T) {
	h := build(t)
	h.populateStatistics()
	for _, tt := range []struct{ name, line string }{
		{"stats-hello", "stats hello"},
		{"stats", "stats"},
		{"stats-window", "stats -A --window 24h --by count --slowest 5"},
		{"describe-job-stats", "describe job report"},
	} {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, h.ok(tt.line)) })
	}
}

func TestStats(t *testing.T) {
	h := build(t)
	h.populateStatistics()
	var one v1.JobStatistics
	if err := json.Unmarshal([]byte(h.ok("stats job/hello -o json")), &one); err != nil || one.Windows[3].Succeeded != 39 || one.Windows[3].Failed != 1 {
		t.Errorf("%v: %+v", err, one)
	}
	if got := h.ok("stats -o yaml --slowest 1"); !strings.Contains(got, "kind: JobStatisticsList") || strings.Contains(got, "name: hello") {
		t.Errorf("the slowest one as YAML:\n%s", got)
	}
	if r := h.run("stats -l team=none"); r.code != 0 || r.out != "" || r.err != "No Run has succeeded yet\n" {
		t.Errorf("none: %+v", r)
	}
	for line, code := range map[string]int{
		"stats none": ExitFailed, "stats hello report": ExitUsage, "stats hello --slowest 3": ExitUsage, "stats hello -A": ExitUsage,
		"stats --slowest 101": ExitUsage, "stats --window 3d": ExitUsage, "stats -o xml": ExitUsage, "stats --by p42": ExitFailed,
	} {
		if r := h.run(line); r.code != code || r.err == "" {
			t.Errorf("%s: %+v, want %d", line, r, code)
		}
	}
}

// The story of a Run: each line has the time since the one before.
func TestStoryOfARun(t *testing.T) {
	at := func(seconds float64) *v1.Time {
		return v1.NewTimePtr(now.Add(-time.Hour + time.Duration(seconds*float64(time.Second))))
	}
	one := int32(1)
	run := &v1.Run{Spec: v1.RunSpec{Job: "hello", Reason: v1.ReasonSchedule, ScheduledTime: at(0)}}
	run.Name, run.CreationTimestamp.Time = "hello-x", at(0).Time
	run.Status = v1.RunStatus{Phase: v1.RunRunning, StartTime: at(1.5), Attempts: []v1.Attempt{
		{TaskID: "default.hello-x.5.1", State: v1.RunFailed, Hostname: "node1", LaunchTime: *at(1), StartTime: at(1.5), FinishTime: at(61.5), ExitCode: &one},
		{TaskID: "default.hello-x.5.2", State: v1.RunRunning, Hostname: "node2", LaunchTime: *at(121.5), StartTime: at(122)},
	}}
	var out strings.Builder
	got := describeRun(&out, run, now)
	for _, want := range []string{
		"2026-11-22T13:30:00Z    -           Due", "+0s         Created", "+1s         Launched       attempt 1 was launched on node1",
		"+500ms      Started", "+1m         AttemptFailed  attempt 1 failed on node1 after 1m with exit code 1", "Retried",
		"+1m         Launched       attempt 2 was launched on node2", "+57m58s     Now            Running",
	} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	// A Run that makes up for an old occurrence was not due then.
	run.Spec.Reason = v1.ReasonManual
	out.Reset()
	if got := describeRun(&out, run, now); strings.Contains(got, " Due ") {
		t.Errorf("%s", got)
	}
}

func TestDescribeBoundsParents(t *testing.T) {
	var out strings.Builder
	f := &jobFacts{}
	f.job.Spec.DependsOn = make([]v1.Dependency, 1000)
	if got := describeJob(&out, f, now); !strings.Contains(got, "and 980 more") || strings.Count(got, "\n") > 60 {
		t.Errorf("a thousand parents:\n%s", got)
	}
}

func TestDescribeShowsDependents(t *testing.T) {
	h := build(t)
	h.apply(`{apiVersion: horae/v1, kind: Job, metadata: {name: load}, spec: {task: {shell: "true"}}}`)
	h.apply(`{apiVersion: horae/v1, kind: Job, metadata: {name: report}, spec: {dependsOn: [{job: load, on: Finished}], task: {shell: "true"}}}`)
	if got := h.ok("describe job load"); strings.Contains(got, "Dependents") {
		t.Errorf("before its controller knows of any:\n%s", got)
	}
	h.setJob("load", func(s *v1.JobStatus) { s.Completions = &v1.Completions{} })
	if got := h.ok("describe job load"); !strings.Contains(got, "report (Finished): Idle\n") {
		t.Errorf("%s", got)
	}
	if got := h.ok("describe job report"); strings.Contains(got, "Dependents") || !strings.Contains(got, "load (Finished)") {
		t.Errorf("%s", got)
	}
}
