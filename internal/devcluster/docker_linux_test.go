package devcluster

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"horae/internal/dockertest"
)

// inDocker makes a task run in a container of the host's network.
func inDocker(task mesos.TaskInfo, change ...func(*mesos.ContainerInfo)) mesos.TaskInfo {
	task.Container = &mesos.ContainerInfo{
		Type: mesos.ContainerInfo_DOCKER.Enum(), Docker: &mesos.ContainerInfo_DockerInfo{Image: dockertest.Image},
	}
	for _, f := range change {
		f(task.Container)
	}
	return task
}

// argv makes a task run a program, or the image's own without one.
func argv(task mesos.TaskInfo, args ...string) mesos.TaskInfo {
	task.Command = &mesos.CommandInfo{Shell: ptr(false), Arguments: args}
	return task
}

func parameter(key, value string) func(*mesos.ContainerInfo) {
	return func(c *mesos.ContainerInfo) {
		c.Docker.Parameters = append(c.Docker.Parameters, mesos.Parameter{Key: key, Value: value})
	}
}

func image(name string) func(*mesos.ContainerInfo) {
	return func(c *mesos.ContainerInfo) { c.Docker.Image = name }
}

func noNetwork(c *mesos.ContainerInfo) { c.Docker.Network = mesos.ContainerInfo_DockerInfo_NONE.Enum() }

// scenario is a cluster with a Docker daemon, and a framework.
type scenario struct {
	daemon  *dockertest.Daemon
	cluster *Cluster
	client  *testClient
	tasks   int
}

// offer is all that the agent has, for a framework of its own: what became of other offers doesn't matter.
func (s *scenario) offer(t *testing.T) mesos.Offer {
	t.Helper()
	if s.client != nil {
		s.client.close()
	}
	s.client = subscribe(t, s.cluster.URL(), mediaProtobuf, frameworkInfo())
	return s.client.offer()
}

func (s *scenario) name() string {
	s.tasks++
	return fmt.Sprintf("t%d", s.tasks)
}

// sandbox is the directory of a task's last run.
func (s *scenario) sandbox(o mesos.Offer, task string) string {
	return filepath.Join(s.cluster.WorkDir(), "slaves", o.AgentID.Value, "frameworks", s.client.framework.Value, "executors", task, "runs", "latest")
}

// run runs a task to its end and answers its states, its last status and what it printed.
func (s *scenario) run(t *testing.T, build func(o mesos.Offer, id string) mesos.TaskInfo) (states []string, last mesos.TaskStatus, stdout, stderr string) {
	t.Helper()
	o, id := s.offer(t), s.name()
	s.client.launch(o, build(o, id))
	states, last = s.client.follow()
	out, err := os.ReadFile(filepath.Join(s.sandbox(o, id), "stdout"))
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	errs, _ := os.ReadFile(filepath.Join(s.sandbox(o, id), "stderr"))
	return states, last, string(out), string(errs)
}

