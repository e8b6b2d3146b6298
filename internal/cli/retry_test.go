package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
)

func TestRetrySucceedAndCancelAll(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.apply(strings.Replace(hello, "name: hello", "name: other", 1))
	at := now.Truncate(time.Hour).Add(-12 * time.Hour)
	done := h.created("hello", at)
	h.setRun(done, func(s *v1.RunStatus) { s.Phase = v1.RunFailed })
	h.ok("trigger other")
	for _, tt := range []struct {
		line     string
		more     []string
		code     int
		out, err string
	}{
		{line: "retry", code: 2, err: "error: a Run must be given: see horae retry --help\n"},
		{line: "retry " + done + " --dry-run=server", out: "run.horae/hello-maaaaaaac created (server dry run)\n"},
		{line: "retry run/" + done + " --note", more: []string{"disk replaced"}, out: "run.horae/hello-maaaaaaad created\n"},
		{line: "retry hello-maaaaaaad", code: 1, err: "Error from server (Conflict): Operation cannot be fulfilled on runs.horae \"hello-maaaaaaad\": the Run is still active (Pending): wait for its end, or cancel it first (horae cancel hello-maaaaaaad)\n"},
		{line: "succeed hello --at yesterday", code: 2, err: "error: --at \"yesterday\": must be a time such as 2026-11-22T02:00:00Z\n"},
		{line: "succeed job/hello --no-dependents -o name", out: "run.horae/hello-maaaaaaae\n"},
		{line: "cancel", code: 2, err: "error: a Run must be given, or --job, -l or --all: see horae cancel --help\n"},
		{line: "cancel x --all", code: 2, err: "error: give names, or --job, -l or --all, not both\n"},
		{line: "cancel --job hello --all", code: 2, err: "error: give --job or --all, not both\n"},
		{line: "cancel --job none", code: 1, err: "Error from server (NotFound): jobs.horae \"none\" not found\n"},
		{line: "cancel --job hello --dry-run=server", out: "run.horae/hello-maaaaaaad cancelled (server dry run)\nrun.horae/hello-maaaaaaae cancelled (server dry run)\n"},
		{line: "cancel --job job/hello", out: "run.horae/hello-maaaaaaad cancelled\nrun.horae/hello-maaaaaaae cancelled\n"},
		{line: "cancel --all", out: "run.horae/hello-maaaaaaad is cancelled already\nrun.horae/hello-maaaaaaae is cancelled already\nrun.horae/other-maaaaaaab cancelled\n"},
		{line: "cancel -l horae/job=none", err: "No Run is active\n"},
	} {
		r := h.run(tt.line, tt.more...)
		if diff := cmp.Diff([]any{tt.code, tt.out, tt.err}, []any{r.code, r.out, r.err}); diff != "" {
			t.Errorf("horae %s (-want +got)\n%s", tt.line, diff)
		}
	}
	text := h.ok("describe run hello-maaaaaaad")
	for _, want := range []string{"Retry Of", done, "Note", "disk replaced", "Cancel"} {
		if !strings.Contains(text, want) {
			t.Errorf("describe does not show %q:\n%s", want, text)
		}
	}
}

func TestDescribeRunThatAwaitsItsCallback(t *testing.T) {
	h := build(t)
	h.apply(hello)
	run := h.created("hello", now.Add(-time.Hour))
	when := func(d time.Duration) *v1.Time { return v1.NewTimePtr(now.Add(d)) }
	h.setRun(run, func(s *v1.RunStatus) {
		n := int64(42)
		s.Phase, s.Reason, s.Progress = v1.RunRunning, "AwaitingCallback", &n
		s.Attempts = []v1.Attempt{{
			TaskID: "t1", State: v1.RunRunning, LaunchTime: *when(-time.Hour), StartTime: when(-time.Hour), TaskFinishTime: when(-time.Minute),
			Callback: &v1.CallbackOutcome{Phase: v1.RunFailed, Message: "no rows", Time: *when(-time.Second)},
		}}
	})
	text := h.ok("describe run " + run)
	for _, want := range []string{"Progress", "42", "Task Ended 1", "Callback 1", ": no rows"} {
		if !strings.Contains(text, want) {
			t.Errorf("describe does not show %q:\n%s", want, text)
		}
	}
	if text := h.ok("get runs -o wide"); !strings.Contains(text, "PROGRESS") || !strings.Contains(text, " 42 ") {
		t.Errorf("get does not show the progress:\n%s", text)
	}
}
