package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// populate makes the Jobs and Runs that the golden files show.
func (h *house) populate() {
	h.t.Helper()
	docs := hello + `---
apiVersion: horae/v1
kind: Job
metadata: {name: report}
spec:
  description: |
    Sends the report.
    To all.
  owner: bofh@example.com
  schedule: |
    0 6 * * MON
    0 12 1 * *
  suspend: true
  startingDeadline: 30m
  timeout: 2h
  retries: {limit: 1, delay: 30s, factor: 2}
  task:
    command: [java, -jar, "my report.jar"]
    user: hdfs
    env: [{name: A, value: b}, {name: TOKEN, value: x y}]
    resources: {cpus: 0.5, memory: 1Gi}
---
apiVersion: horae/v1
kind: Job
metadata: {name: cleanup, namespace: other}
spec: {task: {shell: rm -rf tmp}}
`
	if r := h.apply(docs); r.code != 0 {
		h.t.Fatalf("%+v", r)
	}
	first := h.created("hello", now.Add(-25*time.Hour))
	second := h.created("hello", now.Add(-time.Hour))
	start, end, code := v1.NewTime(now.Add(-25*time.Hour)), v1.NewTime(now.Add(-25*time.Hour+1500*time.Millisecond)), int32(3)
	h.setRun(first, func(s *v1.RunStatus) {
		*s = v1.RunStatus{Phase: v1.RunFailed, Reason: "ExitCode", Message: "attempt 2 of 2 exited with status 3", StartTime: &start, FinishTime: &end, Attempts: []v1.Attempt{
			{TaskID: "default." + first + ".10.1", State: v1.RunLost, Hostname: "node1", LaunchTime: start, Reason: "AGENT_REMOVED", Message: "the agent was removed"},
			{TaskID: "default." + first + ".10.2", State: v1.RunFailed, Hostname: "node2", LaunchTime: start, StartTime: &start, FinishTime: &end, ExitCode: &code, AgentURL: "http://node2:5051/slave(1)", Sandbox: "/var/lib/mesos/x"},
		}}
	})
	h.setRun(second, func(s *v1.RunStatus) {
		*s = v1.RunStatus{Phase: v1.RunPending, Reason: "WaitingForOffers", Message: "no offer has 4 cpus (largest: 2)"}
	})
	next, last := v1.NewTime(now.Add(10*time.Hour+30*time.Minute)), v1.NewTime(now.Add(-time.Hour))
	h.setJob("hello", func(s *v1.JobStatus) {
		*s = v1.JobStatus{
			ObservedGeneration: 1, NextScheduleTime: &next, LastScheduleTime: &last, LastFailureTime: &end, Occurrences: 5, Missed: 2, Skipped: 1, Failed: 1, ConsecutiveFailures: 1,
			ActiveCount: 1, Active: []string{second},
			NotRun: []v1.NotRun{{ScheduledTime: v1.NewTime(now.Add(-50 * time.Hour)), Through: v1.NewTimePtr(now.Add(-26 * time.Hour)), Count: 2, Outcome: v1.RunMissed, Reason: "MissedRunsNone", Message: "the manager was down"}},
		}
		s.Conditions = append(s.Conditions, conditionsOf(now)...)
	})
}

func TestGoldenOutputs(t *testing.T) {
	h := build(t)
	h.populate()
	for _, tt := range []struct{ name, line string }{
		{"get-jobs", "get jobs"},
		{"get-jobs-wide-all", "get jobs -A -o wide --show-labels"},
		{"get-jobs-yaml", "get job report -o yaml"},
		{"get-names", "get jobs,runs -o name"},
		{"get-runs", "get runs"},
		{"get-all", "get all"},
		{"get-runs-sorted", "get runs --sort-by .status.phase --no-headers"},
		{"describe-job", "describe job hello"},
		{"describe-job-report", "describe job/report"},
		{"describe-runs", "describe runs"},
	} {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, h.ok(tt.line)) })
	}
}