// TestDocker runs tasks in containers of a real Docker daemon.
func TestDocker(t *testing.T) {
	daemon := dockertest.Start(t)
	daemon.Import("command", `CMD ["/bin/echo", "the image's own"]`)
	daemon.Import("entrypoint", `ENTRYPOINT ["/bin/echo", "entry"]`, `CMD ["by default"]`, "USER somebody")
	c := start(t, Config{DockerHost: daemon.Host})
	s := &scenario{daemon: daemon, cluster: c}

	t.Run("ends", s.ends)
	t.Run("is over before anybody has looked", s.short)
	t.Run("is killed", s.kills)
	t.Run("is unhealthy", s.unhealthy)
	t.Run("is healthy inside of its own network", s.healthy)
	t.Run("in a network of the user's, with port mappings", s.network)
	t.Run("holds a custom executor", s.executor)
	t.Run("is removed after a kill -9 of the cluster", s.killed9)
	t.Run("leaves nothing", func(t *testing.T) {
		eventually(t, "the removal of the containers", func() bool { return len(daemon.Containers()) == 0 })
	})
	t.Run("is removed when the cluster closes", func(t *testing.T) {
		o := s.offer(t)
		s.client.launch(o, inDocker(shell(o, "deaf", "sleep 1000")))
		s.client.running()
		if len(daemon.Containers()) != 1 {
			t.Fatal("it has no container")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if left := daemon.Containers(); len(left) > 0 {
			t.Errorf("containers %v are left", left)
		}
	})
}

func (s *scenario) ends(t *testing.T) {
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "given"), []byte("from the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	volume := func(inside, outside string, mode mesos.Volume_Mode) func(*mesos.ContainerInfo) {
		return func(c *mesos.ContainerInfo) {
			c.Volumes = append(c.Volumes, mesos.Volume{ContainerPath: inside, HostPath: &outside, Mode: &mode})
		}
	}
	finished, failed := []string{"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"}, []string{"TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"}
	for _, tc := range []struct {
		name    string
		task    func(task mesos.TaskInfo) mesos.TaskInfo
		states  []string
		message string
		reason  mesos.TaskStatus_Reason
		stdout  string // must be in what is printed
		stderr  string
	}{
		{name: "a shell line", states: finished, message: "Container exited with status 0", stdout: "a b /mnt/mesos/sandbox\n", stderr: "oops",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				task.Command.Value = ptr(`echo "$A" "$MESOS_SANDBOX"; echo oops >&2`)
				task.Command.Environment = &mesos.Environment{Variables: []mesos.Environment_Variable{{Name: "A", Value: ptr("a b")}}}
				return inDocker(task)
			}},
		{name: "an exit code", states: failed, message: "Container exited with status 3",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				task.Command.Value = ptr("exit 3")
				return inDocker(task, noNetwork)
			}},
		{name: "the image's own command", states: finished, stdout: "the image's own\n",
			task: func(task mesos.TaskInfo) mesos.TaskInfo { return inDocker(argv(task), image("command")) }},
		{name: "arguments for the image's entry point", states: finished, stdout: "entry and more\n",
			task: func(task mesos.TaskInfo) mesos.TaskInfo { return inDocker(argv(task, "and more"), image("entrypoint")) }},
		{name: "a program in place of the image's entry point", states: finished, stdout: "instead\n",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				return inDocker(argv(task, "instead"), image("entrypoint"), parameter("entrypoint", "/bin/echo"))
			}},
		{name: "the image's user, and another", states: finished, stdout: "uid=0(root)",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				return inDocker(argv(task), image("entrypoint"), parameter("entrypoint", "/bin/id"), parameter("user", "root"))
			}},
		{name: "a program that there is not", states: []string{"TASK_STARTING", "TASK_FAILED"}, message: "Container exited with status 127", stderr: "no-such-program",
			task: func(task mesos.TaskInfo) mesos.TaskInfo { return inDocker(argv(task, "/no-such-program")) }},
		{name: "volumes", states: finished, stdout: "from the host\nread-only\n",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				task.Command.Value = ptr("cat /host/given; echo; touch /host/x 2>/dev/null || echo read-only; mkdir -p /mnt/mesos/sandbox/rel; echo x > /relative/y; cat $MESOS_SANDBOX/rel/y")
				return inDocker(task, volume("/host", host, mesos.RO), volume("/relative", "rel", mesos.RW))
			}},
		{name: "a host name", states: finished, stdout: "a.example.com\n",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				task.Command.Value = ptr("hostname")
				return inDocker(task, noNetwork, parameter("hostname", "a.example.com"))
			}},
		{name: "too long", states: failed, message: "Container exited with status 137", reason: mesos.REASON_MAX_COMPLETION_TIME_REACHED,
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				task.Command.Value = ptr("sleep 1000")
				task.MaxCompletionTime = &mesos.DurationInfo{Nanoseconds: int64(1500 * time.Millisecond)}
				return inDocker(task)
			}},
		{name: "an image that cannot be pulled", states: []string{"TASK_FAILED"}, reason: mesos.REASON_CONTAINER_LAUNCH_FAILED, message: "Failed to launch container: Failed to run 'docker -H ",
			task: func(task mesos.TaskInfo) mesos.TaskInfo { return inDocker(task, image("127.0.0.1:1/no/image")) }},
		{name: "a pull by force", states: []string{"TASK_FAILED"}, reason: mesos.REASON_CONTAINER_LAUNCH_FAILED, message: "Failed to launch container: Failed to run 'docker -H ",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				s.daemon.Docker("tag", dockertest.Image, "127.0.0.1:1/tagged:1")
				return inDocker(task, image("127.0.0.1:1/tagged:1"), func(c *mesos.ContainerInfo) { c.Docker.ForcePullImage = ptr(true) })
			}},
		{name: "a port that the task has not", states: []string{"TASK_FAILED"}, message: "Failed to create docker run options: Port [80] not included in resources",
			task: func(task mesos.TaskInfo) mesos.TaskInfo {
				return inDocker(task, func(c *mesos.ContainerInfo) {
					c.Docker.Network = mesos.ContainerInfo_DockerInfo_BRIDGE.Enum()
					c.Docker.PortMappings = []mesos.ContainerInfo_DockerInfo_PortMapping{{HostPort: 80, ContainerPort: 80}}
				})
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			states, last, stdout, stderr := s.run(t, func(o mesos.Offer, id string) mesos.TaskInfo { return tc.task(shell(o, id, "true")) })
			if diff := cmp.Diff(tc.states, states); diff != "" {
				t.Errorf("%s\n%v", diff, last)
			}
			if !strings.HasPrefix(last.GetMessage(), tc.message) || last.GetReason() != tc.reason {
				t.Errorf("message %q, reason %s", last.GetMessage(), last.GetReason())
			}
			if !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("printed %q and %q", stdout, stderr)
			}
		})
	}
}

