package cli

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

func conditionsOf(now time.Time) []metav1.Condition {
	return []metav1.Condition{
		{Type: v1.JobAccepted, Status: metav1.ConditionTrue, Reason: "Valid", Message: "the spec is valid", LastTransitionTime: metav1.NewTime(now.Add(-48 * time.Hour))},
		{Type: v1.JobHealthy, Status: metav1.ConditionFalse, Reason: "RunFailed", Message: "the last Run failed", LastTransitionTime: metav1.NewTime(now.Add(-25 * time.Hour))},
	}
}

func TestDelete(t *testing.T) {
	h := build(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.apply(strings.Replace(hello, "name: hello", "name: "+name, 1))
	}
	h.ok("trigger d")
	for _, tt := range []struct {
		name, line string
		code       int
		out, err   string
	}{
		{name: "by name", line: "delete job a", out: "job.horae \"a\" deleted\n"},
		{name: "again", line: "delete job a", code: 1, err: "Error from server (NotFound): jobs.horae \"a\" not found\n"},
		{name: "again, and that is no matter", line: "delete job a --ignore-not-found"},
		{name: "one of two that there is not", line: "delete job a b", code: 1, out: "job.horae \"b\" deleted\n", err: "Error from server (NotFound): jobs.horae \"a\" not found\n"},
		{name: "by file", line: "delete -f " + h.file("c.yaml", strings.Replace(hello, "name: hello", "name: c", 1)), out: "job.horae \"c\" deleted\n"},
		{name: "by label", line: "delete runs -l horae/job=d -o name", out: "run.horae/d-maaaaaaab\n"},
		{name: "nothing said", line: "delete jobs", code: 2, err: "error: which jobs must be given: names, -l LABELS or --all\n"},
		{name: "names and a selector", line: "delete job d -l a=b", code: 2, err: "error: names do not go together with selectors or --all\n"},
		{name: "all", line: "delete jobs --all", out: "job.horae \"d\" deleted\n"},
	} {
		r := h.run(tt.line)
		if r.code != tt.code || r.out != tt.out || r.err != tt.err {
			t.Errorf("%s: got %+v", tt.name, r)
		}
	}
}

func TestSuspendResumeCancel(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.ok("trigger hello")
	const run = "hello-maaaaaaab"
	for _, tt := range []struct {
		line, out string
		code      int
	}{
		{line: "suspend hello", out: "job.horae/hello suspended\n"},
		{line: "suspend job/hello", out: "job.horae/hello is suspended already\n"},
		{line: "resume hello --dry-run=server", out: "job.horae/hello resumed (server dry run)\n"},
		{line: "resume hello", out: "job.horae/hello resumed\n"},
		{line: "resume hello", out: "job.horae/hello is not suspended\n"},
		{line: "cancel " + run, out: "run.horae/" + run + " cancelled\n"},
		{line: "cancel " + run, out: "run.horae/" + run + " is cancelled already\n"},
		{line: "cancel job/hello", code: ExitUsage},
		{line: "suspend none", code: ExitFailed},
		{line: "suspend", code: ExitUsage},
	} {
		if r := h.run(tt.line); r.code != tt.code || r.out != tt.out {
			t.Errorf("horae %s: %+v", tt.line, r)
		}
	}
	h.setRun(run, func(s *v1.RunStatus) { s.Phase = v1.RunKilled })
	if r := h.run("cancel " + run); r.code != 1 || !strings.Contains(r.err, "has ended already: Killed") {
		t.Errorf("a Run that has ended: %+v", r)
	}
}

func TestResumeAJobThatItsFailuresStopped(t *testing.T) {
	h := build(t)
	h.apply(hello)
	if r := h.run("resume hello"); r.out != "job.horae/hello is not suspended\n" {
		t.Errorf("before: %+v", r)
	}
	h.setJob("hello", func(s *v1.JobStatus) {
		s.Conditions = []metav1.Condition{{
			Type: v1.JobScheduled, Status: metav1.ConditionFalse, Reason: v1.ReasonTooManyFailures, Message: "3 Runs failed in a row",
		}}
	})
	if got := h.ok("get jobs"); !regexp.MustCompile(`hello .* True .* TooManyFailures `).MatchString(got) {
		t.Errorf("the table:\n%s", got)
	}
	if got := h.ok("describe job hello"); !strings.Contains(got, "yes: 3 Runs failed in a row\n") {
		t.Errorf("the description:\n%s", got)
	}
	before := h.cache.Job("default", "hello")
	if r := h.run("resume hello"); r.code != 0 || r.out != "job.horae/hello resumed\n" {
		t.Errorf("resume: %+v", r)
	}
	after := h.cache.Job("default", "hello")
	if after.Rev.SpecMod == before.Rev.SpecMod || after.Object.Annotations[v1.AnnotationResumedAt] == "" {
		t.Errorf("the spec was not written: %+v, annotations %v", after.Rev, after.Object.Annotations)
	}
}

