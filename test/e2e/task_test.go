package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "horae/api/v1"
)

// taskSamples are the samples that show what a task can be. Those that an agent without Docker and without a secret resolver cannot
// run are refused as by such an agent.
var taskSamples = map[string]sample{
	"kafka.yaml": {job: "kafka", phase: v1.RunSucceeded, stdout: "topics of kafka.example.com:9092 as admin: --list"},
	"docker.yaml": {job: "docker", phase: v1.RunFailed,
		why: "the executor ended without saying how the task did: Abnormal executor termination: unknown container"},
	"async.yaml": {job: "async", phase: v1.RunSucceeded, stdout: "query 1 is queued", check: func(t *testing.T, run v1.Run) {
		a := run.Status.Attempts[0]
		if p := run.Status.Progress; a.Callback == nil || a.Callback.Message != "40 rows" || p == nil || *p != 40 {
			t.Errorf("the callback was not taken over: %+v", run.Status)
		}
	}},
	"executor.yaml":     {job: "executor", phase: v1.RunSucceeded, stdout: "says: good day\n"},
	"health-check.yaml": {job: "health-check", phase: v1.RunSucceeded, stdout: "all done"},
	"secret.yaml": {job: "secret", phase: v1.RunFailed,
		why: "the agent could not start the task: Failed to launch container: Collect failed: Default secret resolver cannot resolve references"},
}

// repo stands for repo.example.com, from which the samples fetch.
type repo struct{ url string }

// repository serves what the samples fetch: a distribution with a script in it, its configuration, and the example's executor.
func repository(t *testing.T) repo {
	t.Helper()
	executor := filepath.Join(t.TempDir(), "executor")
	build := exec.Command("go", "build", "-o", executor, "horae/docs/examples/executor")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example's executor: %v\n%s", err, out)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/kafka.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(distribution(t)) })
	mux.HandleFunc("/client.properties", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "user=admin") })
	var queries sync.WaitGroup
	t.Cleanup(queries.Wait)
	mux.HandleFunc("/queries", func(w http.ResponseWriter, r *http.Request) {
		url, token := r.FormValue("url"), r.FormValue("token")
		queries.Go(func() {
			for _, body := range []string{`{"progress": 40}`, `{"phase": "Succeeded", "message": "40 rows"}`} {
				if code, text := callBack(t, url, token, body); code != http.StatusOK {
					t.Errorf("the callback was answered with %d %s", code, text)
				}
			}
		})
		_, _ = fmt.Fprintln(w, "query 1 is queued")
	})
	mux.HandleFunc("/executor", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, executor) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return repo{server.URL}
}

// callBack reports something of an attempt, as what a task has started does.
func callBack(t *testing.T, url, token, body string) (code int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(data)
}

// distribution is a tarball as Kafka's: a directory with a script in bin/, which finds its configuration beside itself.
func distribution(t *testing.T) []byte {
	script := `#!/bin/sh
. "$(dirname "$0")/../config/client.properties"
echo "topics of $BOOTSTRAP_SERVER as $user: $*"
`
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "kafka/bin/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "kafka/config/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "kafka/bin/kafka-topics.sh", Mode: 0o755, Size: int64(len(script))},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.Write([]byte(script)); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := z.Close(); err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

