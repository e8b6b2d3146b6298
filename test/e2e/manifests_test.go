package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	v1 "horae/api/v1"
)

const manifests = "../../manifests"

// sample is what a sample Job's Run does when it is triggered.
type sample struct {
	job    string
	args   []string // of the trigger
	phase  v1.RunPhase
	stdout string // what the Run's standard output contains
	stderr string
	why    string // the Run's status message contains it
	check  func(t *testing.T, run v1.Run)
	also   func(t *testing.T, m *process) // what else has come of the file
}

// TestManifests applies every sample and runs it; a file without a row here fails the test.
func TestManifests(t *testing.T) {
	t.Parallel()
	samples := map[string]sample{
		"hello.yaml":             {job: "hello", phase: v1.RunSucceeded, stdout: "hello from hello-"},
		"shell-script.yaml":      {job: "shell-script", phase: v1.RunSucceeded, stdout: "words: 5"},
		"argv.yaml":              {job: "argv", phase: v1.RunSucceeded, stdout: "two words|$HOME stays as it is"},
		"environment.yaml":       {job: "environment", phase: v1.RunSucceeded, stdout: "good day from environment in default; attempt 1 of environment-"},
		"several-schedules.yaml": {job: "several-schedules", phase: v1.RunSucceeded, stdout: "on time"},
		"holidays.yaml":          {job: "workdays", phase: v1.RunSucceeded, stdout: "somebody is there", also: checkHolidays},
		"backfill.yaml":          {job: "daily-figures", phase: v1.RunSucceeded, stdout: "figures of today", also: checkBackfill},
		"pipeline.yaml":          {job: "extract", phase: v1.RunSucceeded, stdout: "the rows of", also: checkPipeline},
		"placement.yaml":         {job: "placement", phase: v1.RunSucceeded, stdout: ", with port 31"},
		"manual.yaml":            {job: "report", args: []string{"--args", "2026-11-22"}, phase: v1.RunSucceeded, stdout: "report for 2026-11-22"},
		"failing.yaml": {job: "failing", phase: v1.RunFailed, stderr: "attempt 3 goes wrong", check: func(t *testing.T, run v1.Run) {
			if n := len(run.Status.Attempts); n != 3 {
				t.Errorf("%d attempts, want 3: one and two retries", n)
			}
			for i, a := range run.Status.Attempts {
				if a.ExitCode == nil || *a.ExitCode != 3 {
					t.Errorf("attempt %d: exit code %v, want 3", i+1, a.ExitCode)
				}
			}
		}},
	}

	maps.Copy(samples, taskSamples)
	repo := repository(t)

	files, err := filepath.Glob(manifests + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests found: %v", err)
	}
	m := devWith(t, []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}) // TestDocker runs the sample where there is a daemon
	for _, file := range files {
		name := filepath.Base(file)
		want, ok := samples[name]
		if !ok {
			t.Errorf("%s has no row in this test: say what its Run prints", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := &process{t: t, cmd: m.cmd, done: m.done, log: m.log, ready: m.ready}
			file := repo.rewrite(t, file)
			if out := m.must("apply", "-f", file); !strings.Contains(out, "job.horae/"+want.job+" created") {
				t.Errorf("apply printed %q", out)
			}
			if out := m.must("apply", "-f", file); !strings.Contains(out, "job.horae/"+want.job+" unchanged") {
				t.Errorf("applied again: %q, want unchanged", out)
			}
			r := m.horae(append([]string{"trigger", want.job, "--wait"}, want.args...)...)
			if wantCode := map[bool]int{true: 0, false: 1}[want.phase == v1.RunSucceeded]; r.code != wantCode {
				t.Errorf("trigger --wait: exit code %d, want %d\n%s%s", r.code, wantCode, r.out, r.err)
			}
			run := lastManualRun(t, m, want.job)
			if run.Status.Phase != want.phase {
				t.Errorf("phase %s, want %s (%s %s)", run.Status.Phase, want.phase, run.Status.Reason, run.Status.Message)
			}
			if !strings.Contains(run.Status.Message, want.why) {
				t.Errorf("message %q does not contain %q", run.Status.Message, want.why)
			}
			if want.stdout != "" {
				if out := m.must("logs", run.Name); !strings.Contains(out, want.stdout) {
					t.Errorf("standard output %q does not contain %q", out, want.stdout)
				}
			}
			if want.stderr != "" {
				if out := m.must("logs", run.Name, "--stderr"); !strings.Contains(out, want.stderr) {
					t.Errorf("standard error %q does not contain %q", out, want.stderr)
				}
			}
			if want.check != nil {
				want.check(t, run)
			}
			if want.also != nil {
				want.also(t, m)
			}
		})
	}
	for name := range samples {
		if _, err := os.Stat(filepath.Join(manifests, name)); err != nil {
			t.Errorf("row %s has no file: %v", name, err)
		}
	}
}

// checkHolidays sees that the Job has found its Calendars, and that their statuses say which days they have.
func checkHolidays(t *testing.T, m *process) {
	t.Helper()
	var job v1.Job
	decode(t, m.must("get", "job", "workdays", "-o", "json"), &job)
	if !meta.IsStatusConditionTrue(job.Status.Conditions, v1.JobCalendarsFound) {
		t.Errorf("conditions %+v, want CalendarsFound", job.Status.Conditions)
	}
	if next := job.Status.NextScheduleTime; next == nil || next.Weekday() == time.Saturday || next.Weekday() == time.Sunday {
		t.Errorf("the next one is at %v, want a working day", next)
	}
	eventually(t, "the Calendar says which days it has", func() string {
		var weekend v1.Calendar
		decode(t, m.must("get", "calendar", "weekend", "-o", "json"), &weekend)
		if s := weekend.Status; !meta.IsStatusConditionTrue(s.Conditions, v1.CalendarAccepted) || s.Days < 104 || s.Days > 106 {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})
}

// checkBackfill sees that the Backfill has run what it says.
func checkBackfill(t *testing.T, m *process) {
	t.Helper()
	eventually(t, "the Backfill finishes", func() string {
		var b v1.Backfill
		decode(t, m.must("get", "backfill", "february-2024", "-o", "json"), &b)
		if s := b.Status; !meta.IsStatusConditionTrue(s.Conditions, v1.BackfillFinished) || s.Total != 5 || s.Succeeded != 5 {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})
	if out := m.must("logs", "daily-figures-20240229t033000z"); out != "figures of 2024-02-29T03:30:00Z\n" {
		t.Errorf("a Run printed %q", out)
	}
}

// lastManualRun is the one Run that a trigger made.
func lastManualRun(t *testing.T, m *process, job string) v1.Run {
	t.Helper()
	for _, r := range runs(t, m, job) {
		if r.Spec.Reason == v1.ReasonManual {
			return r
		}
	}
	t.Fatalf("Job %s has no manual Run", job)
	return v1.Run{}
}

// runs lists the Runs of a Job as the API gives them.
func runs(t *testing.T, m *process, job string) []v1.Run {
	t.Helper()
	var list v1.RunList
	decode(t, m.must("get", "runs", "-l", v1.LabelJob+"="+job, "-o", "json"), &list)
	return list.Items
}

func decode(t *testing.T, out string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("read what horae printed: %v\n%s", err, out)
	}
}