// whenRun waits until the first Run is there, in the background, and gives it one status after the other.
func (h *house) whenRun(name string, changes ...func(*v1.RunStatus)) (done chan struct{}) {
	done = make(chan struct{})
	w, err := h.cache.Watch(h.t.Context(), "runs", "default", h.cache.Revision())
	if err != nil {
		h.t.Fatal(err)
	}
	go func() {
		defer close(done)
		for {
			e, err := w.Next(h.t.Context())
			if err != nil || e.Key.Name == name {
				break
			}
		}
		for _, c := range changes {
			h.setRun(name, c)
		}
	}()
	return done
}

func attempt(n string, state v1.RunPhase, code int32) v1.Attempt {
	a := v1.Attempt{TaskID: "task" + n, AgentURL: "http://agent", State: state, LaunchTime: v1.NewTime(now), StartTime: v1.NewTimePtr(now)}
	if state.Terminal() {
		a.ExitCode = &code
	}
	return a
}

func phaseWith(phase v1.RunPhase, attempts ...v1.Attempt) func(*v1.RunStatus) {
	return func(s *v1.RunStatus) {
		s.Phase, s.Attempts = phase, attempts
		if phase.Terminal() {
			s.StartTime, s.FinishTime = v1.NewTimePtr(now), v1.NewTimePtr(now.Add(1500*time.Millisecond))
		}
		if phase == v1.RunFailed {
			s.Message = "attempt 1 of 1 failed"
		}
	}
}

