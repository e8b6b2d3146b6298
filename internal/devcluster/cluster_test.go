package devcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// helperDir makes the test binary a cluster of its own, on this work dir, that a test can kill.
const helperDir = "DEVCLUSTER_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		helper(dir)
	}
	if os.Getenv(helperExecutor) != "" {
		os.Exit(runExecutor())
	}
	goleak.VerifyTestMain(m)
}

func helper(dir string) {
	c, err := Start(context.Background(), Config{Listen: "127.0.0.1:0", WorkDir: dir})
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, c.URL())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
	os.Exit(0)
}

func TestTaskRunsToItsEndInBothCodecs(t *testing.T) {
	for _, media := range []string{mediaJSON, mediaProtobuf} {
		t.Run(filepath.Base(media), func(t *testing.T) {
			c := start(t, Config{Attributes: "rack:r1;cores:16;vlans:[10-20]"})
			s := subscribe(t, c.URL(), media, frameworkInfo())
			o := s.offer()
			s.launch(o, shell(o, "hello", "echo hello; echo oops >&2; exit 3"))
			states, last := s.follow()
			if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"}, states); diff != "" {
				t.Error(diff)
			}
			if got := last.GetMessage(); got != "Command exited with status 3" {
				t.Errorf("message: %q", got)
			}
			dir := filepath.Join(c.WorkDir(), "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", "hello",
				"runs", last.ContainerStatus.ContainerID.Value)
			if got := get(t, o, "/files/read?offset=0&path="+dir+"/stdout"); got != `{"data":"hello\n","offset":0}` {
				t.Errorf("stdout: %s", got)
			}
			if got := get(t, o, o.URL.GetPath()+"/state"); !strings.Contains(got, dir) {
				t.Errorf("/state does not lead to the sandbox: %s", got)
			}
		})
	}
}

// pidOf waits until a task has written a process id into its sandbox.
func pidOf(t *testing.T, c *Cluster, s *testClient, o mesos.Offer, task string) int {
	t.Helper()
	pattern := filepath.Join(c.WorkDir(), "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", task, "runs", "latest", "pid")
	var pid int
	eventually(t, "a pid in "+pattern, func() bool {
		body, err := os.ReadFile(pattern)
		n, _ := fmt.Sscan(string(body), &pid)
		return err == nil && n == 1
	})
	return pid
}

// eventually polls for what has no event to wait for, such as the state of another process.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// alive reports whether a process exists and is not a zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// background is a command that leaves a child of its own in the process group and writes down its pid.
const background = "sleep 1000 & echo $! > pid; wait"

func TestCloseLeavesNoProcess(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "child", background), shell(o, "stubborn", "trap '' TERM; "+background))
	pids := []int{pidOf(t, c, s, o, "child"), pidOf(t, c, s, o, "stubborn")}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
	}
	if _, err := os.Stat(c.WorkDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary work dir is still there: %v", err)
	}
}

func TestKillEndsTheWholeProcessGroup(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "child", background))
	s.running()
	pid := pidOf(t, c, s, o, "child")
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "child"}}})
	states, last := s.follow()
	if diff := cmp.Diff([]string{"TASK_KILLING", "TASK_KILLED"}, states); diff != "" {
		t.Error(diff)
	}
	if last.GetMessage() != "Command terminated with signal Terminated" {
		t.Errorf("message: %q", last.GetMessage())
	}
	eventually(t, "the end of the child", func() bool { return !alive(pid) })
}

// TestKillEndsOtherSessions: a real agent follows a task's processes into sessions of their own, too.
func TestKillEndsOtherSessions(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "daemon", "setsid sleep 1000 & echo $! > pid; wait"))
	s.running()
	pid := pidOf(t, c, s, o, "daemon")
	eventually(t, "a session of its own", func() bool { sid, err := unix.Getsid(pid); return err == nil && sid == pid })
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "daemon"}}})
	s.follow()
	eventually(t, "the end of the daemon", func() bool { return !alive(pid) })
}

// ignoresTerm is a command with a child that ignores SIGTERM and writes down its pid once it does.
const ignoresTerm = "(trap '' TERM; sh -c 'echo $PPID' > pid; while :; do sleep 0.05; done) & wait"