func TestGet(t *testing.T) {
	h := build(t)
	h.populate()
	for _, tt := range []struct {
		name, line string
		more       []string
		code       int
		out, err   string
	}{
		{name: "by label", line: "get jobs -l team=data -o name", out: "job.horae/hello\n"},
		{name: "by label, the Runs", line: "get runs -l horae/job=hello --field-selector status.phase=Failed -o name", out: "run.horae/hello-20261121t133000z\n"},
		{name: "by name", line: "get job hello report --no-headers -o name", out: "job.horae/hello\njob.horae/report\n"},
		{name: "type and name", line: "get job/hello run/hello-20261121t133000z -o name", out: "job.horae/hello\nrun.horae/hello-20261121t133000z\n"},
		{name: "a JSON path", line: "get job hello -o", more: []string{"jsonpath={.spec.timeZone}"}, out: "Europe/Berlin"},
		{name: "a template", line: "get jobs -o", more: []string{"go-template={{range .items}}{{.metadata.name}} {{end}}"}, out: "hello report "},
		{name: "nothing there", line: "get jobs -n empty", err: "No resources found in empty namespace.\n"},
		{name: "one that there is not", line: "get job none", code: 1, err: "Error from server (NotFound): jobs.horae \"none\" not found\n"},
		{name: "one of several that there is not", line: "get jobs none hello -o name", code: 1, out: "job.horae/hello\n", err: "Error from server (NotFound): jobs.horae \"none\" not found\n"},
		{name: "one that there is not and that is no matter", line: "get job none --ignore-not-found"},
		{name: "no type", line: "get", code: 2, err: "error: what must be given: jobs, runs, calendars, backfills, job/NAME, run/NAME\n"},
		{name: "a type that there is not", line: "get pods", code: 2, err: "error: there is no resource type \"pods\": there are jobs, runs, calendars and backfills\n"},
		{name: "both ways to name", line: "get job hello run/x", code: 2, err: "error: \"run/x\": TYPE NAME and TYPE/NAME do not go together\n"},
		{name: "a name in all namespaces", line: "get job hello -A", code: 2, err: "error: a name is of one namespace: give -n instead of -A\n"},
		{name: "an unknown form", line: "get jobs -o xml", code: 2, err: "error: -o xml: there are " + outputForms + "\n"},
		{name: "a template that is none", line: "get jobs -o jsonpath={.a[}", code: 2},
		{name: "a selector that is none", line: "get jobs -l ==", code: 1},
		{name: "a field that cannot be selected", line: "get jobs --field-selector spec.owner=x", code: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := h.run(tt.line, tt.more...)
			if r.code != tt.code || tt.out != "" && r.out != tt.out || tt.err != "" && r.err != tt.err {
				t.Errorf("got %+v", r)
			}
			if tt.code != 0 && r.err == "" {
				t.Error("it failed in silence")
			}
		})
	}
}

// watched runs a command line whose output is read while it runs.
func (h *house) watched(line string) (lines *bufio.Scanner, stop func() int) {
	ctx, cancel := context.WithCancel(h.t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, strings.Fields(line), h.io(strings.NewReader(""), w, io.Discard))
		_ = w.Close()
	}()
	stop = sync.OnceValue(func() int {
		cancel()
		_ = r.Close()
		return <-code
	})
	return bufio.NewScanner(r), stop
}

func TestGetWatch(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       []string
	}{
		{name: "as a table", line: "get jobs -w", want: []string{"NAME ", "hello ", "report ", "hello "}},
		{name: "as names", line: "get jobs -w -o name", want: []string{"job.horae/hello", "job.horae/report", "job.horae/hello"}},
		{name: "one object", line: "get job hello -w -o name", want: []string{"job.horae/hello", "job.horae/hello"}},
		{name: "changes only", line: "get job/report --watch-only -o name", want: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := build(t)
			h.populate()
			lines, stop := h.watched(tt.line)
			defer stop()
			for i, want := range tt.want {
				if i == len(tt.want)-1 {
					h.ok("suspend hello")
				}
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
					t.Fatalf("line %d: got %q, want %q", i, lines.Text(), want)
				}
			}
			if code := stop(); code != ExitInterrupted {
				t.Errorf("exit %d after an interrupt", code)
			}
		})
	}
}

func TestGetWatchOfWhatCannotBeWatched(t *testing.T) {
	h := build(t)
	if r := h.run("get jobs,runs -w"); r.code != ExitUsage {
		t.Errorf("two types: %+v", r)
	}
	if r := h.run("get job none -w"); r.code != ExitFailed || !strings.Contains(r.err, "NotFound") {
		t.Errorf("one that there is not: %+v", r)
	}
}