func TestTrigger(t *testing.T) {
	const name = "hello-maaaaaaab"
	running, done, failed := attempt("1", v1.RunRunning, 0), attempt("1", v1.RunSucceeded, 0), attempt("1", v1.RunFailed, 3)
	for _, tt := range []struct {
		name, line string
		changes    []func(*v1.RunStatus)
		code       int
		out, err   string
	}{
		{name: "and goes on", line: "trigger hello", out: "run.horae/" + name + " created\n"},
		{name: "by type and name", line: "trigger job/hello -o name", out: "run.horae/" + name + "\n"},
		{
			name: "and waits for success", line: "trigger hello --wait",
			changes: []func(*v1.RunStatus){phaseWith(v1.RunRunning, running), phaseWith(v1.RunSucceeded, done)},
			out:     "run.horae/" + name + " created\nrun.horae/" + name + " Succeeded after 1.5s\n",
		},
		{
			name: "and waits for a failure", line: "trigger hello --wait", code: 1,
			changes: []func(*v1.RunStatus){phaseWith(v1.RunRunning, running), phaseWith(v1.RunFailed, failed)},
			out:     "run.horae/" + name + " created\n", err: "run.horae/" + name + " Failed (exit code 3) after 1.5s: attempt 1 of 1 failed\n",
		},
		{
			name: "and follows the output", line: "trigger hello --follow",
			changes: []func(*v1.RunStatus){phaseWith(v1.RunRunning, running), phaseWith(v1.RunSucceeded, done)},
			out:     "run.horae/" + name + " created\nstdout of task1\nrun.horae/" + name + " Succeeded after 1.5s\n",
		},
		{
			name: "and follows the output of each attempt", line: "trigger hello --follow",
			changes: []func(*v1.RunStatus){
				phaseWith(v1.RunRunning, running), phaseWith(v1.RunPending, failed),
				phaseWith(v1.RunRunning, failed, attempt("2", v1.RunRunning, 0)), phaseWith(v1.RunSucceeded, failed, attempt("2", v1.RunSucceeded, 0)),
			},
			out: "run.horae/" + name + " created\nstdout of task1\nstdout of task2\nrun.horae/" + name + " Succeeded after 1.5s\n", err: "--- attempt 2 ---\n",
		},
		{name: "a Job that there is not", line: "trigger none", code: 1, err: "Error from server (NotFound): jobs.horae \"none\" not found\n"},
		{name: "a Run", line: "trigger run/x", code: 2, err: "error: \"run/x\": must be a Job, as in hello or job/hello\n"},
		{name: "a variable that is none", line: "trigger hello --env A", code: 2, err: "error: --env \"A\": must be NAME=VALUE\n"},
		{name: "no Job", line: "trigger", code: 2, err: "error: a Job must be given: see horae trigger --help\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := build(t)
			h.apply(hello)
			if tt.changes != nil {
				done := h.whenRun(name, tt.changes...)
				defer func() { <-done }()
			}
			if r := h.run(tt.line); r.code != tt.code || r.out != tt.out || r.err != tt.err {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestTriggerPassesArgsAndEnvAsTheyAre(t *testing.T) {
	h := build(t)
	h.apply(strings.Replace(hello, "shell: echo hello", "command: [echo]", 1))
	h.ok("trigger hello", "--args", "a,b", "--args", "SELECT 1\nFROM t", "--args", "", "--args=\"x\" ", "--args", "--day",
		"--env", "X=1=2,Z=3", "--env", "Y=", "--env", "Q=a\nb")
	r := h.cache.Run("default", "hello-maaaaaaab").Object
	if diff := cmp.Diff([]string{"a,b", "SELECT 1\nFROM t", "", "\"x\" ", "--day"}, r.Spec.Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	env := []v1.EnvVar{{Name: "X", Value: "1=2,Z=3"}, {Name: "Y"}, {Name: "Q", Value: "a\nb"}}
	if got := h.triggers[len(h.triggers)-1]; got.Force {
		t.Error("it was forced")
	}
	h.ok("trigger hello --force")
	if got := h.triggers[len(h.triggers)-1]; !got.Force {
		t.Error("--force was not passed on")
	}
	if diff := cmp.Diff(env, r.Spec.Env); diff != "" {
		t.Errorf("env (-want +got):\n%s", diff)
	}
}

// TestNoFlagSplitsItsValue: pflag's slices read their values as CSV, which cuts at commas and line ends and drops empty values.
func TestNoFlagSplitsItsValue(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); strings.HasSuffix(kind, "Slice") || strings.HasPrefix(kind, "stringTo") {
				t.Errorf("%s --%s is a %s: use StringArray, which takes each value as it is", cmd.CommandPath(), f.Name, kind)
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit((&cli{}).root())
}

func TestLogs(t *testing.T) {
	h := build(t)
	h.apply(hello)
	older := h.created("hello", now.Add(-2*time.Hour))
	newer := h.created("hello", now.Add(-time.Hour))
	for _, name := range []string{older, newer} {
		h.setRun(name, phaseWith(v1.RunFailed, attempt("1-"+name, v1.RunFailed, 1), attempt("2-"+name, v1.RunFailed, 1)))
	}
	h.apply(strings.Replace(hello, "name: hello", "name: idle", 1))
	for _, tt := range []struct {
		name, line string
		code       int
		out, err   string
	}{
		{name: "of a Run: the last attempt's", line: "logs " + older, out: "stdout of task2-" + older + "\n"},
		{name: "of an earlier attempt, stderr", line: "logs run/" + older + " --attempt 1 --stderr", out: "stderr of task1-" + older + "\n"},
		{name: "of a Job: of its last Run", line: "logs hello", out: "stdout of task2-" + newer + "\n"},
		{name: "of a Job by type", line: "logs job/hello -f", out: "stdout of task2-" + newer + "\n"},
		{name: "of a Job without Runs", line: "logs idle", code: 1, err: "error: job idle has no Runs\n"},
		{name: "of neither", line: "logs none", code: 1, err: "error: there is neither a Run nor a Job \"none\" in namespace default\n"},
		{name: "of an attempt that there is not", line: "logs " + older + " --attempt 3", code: 1, err: "Error from server (NotFound): run " + older + " ended Failed after 2 attempts: there is no attempt 3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := h.run(tt.line); r.code != tt.code || r.out != tt.out || r.err != tt.err {
				t.Errorf("got %+v", r)
			}
		})
	}
	h.logs.log = func(w io.Writer, _ v1.Attempt, _ string) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("the agent is gone")
	}
	if r := h.run("logs hello"); r.code != 1 || r.out != "half" || r.err != "error: the agent is gone\n" {
		t.Errorf("a log that breaks off: %+v", r)
	}
}

func TestSchedule(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.apply(strings.Replace(hello, "name: hello", "name: manual", 1) + "\n")
	h.env["HORAE_SERVER"] = "http://127.0.0.1:1" // an expression needs no server
	const after = " --after 2026-10-24T12:00:00Z"
	for _, tt := range []struct {
		name, expr, flags string
	}{
		{"schedule-cron", "0 2 * * MON-FRI", "--time-zone Europe/Berlin --count 3" + after},
		{"schedule-union", "0 2 * * *\n0 */12 * * *", "--count 4" + after},
		{"schedule-json", "R/2026-10-31T00:00:00Z/P1M", "--count 3 -o json" + after},
		{"schedule-exhausted", "R2/2026-10-25T00:00:00Z/PT1H", after},
		{"schedule-over", "R2/2020-10-25T00:00:00Z/PT1H", after},
	} {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, h.ok("schedule "+tt.flags, tt.expr)) })
	}
	for _, tt := range []struct {
		line string
		arg  string
		code int
		says string
	}{
		{line: "schedule", arg: "0 25 * * *", code: 1, says: "must be 0-23"},
		{line: "schedule --time-zone Mars/Phobos", arg: "0 2 * * *", code: 2, says: "Mars/Phobos"},
		{line: "schedule --count 0", arg: "0 2 * * *", code: 2, says: "--count"},
		{line: "schedule --after today", arg: "0 2 * * *", code: 2, says: "--after"},
		{line: "schedule -o yaml", arg: "0 2 * * *", code: 2, says: "json"},
		{line: "schedule", arg: "hello", code: 1, says: "refused"},
	} {
		if r := h.run(tt.line, tt.arg); r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("horae %s %q: %+v", tt.line, tt.arg, r)
		}
	}
	if got := h.ok("schedule -o json", "R2//PT1H"); !strings.Contains(got, "2026-11-22T14:30:00Z") || !strings.Contains(got, "2026-11-22T15:30:00Z") {
		t.Errorf("an interval that begins now: %s", got)
	}
	h.env["HORAE_SERVER"] = h.url
	golden(t, "schedule-job", h.ok("schedule hello --count 2"+after))
	h.ok("suspend hello")
	if got := h.ok("schedule job/hello"); !strings.Contains(got, "suspended") {
		t.Errorf("a suspended Job: %s", got)
	}
}

