package e2e

import (
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/dockertest"
)

// TestDocker runs Jobs in containers of a real Docker daemon, from apply to the end of their Runs.
func TestDocker(t *testing.T) {
	daemon := dockertest.Start(t)
	daemon.Import("entry", `ENTRYPOINT ["/bin/echo", "the image's entry point:"]`, `CMD ["its default"]`)
	t.Setenv("DOCKER_HOST", daemon.Host)
	m := dev(t)
	for _, tc := range []struct {
		name, spec string
		args       []string // of the trigger
		phase      v1.RunPhase
		exitCode   int32
		reason     string
		stdout     string
	}{
		{name: "environment", phase: v1.RunSucceeded, stdout: "value/environment/environment/\n",
			spec: "  task: {shell: 'echo \"$A/$HORAE_JOB/$CHRONOS_JOB_NAME/$PORT0\"', env: [{name: A, value: value}], container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "exit-code", phase: v1.RunFailed, exitCode: 3, reason: "TaskFailed",
			spec: "  task: {shell: exit 3, container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "image-command", phase: v1.RunSucceeded, stdout: "the image's entry point: its default\n",
			spec: "  task: {container: {type: Docker, image: entry}}\n"},
		{name: "image-args", phase: v1.RunSucceeded, stdout: "the image's entry point: given by the trigger\n", args: []string{"--args", "given by the trigger"},
			spec: "  task: {args: [given by the Job], container: {type: Docker, image: entry}}\n"},
		{name: "command", phase: v1.RunSucceeded, stdout: "as it is: $HOME\n",
			spec: "  task: {command: [/bin/echo, \"as it is:\"], args: [$HOME], container: {type: Docker, image: entry}}\n"},
		{name: "fetched", phase: v1.RunSucceeded, stdout: "root:x:0:0\n",
			spec: "  task: {shell: 'test -s $MESOS_SANDBOX/passwd && echo root:x:0:0', fetch: [{uri: /etc/passwd}], container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "timeout", phase: v1.RunFailed, exitCode: 137, reason: "Timeout",
			spec: "  timeout: 2s\n  task: {shell: sleep 1000, container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "unhealthy", phase: v1.RunFailed, exitCode: 137, reason: "Unhealthy",
			spec: "  task:\n    shell: sleep 1000\n    killGracePeriod: 0s\n    container: {type: Docker, image: \"busybox:1.36\"}\n" +
				"    healthCheck: {command: test -e /nothing, interval: 200ms, gracePeriod: 0s, maxFailures: 2}\n"},
		{name: "healthy", phase: v1.RunSucceeded, stdout: "was asked\n",
			spec: "  task:\n    resources: {ports: 1}\n    container: {type: Docker, image: \"busybox:1.36\"}\n    healthCheck: {http: {portIndex: 0, path: /x}, interval: 200ms, gracePeriod: 60s, maxFailures: 1000}\n" + // the server ends before its container does
				"    shell: |\n      mkdir /tmp/cgi-bin; echo x > /tmp/x; cd /tmp; httpd -vv -f -p $PORT0 -h /tmp 2> log &\n" +
				"      until test -s log; do sleep 0.1; done; echo was asked\n"},
		{name: "no-image", phase: v1.RunFailed, reason: "LaunchFailed",
			spec: "  task: {container: {type: Docker, image: 127.0.0.1:1/no/image}}\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m.job(tc.name, tc.spec)
			run := m.triggered(t, tc.name, tc.args...)
			s := run.Status
			if s.Phase != tc.phase || s.Reason != tc.reason {
				t.Errorf("phase %s, reason %q, message %q", s.Phase, s.Reason, s.Message)
			}
			if code := s.Attempts[0].ExitCode; code == nil && tc.exitCode != 0 || code != nil && *code != tc.exitCode {
				t.Errorf("exit code %v, want %d", code, tc.exitCode)
			}
			if tc.stdout == "" {
				return
			}
			if out := m.must("logs", run.Name); out != tc.stdout {
				t.Errorf("printed %q, want %q; standard error %q", out, tc.stdout, m.must("logs", run.Name, "--stderr"))
			}
		})
	}
	t.Run("the sample", func(t *testing.T) {
		m.must("apply", "-f", manifests+"/docker.yaml")
		run := m.triggered(t, "docker")
		if out := m.must("logs", run.Name); run.Status.Phase != v1.RunSucceeded || out != "hello from a.example.com\n" {
			t.Errorf("phase %s, message %q, printed %q", run.Status.Phase, run.Status.Message, out)
		}
	})
	t.Run("cancelled, with a grace period", func(t *testing.T) {
		m.job("graceful", "  task:\n    shell: trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.1; done\n    killGracePeriod: 30s\n"+
			"    container: {type: Docker, image: \"busybox:1.36\"}\n")
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
	eventually(t, "the removal of the containers", func() string { return strings.Join(daemon.Containers(), " ") })
}