// short has a docker command that reports a container only when it is over: its updates have the container's own times all the same.
func (s *scenario) short(t *testing.T) {
	real, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in *"inspect --type=container"*)
	for name; do :; done
	%[1]s -H %[2]s wait "$name" >/dev/null 2>&1 ;;
esac
exec %[1]s "$@"
`, real, s.daemon.Host)
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	o, id := s.offer(t), s.name()
	s.client.launch(o, inDocker(shell(o, id, "sleep 2")))
	at := map[mesos.TaskState]float64{}
	for state := mesos.TASK_STAGING; !terminal(state); {
		u := s.client.next(scheduler.Event_UPDATE).Update.Status
		s.client.acknowledge(u)
		state = u.GetState()
		at[state] = u.GetTimestamp()
	}
	if d := at[mesos.TASK_FINISHED] - at[mesos.TASK_RUNNING]; d < 1 || at[mesos.TASK_RUNNING] < at[mesos.TASK_STARTING] {
		t.Errorf("a container that slept 2 s ran %g s: %v", d, at)
	}
	// The command in its place is needed until then.
	eventually(t, "the removal of the container", func() bool { return len(s.daemon.Containers()) == 0 })
}

func (s *scenario) kills(t *testing.T) {
	for _, tc := range []struct{ name, command, message string }{
		{"and ends within its grace period", "trap 'exit 7' TERM; echo up; while true; do sleep 0.1; done", "Container exited with status 7"},
		{"and does not end by itself", "trap '' TERM; echo up; while true; do sleep 0.1; done", "Container exited with status 137"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, id := s.offer(t), s.name()
			task := inDocker(shell(o, id, tc.command))
			task.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: int64(1500 * time.Millisecond)}}
			s.client.launch(o, task)
			s.client.running()
			eventually(t, "the trap", func() bool {
				out, _ := os.ReadFile(filepath.Join(s.sandbox(o, id), "stdout"))
				return string(out) == "up\n"
			})
			s.client.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID}})
			states, last := s.client.follow()
			if diff := cmp.Diff([]string{"TASK_KILLING", "TASK_KILLED"}, states); diff != "" || last.GetMessage() != tc.message {
				t.Errorf("%s %q", diff, last.GetMessage())
			}
		})
	}
	t.Run("before its container has started", func(t *testing.T) {
		o, id := s.offer(t), s.name()
		task := inDocker(shell(o, id, "sleep 1000"))
		s.client.launch(o, task)
		first := s.client.next(scheduler.Event_UPDATE).Update.Status
		if first.GetState() != mesos.TASK_STARTING {
			t.Errorf("state %s", first.GetState())
		}
		s.client.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID, KillPolicy: &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{}}}})
		s.client.acknowledge(first)
		if states, last := s.client.follow(); last.GetState() != mesos.TASK_KILLED {
			t.Errorf("states %v", states)
		}
	})
}

// check is a health check that begins at once and allows two failures.
func check(change func(*mesos.HealthCheck)) *mesos.HealthCheck {
	h := &mesos.HealthCheck{
		DelaySeconds: ptr(0.0), IntervalSeconds: ptr(0.2), TimeoutSeconds: ptr(10.0), GracePeriodSeconds: ptr(0.0), ConsecutiveFailures: ptr(uint32(2)),
	}
	change(h)
	return h
}

func (s *scenario) unhealthy(t *testing.T) {
	o, id := s.offer(t), s.name()
	task := inDocker(shell(o, id, "sleep 1000"))
	task.KillPolicy = &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{}}
	task.HealthCheck = check(func(h *mesos.HealthCheck) {
		h.Type, h.Command = mesos.HealthCheck_COMMAND, &mesos.CommandInfo{Shell: ptr(true), Value: ptr(`echo "looking for $MESOS_CONTAINER_NAME" >&2; test -e /host-only`)}
	})
	s.client.launch(o, task)
	states, last := s.client.follow()
	want := []string{"TASK_STARTING", "TASK_RUNNING", "TASK_RUNNING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	if last.Healthy == nil || *last.Healthy {
		t.Errorf("the last update doesn't say that it was unhealthy: %v", last)
	}
	errs, _ := os.ReadFile(filepath.Join(s.sandbox(o, id), "stderr"))
	if !strings.Contains(string(errs), "looking for mesos-") {
		t.Errorf("the check ran outside of the container: %q", errs)
	}
}

// healthy checks a server that listens on the loopback interface of a network that nobody else is in.
func (s *scenario) healthy(t *testing.T) {
	for name, probe := range map[string]func(*mesos.HealthCheck){
		"http": func(h *mesos.HealthCheck) {
			h.Type, h.HTTP = mesos.HealthCheck_HTTP, &mesos.HealthCheck_HTTPCheckInfo{Port: 8080, Path: ptr("/ok")}
		},
		"tcp": func(h *mesos.HealthCheck) {
			h.Type, h.TCP = mesos.HealthCheck_TCP, &mesos.HealthCheck_TCPCheckInfo{Port: 8080}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, id := s.offer(t), s.name()
			task := inDocker(shell(o, id, "echo fine > /tmp/ok; exec httpd -f -p 127.0.0.1:8080 -h /tmp"), noNetwork)
			task.HealthCheck = check(probe)
			task.HealthCheck.GracePeriodSeconds = ptr(60.0)
			s.client.launch(o, task)
			for {
				u := s.client.next(scheduler.Event_UPDATE).Update.Status
				s.client.acknowledge(u)
				if u.Healthy != nil {
					if !*u.Healthy {
						t.Errorf("unhealthy: %v", u)
					}
					break
				}
				if terminal(u.GetState()) {
					t.Fatalf("it ended: %v", u)
				}
			}
			s.client.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID, KillPolicy: &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{}}}})
			s.client.follow()
		})
	}
}

func (s *scenario) network(t *testing.T) {
	if out, err := exec.Command("docker", "-H", s.daemon.Host, "network", "create", "theirs").CombinedOutput(); err != nil {
		t.Skipf("no bridge can be made here: %s", out)
	}
	defer s.daemon.Docker("network", "rm", "theirs")
	o, id := s.offer(t), s.name()
	var port uint64
	for _, r := range o.Resources {
		if r.Name == "ports" {
			port = r.Ranges.Range[0].Begin
		}
	}
	task := inDocker(shell(o, id, "echo mapped > /tmp/x; exec httpd -f -p 80 -h /tmp"), func(c *mesos.ContainerInfo) {
		c.Docker.Network = mesos.ContainerInfo_DockerInfo_USER.Enum()
		c.NetworkInfos = []mesos.NetworkInfo{{Name: ptr("theirs")}}
		c.Docker.PortMappings = []mesos.ContainerInfo_DockerInfo_PortMapping{{HostPort: uint32(port), ContainerPort: 80, Protocol: ptr("tcp")}}
	})
	uses, err := parseResources(fmt.Sprintf("cpus:0.1;mem:32;ports:[%d-%d]", port, port))
	if err != nil {
		t.Fatal(err)
	}
	task.Resources = uses.toMesos("horae", false)
	s.client.launch(o, task)
	for {
		u := s.client.next(scheduler.Event_UPDATE).Update.Status
		s.client.acknowledge(u)
		if terminal(u.GetState()) {
			t.Fatalf("it ended: %v", u)
		}
		if u.GetState() == mesos.TASK_RUNNING {
			if ip := u.ContainerStatus.NetworkInfos[0].IPAddresses[0].GetIPAddress(); ip == "127.0.0.1" {
				t.Errorf("the container has the host's address: %v", u.ContainerStatus)
			}
			break
		}
	}
	eventually(t, "an answer on the mapped port", func() bool {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/x", port))
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	s.client.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID, KillPolicy: &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{}}}})
	s.client.follow()
}

// executor runs the executor of custom_test.go, this test's own program, in a container with the host's libraries.
func (s *scenario) executor(t *testing.T) {
	o := s.offer(t)
	task := custom(s.client, o, helperExecutor)
	task.TaskID.Value = s.name()
	task.Executor.Command.Shell, task.Executor.Command.Value = ptr(true), ptr("exec /test/"+filepath.Base(os.Args[0]))
	container := inDocker(mesos.TaskInfo{}).Container
	for _, dir := range []string{"/lib", "/lib64", "/usr"} {
		if _, err := os.Stat(dir); err == nil {
			container.Volumes = append(container.Volumes, mesos.Volume{ContainerPath: dir, HostPath: &dir, Mode: mesos.RO.Enum()})
		}
	}
	container.Volumes = append(container.Volumes, mesos.Volume{ContainerPath: "/test", HostPath: ptr(filepath.Dir(os.Args[0])), Mode: mesos.RO.Enum()})
	task.Executor.Container = container
	s.client.launch(o, task)
	s.client.running()
	if got := string(s.client.next(scheduler.Event_MESSAGE).Message.Data); got != "payload" {
		t.Errorf("the executor read %q", got)
	}
	if n := s.daemon.Containers(); len(n) != 1 {
		t.Errorf("containers %v", n)
	}
	s.client.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID}})
	if states, _ := s.client.follow(); !slices.Equal(states, []string{"TASK_KILLED"}) {
		t.Errorf("states %v", states)
	}
	if f := s.client.next(scheduler.Event_FAILURE).Failure; f.GetStatus() != 0 {
		t.Errorf("failure %v", f)
	}
}

func (s *scenario) killed9(t *testing.T) {
	dir := t.TempDir()
	cmd, url := startHelper(t, dir, "DOCKER_HOST="+s.daemon.Host)
	client := subscribe(t, url, mediaProtobuf, frameworkInfo())
	o := client.offer()
	client.launch(o, inDocker(shell(o, "left", "sleep 1000")))
	client.running()
	left := s.daemon.Containers()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if len(left) != 1 {
		t.Fatalf("containers %v", left)
	}
	t.Setenv("DOCKER_HOST", s.daemon.Host)
	start(t, Config{WorkDir: dir})
	if got := s.daemon.Containers(); len(got) > 0 {
		t.Errorf("containers %v are left", got)
	}
}

// TestDockerWithoutADaemon: as by an agent without the Docker containerizer (recordings/containers_without_isolators).
func TestDockerWithoutADaemon(t *testing.T) {
	for name, host := range map[string]string{"none answers": "unix:///nonexistent/docker.sock", "none is wanted": NoDocker} {
		t.Run(name, func(t *testing.T) {
			c := start(t, Config{DockerHost: host})
			s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
			o := s.offer()
			s.launch(o, inDocker(shell(o, "t", "true")))
			states, last := s.follow()
			if diff := cmp.Diff([]string{"TASK_FAILED"}, states); diff != "" || last.GetReason() != mesos.REASON_EXECUTOR_TERMINATED ||
				last.GetMessage() != "Abnormal executor termination: unknown container" {
				t.Errorf("%s %v", diff, last)
			}
		})
	}
}