func TestVersion(t *testing.T) {
	h := build(t)
	if got := h.ok("version"); !strings.Contains(got, "Client: ") || !strings.Contains(got, "Server: v1.2.3") {
		t.Errorf("got %s", got)
	}
	if got := h.ok("version --client -o json"); !strings.Contains(got, `"goVersion"`) || strings.Contains(got, "server") {
		t.Errorf("got %s", got)
	}
	h.env["HORAE_SERVER"] = "127.0.0.1:1"
	if r := h.run("version"); r.code != 1 || !strings.Contains(r.out, "Client: ") || !strings.Contains(r.err, "http://127.0.0.1:1 was refused") {
		t.Errorf("without a server: %+v", r)
	}
}

func TestUsage(t *testing.T) {
	h := build(t)
	for _, line := range []string{"frobnicate", "get --frob", "apply", "apply x", "apply --dry-run=perhaps -f x", "logs", "logs a b", "--server ftp://x get jobs", "version x"} {
		if r := h.run(line); r.code != ExitUsage || !strings.HasPrefix(r.err, "error: ") || r.out != "" {
			t.Errorf("horae %s: %+v", line, r)
		}
	}
	for _, line := range []string{"", "help", "apply --help", "completion bash", "get -h"} {
		if r := h.run(line); r.code != ExitDone || r.out == "" {
			t.Errorf("horae %s: exit %d, %d bytes, %s", line, r.code, len(r.out), r.err)
		}
	}
	h.file(".config/horae/config.yaml", "sever: x\n")
	delete(h.env, "HORAE_SERVER")
	if r := h.run("get jobs"); r.code != ExitFailed || !strings.Contains(r.err, "sever") {
		t.Errorf("a configuration with a mistake: %+v", r)
	}
}

func TestCompletion(t *testing.T) {
	h := build(t)
	h.apply(hello)
	for line, want := range map[string]string{
		"__complete trigger h": "hello\n", "__complete get job": "jobs\n", "__complete get job h": "hello\n", "__complete get job/": "job/hello\n",
	} {
		args := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			args = append(args, "")
		}
		if r := h.runWith(t.Context(), "", args...); !strings.HasPrefix(r.out, want) {
			t.Errorf("%s: %+v", line, r)
		}
	}
}