// rewrite is a copy of a sample that fetches from here.
func (r repo) rewrite(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(copied, bytes.ReplaceAll(text, []byte("https://repo.example.com"), []byte(r.url)), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// job applies a Job that is only triggered and has no retries; the lines are its spec, indented.
func (p *process) job(name, spec string) {
	p.t.Helper()
	text := "apiVersion: horae/v1\nkind: Job\nmetadata: {name: " + name + "}\nspec:\n  retries: {limit: 0}\n" + spec
	if r := p.horaeStdin(text, "apply", "-f", "-"); r.code != 0 {
		p.t.Fatalf("apply %s: %s%s", name, r.out, r.err)
	}
}

// triggered triggers a Job and returns its Run at its end.
func (p *process) triggered(t *testing.T, job string, args ...string) v1.Run {
	t.Helper()
	p.horae(append([]string{"trigger", job, "--wait"}, args...)...)
	return lastManualRun(t, p, job)
}

// running triggers a Job and waits until its Run prints a line "up".
func (p *process) running(t *testing.T, job string) string {
	t.Helper()
	p.must("trigger", job)
	name := lastManualRun(t, p, job).Name
	eventually(t, job+" is up", func() string {
		if r := p.horae("logs", name); r.code != 0 || !strings.Contains(r.out, "up\n") {
			return r.out + r.err
		}
		return ""
	})
	return name
}

// taskCase is a Job that is triggered once, and what comes of it.
type taskCase struct {
	name, spec string   // the lines of the Job's spec, indented
	args       []string // of the trigger

	phase           v1.RunPhase // at the end, default Succeeded; Pending: it waits, says why, and is cancelled
	reason, message string      // message: a part of it
	exitCode        int32       // 0: or none is known
	stdout, stderr  string      // stderr: a part of it
}

// runTasks applies the Jobs and triggers them, all at once, and looks at each when it has ended.
func (p *process) runTasks(t *testing.T, cases []taskCase) {
	t.Helper()
	var docs strings.Builder
	for _, tc := range cases {
		fmt.Fprintf(&docs, "---\napiVersion: horae/v1\nkind: Job\nmetadata: {name: %s}\nspec:\n  retries: {limit: 0}\n%s", tc.name, tc.spec)
	}
	if r := p.horaeStdin(docs.String(), "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	for _, tc := range cases {
		p.must(append([]string{"trigger", tc.name}, tc.args...)...)
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var run v1.Run
			eventually(t, tc.name+" has ended, or says why it waits", func() string {
				run = lastManualRun(t, p, tc.name)
				s := run.Status
				if s.Phase.Terminal() || tc.phase == v1.RunPending && s.Reason == tc.reason && strings.Contains(s.Message, tc.message) {
					return ""
				}
				return fmt.Sprintf("%s: %s %s", s.Phase, s.Reason, s.Message)
			})
			if tc.phase == v1.RunPending {
				p.must("cancel", run.Name)
			}
			if tc.phase == "" {
				tc.phase = v1.RunSucceeded
			}
			if s := run.Status; s.Phase != tc.phase || s.Reason != tc.reason || !strings.Contains(s.Message, tc.message) {
				t.Errorf("phase %s, reason %q, message %q", s.Phase, s.Reason, s.Message)
			}
			var exitCode int32
			for _, a := range run.Status.Attempts {
				if a.ExitCode != nil {
					exitCode = *a.ExitCode
				}
			}
			if exitCode != tc.exitCode {
				t.Errorf("exit code %d, want %d", exitCode, tc.exitCode)
			}
			if tc.stdout == "" && tc.stderr == "" {
				return
			}
			stderr := p.must("logs", run.Name, "--stderr")
			if out := p.must("logs", run.Name); tc.stdout != "" && out != tc.stdout {
				t.Errorf("printed %q, want %q; standard error %q", out, tc.stdout, stderr)
			}
			if !strings.Contains(stderr, tc.stderr) {
				t.Errorf("standard error %q doesn't say %q", stderr, tc.stderr)
			}
		})
	}
}

// TestTaskEnds: a Run says how its task ended.
func TestTaskEnds(t *testing.T) {
	t.Parallel()
	m := dev(t)
	t.Run("a failing health check is a failure, not a kill", func(t *testing.T) {
		m.job("sick", `  task:
    shell: sleep 1000
    healthCheck: {command: "echo checked; false", interval: 100ms, gracePeriod: 0s, maxFailures: 2}
`)
		run := m.triggered(t, "sick")
		if s := run.Status; s.Phase != v1.RunFailed || s.Reason != "Unhealthy" || !strings.Contains(s.Message, "the health check failed") {
			t.Errorf("phase %s, reason %s, message %q", s.Phase, s.Reason, s.Message)
		}
		if out := m.must("logs", run.Name, "--stderr"); !strings.Contains(out, "checked") {
			t.Errorf("what the check printed is not in standard error: %q", out)
		}
	})
	t.Run("a task that takes too long", func(t *testing.T) {
		m.job("slow", "  timeout: 1s\n  task: {shell: sleep 1000}\n")
		if s := m.triggered(t, "slow").Status; s.Phase != v1.RunFailed || s.Reason != "Timeout" {
			t.Errorf("phase %s, reason %s, message %q", s.Phase, s.Reason, s.Message)
		}
	})
	t.Run("a cancelled task has its grace period", func(t *testing.T) {
		m.job("graceful", `  task:
    shell: trap 'sleep 1; echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done
    killGracePeriod: 1m
`)
		name := m.running(t, "graceful")
		m.must("cancel", name)
		eventually(t, "the Run is killed", func() string {
			if run := lastManualRun(t, m, "graceful"); run.Status.Phase != v1.RunKilled {
				return string(run.Status.Phase)
			}
			return ""
		})
		if out := m.must("logs", name); !strings.Contains(out, "bye\n") {
			t.Errorf("it was not given the time: %q", out)
		}
	})
	t.Run("a file that cannot be fetched", func(t *testing.T) {
		m.job("lacking", "  task: {shell: echo never, fetch: [{uri: /no/such/file}]}\n")
		run := m.triggered(t, "lacking")
		if s := run.Status; s.Phase != v1.RunFailed || s.Reason != "LaunchFailed" || !strings.Contains(s.Message, "Failed to fetch all URIs") {
			t.Errorf("phase %s, reason %s, message %q", s.Phase, s.Reason, s.Message)
		}
	})
	t.Run("another user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can switch users")
		}
		// Sandboxes below a directory that others may enter, which a test's own is not.
		cluster := start(t, "devcluster", "--listen", "127.0.0.1:0")
		m := start(t, "manager", "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--mesos-masters", cluster.ready["master"])
		m.job("nobody", "  task: {shell: id -un; touch mine && echo owned, user: nobody}\n")
		run := m.triggered(t, "nobody")
		if out := m.must("logs", run.Name); run.Status.Phase != v1.RunSucceeded || out != "nobody\nowned\n" {
			t.Errorf("phase %s, printed %q", run.Status.Phase, out)
		}
	})
}
