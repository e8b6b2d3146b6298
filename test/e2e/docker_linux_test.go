package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/dockertest"
)

// TestDocker runs Jobs in containers of a real Docker daemon, from apply to the end of their Runs.
func TestDocker(t *testing.T) {
	t.Parallel()
	daemon := dockertest.Start(t)
	daemon.Import("entry", `ENTRYPOINT ["/bin/echo", "the image's entry point:"]`, `CMD ["its default"]`)
	m := devWith(t, []string{"DOCKER_HOST=" + daemon.Host})
	m.runTasks(t, []taskCase{
		{name: "environment", stdout: "value/environment/environment/\n",
			spec: "  task: {shell: 'echo \"$A/$HORAE_JOB/$CHRONOS_JOB_NAME/$PORT0\"', env: [{name: A, value: value}], container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "exit-code", phase: v1.RunFailed, exitCode: 3, reason: "TaskFailed",
			spec: "  task: {shell: exit 3, container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "image-command", stdout: "the image's entry point: its default\n",
			spec: "  task: {container: {type: Docker, image: entry}}\n"},
		{name: "image-args", stdout: "the image's entry point: given by the trigger\n", args: []string{"--args", "given by the trigger"},
			spec: "  task: {args: [given by the Job], container: {type: Docker, image: entry}}\n"},
		{name: "command", stdout: "as it is: $HOME\n",
			spec: "  task: {command: [/bin/echo, \"as it is:\"], args: [$HOME], container: {type: Docker, image: entry}}\n"},
		{name: "fetched", stdout: "root:x:0:0\n",
			spec: "  task: {shell: 'test -s $MESOS_SANDBOX/passwd && echo root:x:0:0', fetch: [{uri: /etc/passwd}], container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "timeout", phase: v1.RunFailed, exitCode: 137, reason: "Timeout",
			spec: "  timeout: 2s\n  task: {shell: sleep 1000, container: {type: Docker, image: \"busybox:1.36\"}}\n"},
		{name: "unhealthy", phase: v1.RunFailed, exitCode: 137, reason: "Unhealthy",
			spec: "  task:\n    shell: sleep 1000\n    killGracePeriod: 0s\n    container: {type: Docker, image: \"busybox:1.36\"}\n" +
				"    healthCheck: {command: test -e /nothing, interval: 200ms, gracePeriod: 0s, maxFailures: 2}\n"},
		{name: "healthy", stdout: "was asked\n",
			spec: "  task:\n    resources: {ports: 1}\n    container: {type: Docker, image: \"busybox:1.36\"}\n    healthCheck: {http: {portIndex: 0, path: /x}, interval: 200ms, gracePeriod: 60s, maxFailures: 1000}\n" + // the server ends before its container does
				"    shell: |\n      mkdir /tmp/cgi-bin; echo x > /tmp/x; cd /tmp; httpd -vv -f -p $PORT0 -h /tmp 2> log &\n" +
				"      until test -s log; do sleep 0.1; done; echo was asked\n"},
		{name: "no-image", phase: v1.RunFailed, reason: "LaunchFailed",
			spec: "  task: {container: {type: Docker, image: 127.0.0.1:1/no/image}}\n"},
	})
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
	t.Run("containers that can do more", func(t *testing.T) { dockerCan(t, daemon, m) })
	t.Run("networks with port mappings", func(t *testing.T) { dockerNetworks(t, daemon, m) })
	t.Run("an image that has changed", func(t *testing.T) { dockerPulls(t, daemon, m) })
	eventually(t, "the removal of the containers", func() string { return strings.Join(daemon.Containers(), " ") })
}