// TestWhatIgnoresSIGTERMHasItsGracePeriod: also after the first process of its task has ended.
func TestWhatIgnoresSIGTERMHasItsGracePeriod(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	task := shell(o, "stubborn", ignoresTerm)
	s.launch(o, task)
	s.running()
	pid := pidOf(t, c, s, o, "stubborn")
	policy := func(d time.Duration) *mesos.KillPolicy {
		return &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: d.Nanoseconds()}}
	}
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID, KillPolicy: policy(time.Hour)}})
	if states, last := s.follow(); last.GetMessage() != "Command terminated with signal Terminated" {
		t.Errorf("%v: %v", states, last)
	}
	if !alive(pid) {
		t.Error("killed before the grace period was over")
	}

	s.launch(s.offer(), shell(o, "less", ignoresTerm))
	s.running()
	other := pidOf(t, c, s, o, "less")
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "less"}, KillPolicy: policy(100 * time.Millisecond)}})
	s.follow()
	eventually(t, "the end of what ignores SIGTERM", func() bool { return !alive(other) })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the end of what the cluster leaves", func() bool { return !alive(pid) })
}

func TestTasksOutliveTheScheduler(t *testing.T) {
	c := start(t, Config{})
	info := frameworkInfo()
	s := subscribe(t, c.URL(), mediaProtobuf, info)
	o := s.offer()
	s.launch(o, shell(o, "survivor", background))
	pid := pidOf(t, c, s, o, "survivor")
	if got := *s.next(scheduler.Event_UPDATE).Update.Status.State; got != mesos.TASK_STARTING {
		t.Fatalf("the first update is %s", got)
	}
	s.close() // as kill -9 does, with TASK_STARTING not acknowledged

	info.ID = s.framework
	s = subscribe(t, c.URL(), mediaProtobuf, info)
	// What was not acknowledged comes at once, without waiting for the agent to send it again.
	states := []string{}
	for len(states) < 2 {
		u := s.next(scheduler.Event_UPDATE).Update.Status
		s.acknowledge(u)
		states = append(states, u.State.String())
	}
	if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING"}, states); diff != "" {
		t.Error(diff)
	}
	if !alive(pid) {
		t.Error("the task did not survive")
	}
}

// startHelper starts a cluster on the work dir in a process of its own, with more in its environment, and returns its master's URL.
func startHelper(t *testing.T, dir string, env ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), helperDir+"="+dir), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the helper said nothing")
	}
	return cmd, lines.Text()
}

func TestNextClusterOnTheWorkDirEndsWhatAKilledOneLeft(t *testing.T) {
	dir := t.TempDir()
	cmd, url := startHelper(t, dir)
	s := subscribe(t, url, mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "left", background))
	pid := pidOf(t, &Cluster{dir: dir}, s, o, "left")

	_, err := Start(context.Background(), Config{Listen: "127.0.0.1:0", WorkDir: dir})
	if err == nil || !strings.Contains(err.Error(), "in use by another devcluster") {
		t.Errorf("a second cluster on the work dir: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if !alive(pid) {
		t.Fatal("the task ended with the cluster; there is nothing to test")
	}
	start(t, Config{WorkDir: dir})
	eventually(t, "the end of the task that was left", func() bool { return !alive(pid) })
}

func TestPortInUseSaysWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(context.Background(), Config{Listen: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{name: "resources", cfg: Config{Resources: "cpus"}, want: "resources:"},
		{name: "attributes", cfg: Config{Attributes: "rack"}, want: "attributes:"},
		{name: "an attribute that is a set", cfg: Config{Attributes: "disks:{ssd,hdd}"}, want: "Bad type for attribute"},
		{name: "number of agents", cfg: Config{Agents: -1}, want: "agents:"},
		{name: "work dir", cfg: Config{WorkDir: "/dev/null/x"}, want: "work dir"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Listen = "127.0.0.1:0"
			cluster, err := Start(context.Background(), c.cfg)
			if err == nil {
				_ = cluster.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %s", err, c.want)
			}
		})
	}
}

func TestOldSandboxesAreRemoved(t *testing.T) {
	c := start(t, Config{Sandboxes: 1})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	for i := range 3 {
		o := s.offer()
		s.launch(o, shell(o, fmt.Sprintf("t%d", i), "true"))
		s.follow()
	}
	eventually(t, "one sandbox to be left", func() bool {
		dirs, err := filepath.Glob(filepath.Join(c.WorkDir(), "slaves", "*", "frameworks", "*", "executors", "*", "runs", "*-*"))
		return err == nil && len(dirs) == 1
	})
}

