package devcluster

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// TestExecutorsDieBeforeTheirTasksStart is what a real agent does to tasks that are launching when it is killed: they end as
// recordings/agent_crash has it for a task that ended meanwhile, without TASK_STARTING.
func TestExecutorsDieBeforeTheirTasksStart(t *testing.T) {
	crash := func(a *Agent) { a.Crash(); a.Restart() }
	kill := func(a *Agent) { a.KillStartingExecutors() }
	for name, tc := range map[string]struct {
		simulate bool
		die      func(*Agent)
	}{
		"with their agent, processes": {false, crash}, "with their agent, simulated": {true, crash},
		"alone, processes": {false, kill}, "alone, simulated": {true, kill},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, Config{AgentPingTimeout: time.Hour, ReregisterDelay: time.Millisecond, Simulate: tc.simulate})
			s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
			o := s.offer()
			c.Agent(0).HoldExecutors(true)
			ran := t.TempDir() + "/ran"
			task := shell(o, "t", "touch "+ran)
			if tc.simulate {
				task = simulated(o, "t", "never")
			}
			s.launch(o, task)
			tc.die(c.Agent(0))
			c.Agent(0).HoldExecutors(false)
			states, last := s.follow()
			if diff := cmp.Diff([]string{"TASK_FAILED"}, states); diff != "" {
				t.Fatal(diff)
			}
			if last.GetReason() != mesos.REASON_EXECUTOR_TERMINATED || last.GetSource() != mesos.SOURCE_AGENT ||
				last.GetMessage() != "Executor terminated" || last.ContainerStatus != nil {
				t.Errorf("ended with %v", last)
			}
			if _, err := os.Stat(ran); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the task ran: %v", err)
			}
			// The agent is as good as before.
			s.launch(s.offer(), shell(o, "next", "true"))
			if states, _ := s.follow(); states[len(states)-1] != "TASK_FINISHED" {
				t.Errorf("the next task: %v", states)
			}
		})
	}
}

func TestTaskStartsWhenItsExecutorHasRegistered(t *testing.T) {
	for _, simulate := range []bool{false, true} {
		c := start(t, Config{ExecutorStartup: time.Millisecond, Simulate: simulate})
		s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
		o := s.offer()
		c.Agent(0).HoldExecutors(true)
		s.launch(o, shell(o, "t", "true"))
		s.must(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{}})
		if got := *s.update().State; got != mesos.TASK_STAGING {
			t.Errorf("before its executor has registered, simulate %t: %s", simulate, got)
		}
		c.Agent(0).HoldExecutors(false)
		states, _ := s.follow()
		if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"}, states); diff != "" {
			t.Errorf("simulate %t: %s", simulate, diff)
		}
	}
}

func TestKillBeforeTheExecutorHasRegistered(t *testing.T) {
	for _, simulate := range []bool{false, true} {
		c := start(t, Config{ExecutorStartup: time.Hour, Simulate: simulate})
		s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
		o := s.offer()
		s.launch(o, shell(o, "t", "true"))
		s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "t"}}})
		states, last := s.follow()
		if diff := cmp.Diff([]string{"TASK_KILLED"}, states); diff != "" {
			t.Errorf("simulate %t: %s", simulate, diff)
		}
		if last.GetReason() != mesos.REASON_TASK_KILLED_DURING_LAUNCH {
			t.Errorf("simulate %t: %v", simulate, last)
		}
	}
}

func TestServeFaultsOfExecutors(t *testing.T) {
	c := start(t, Config{})
	url, err := c.ServeFaults(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	for path, want := range map[string]int{
		"/agents/0/holdexecutors": http.StatusBadRequest, "/agents/7/holdexecutors?on=true": http.StatusNotFound,
		"/agents/0/holdexecutors?on=true": http.StatusNoContent,
	} {
		if code := fault(t, url, path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	s.launch(o, shell(o, "dies", "true"))
	if code := fault(t, url, "/agents/0/killexecutors"); code != http.StatusNoContent {
		t.Errorf("killexecutors: %d", code)
	}
	if states, _ := s.follow(); len(states) != 1 {
		t.Errorf("states: %v", states)
	}
	if code := fault(t, url, "/agents/0/holdexecutors?on=false"); code != http.StatusNoContent {
		t.Errorf("holdexecutors: %d", code)
	}
}