// dockerCan runs Jobs with the options of a container: parameters, volumes of the host and of a driver, privileges.
func dockerCan(t *testing.T, daemon *dockertest.Daemon, m *process) {
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "in"), []byte("from the host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(container string) string {
		return fmt.Sprintf("    container: {type: Docker, image: \"busybox:1.36\", network: {mode: None}%s}\n", container)
	}
	// What a container may do, as a number: by Horae the same as by docker itself, which may lack the right to give all there is.
	const mine = "while read key value; do case $key in CapEff:) echo $value; esac; done < /proc/self/status"
	privileged := taskCase{name: "privileged", spec: "  task:\n    shell: " + mine + "\n" + in(", privileged: true")}
	if out, err := exec.Command("docker", "-H", daemon.Host, "run", "--rm", "--net=none", "--privileged", dockertest.Image, "/bin/sh", "-c", mine).CombinedOutput(); err == nil {
		privileged.stdout = string(out)
	} else {
		t.Logf("docker run --privileged fails here, and so must a privileged task: %s", out)
		privileged.phase, privileged.reason, privileged.exitCode, privileged.stderr = v1.RunFailed, "TaskFailed", 125, "unable to start container process"
	}
	m.runTasks(t, []taskCase{
		{name: "parameters", stdout: "a.example.com /tmp 64\n",
			spec: "  task:\n    shell: echo $(hostname) $PWD $(ulimit -n)\n" +
				in(", parameters: [{key: hostname, value: a.example.com}, {key: workdir, value: /tmp}, {key: ulimit, value: \"nofile=64\"}]")},
		{name: "volumes", stdout: "from the host\nread-only\nkept\n",
			spec: "  task:\n    shell: cat /ro/in; touch /ro/x 2>/dev/null || echo read-only; echo out > /rw/out; echo kept > /cache/x; cat $MESOS_SANDBOX/cache/x\n" +
				in(fmt.Sprintf(", volumes: [{containerPath: /ro, hostPath: %q, mode: RO}, {containerPath: /rw, hostPath: %q}, {containerPath: /cache, hostPath: cache}]", host, host))},
		{name: "external-volume", stdout: "kept\n",
			spec: "  task:\n    shell: echo kept > /data/x; cat /data/x\n" +
				in(", volumes: [{containerPath: /data, external: {provider: local, name: of-the-test}}]")},
		privileged,
		{name: "unprivileged", stdout: daemon.Docker("run", "--rm", "--net=none", dockertest.Image, "/bin/sh", "-c", mine) + "\n",
			spec: "  task:\n    shell: " + mine + "\n" + in("")},
	})
	if out, err := os.ReadFile(filepath.Join(host, "out")); string(out) != "out\n" {
		t.Errorf("written on the host: %q, %v", out, err)
	}
	if out := daemon.Docker("volume", "ls", "--format", "{{.Driver}} {{.Name}}"); !strings.Contains(out, "local of-the-test") {
		t.Errorf("volumes: %q", out)
	}
}

// dockerNetworks runs a server in the bridge's network, and in one of the user's, and asks it by the port that it was given.
func dockerNetworks(t *testing.T, daemon *dockertest.Daemon, m *process) {
	if daemon.NoBridge != "" {
		t.Skip(daemon.NoBridge)
	}
	daemon.Docker("network", "create", "theirs")
	defer daemon.Docker("network", "rm", "theirs")
	const serve = "    shell: echo \"$HORAE_JOB on $PORT0\" > /tmp/x; echo up; exec httpd -f -p 80 -h /tmp\n    resources: {ports: 1}\n    killGracePeriod: 0s\n"
	for name, network := range map[string]string{"bridge": "mode: Bridge", "theirs": "mode: User, name: theirs"} {
		m.job(name, "  task:\n"+serve+"    container: {type: Docker, image: \"busybox:1.36\", network: {"+network+", portMappings: [{containerPort: 80}]}}\n")
		run := m.running(t, name)
		attempt := lastManualRun(t, m, name).Status.Attempts[0]
		eventually(t, "an answer by the mapped port", func() string {
			resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/x", attempt.Ports[0]))
			if err != nil {
				return err.Error()
			}
			defer resp.Body.Close()
			if body, _ := io.ReadAll(resp.Body); string(body) != fmt.Sprintf("%s on %d\n", name, attempt.Ports[0]) {
				return string(body)
			}
			return ""
		})
		m.must("cancel", run)
		eventually(t, "the Run is killed", func() string {
			if run := lastManualRun(t, m, name); run.Status.Phase != v1.RunKilled {
				return string(run.Status.Phase)
			}
			return ""
		})
	}
}

// dockerPulls: an image is pulled if it is not there, and again only with forcePull.
func dockerPulls(t *testing.T, daemon *dockertest.Daemon, m *process) {
	registry := daemon.Registry()
	image := registry.Address + "/data/job:1"
	push := func(says string) {
		t.Helper()
		if err := registry.Push("data/job", "1", "/bin/echo", says); err != nil {
			t.Fatal(err)
		}
	}
	pulls := func(name, forcePull, want string) {
		t.Helper()
		m.runTasks(t, []taskCase{{name: name, stdout: want + "\n",
			spec: fmt.Sprintf("  task: {container: {type: Docker, image: %q, forcePull: %s, network: {mode: None}}}\n", image, forcePull)}})
	}
	push("first")
	pulls("pulled", "false", "first")
	push("second")
	pulls("not-pulled", "false", "first")
	pulls("pulled-again", "true", "second")
}