func TestSandboxesOfAnEarlierClusterAreReadAndBounded(t *testing.T) {
	dir := t.TempDir()
	files := []string{}
	for i := range 3 {
		c := start(t, Config{WorkDir: dir, Sandboxes: 2})
		s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
		o := s.offer()
		s.launch(o, shell(o, "t", "echo hello"))
		_, last := s.follow()
		files = append(files, filepath.Join(dir, "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", "t", "runs",
			last.ContainerStatus.ContainerID.Value, "stdout"))
		if i > 0 {
			if got := get(t, o, "/files/read?offset=0&path="+files[i-1]); got != `{"data":"hello\n","offset":0}` {
				t.Errorf("stdout of the cluster before: %s", got)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	start(t, Config{WorkDir: dir, Sandboxes: 2})
	for i, want := range []bool{false, true, true} {
		if _, err := os.Stat(files[i]); (err == nil) != want {
			t.Errorf("sandbox %d is there: %v, want %v", i, err == nil, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "slaves", "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("directories of agents that are left: %v", left)
	}
}

func TestSeveralAgentsHaveNamesAndEndpointsOfTheirOwn(t *testing.T) {
	for _, simulate := range []bool{false, true} {
		t.Run(fmt.Sprintf("simulate=%v", simulate), func(t *testing.T) {
			c := start(t, Config{Agents: 3, Simulate: simulate})
			s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
			hosts, ids := map[string]bool{}, map[string]bool{}
			for _, o := range s.next(scheduler.Event_OFFERS).Offers.Offers {
				hosts[o.Hostname] = true
				if got := get(t, o, o.URL.GetPath()+"/state"); strings.Contains(got, `"id":"`+o.AgentID.Value+`"`) {
					ids[o.AgentID.Value] = true
				}
			}
			if len(hosts) != 3 || len(ids) != 3 {
				t.Errorf("hosts %v, agents %v", hosts, ids)
			}
		})
	}
}

func TestNothingOutsideOfSandboxesIsRead(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "sneaky", "ln -s /etc/passwd passwd; ln -s /etc etc; echo in > inside"))
	s.follow()
	dir := filepath.Join(c.WorkDir(), "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", "sneaky", "runs", "latest")
	a := c.Agent(0)
	if data, _, err := a.readFile(dir+"/inside", 0, -1); err != nil || string(data) != "in\n" {
		t.Fatalf("a file of the sandbox: %q %v", data, err)
	}
	for _, path := range []string{"/etc/passwd", dir + "/passwd", dir + "/etc/passwd", dir + "/../../../../../../../../../../etc/passwd"} {
		if _, _, err := a.readFile(path, 0, -1); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestGracePeriods(t *testing.T) {
	plain := &mesos.TaskInfo{Command: &mesos.CommandInfo{}}
	policy := func(d time.Duration) *mesos.KillPolicy {
		return &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: int64(d)}}
	}
	docker := &mesos.ContainerInfo{Type: mesos.ContainerInfo_DOCKER.Enum()}
	for name, tc := range map[string]struct {
		info   *mesos.TaskInfo
		cfg    time.Duration
		policy *mesos.KillPolicy
		want   time.Duration
	}{
		"a command":             {info: plain, want: 3 * time.Second},
		"a container":           {info: &mesos.TaskInfo{Command: &mesos.CommandInfo{}, Container: docker}, want: 5 * time.Second},
		"a custom executor":     {info: &mesos.TaskInfo{Executor: &mesos.ExecutorInfo{}}, want: 5 * time.Second},
		"the cluster's":         {info: plain, cfg: time.Minute, want: time.Minute},
		"the task's":            {info: &mesos.TaskInfo{Command: &mesos.CommandInfo{}, KillPolicy: policy(time.Hour)}, cfg: time.Minute, want: time.Hour},
		"the call's, and none":  {info: &mesos.TaskInfo{Command: &mesos.CommandInfo{}, KillPolicy: policy(time.Hour)}, policy: policy(0), want: 0},
		"the call says nothing": {info: plain, policy: &mesos.KillPolicy{}, want: 3 * time.Second},
	} {
		x := &run{agent: &Agent{c: &Cluster{cfg: Config{KillGrace: tc.cfg}}}, info: tc.info}
		if got := x.gracePeriod(tc.policy); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
