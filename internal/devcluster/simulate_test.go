package devcluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// simulated makes a task with the label sim.
func simulated(o mesos.Offer, id, sim string) mesos.TaskInfo {
	task := shell(o, id, "not run")
	if sim != "" {
		task.Labels = &mesos.Labels{Labels: []mesos.Label{{Key: "team", Value: ptr("a")}, {Key: simLabel, Value: &sim}}}
	}
	return task
}

func TestLabelSaysHowASimulatedTaskEnds(t *testing.T) {
	c := start(t, Config{Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	for _, c := range []struct {
		name, sim string
		states    []string
		message   string
		atLeast   time.Duration
	}{
		{name: "no label: succeeds at once", states: []string{"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"}, message: "Command exited with status 0"},
		{name: "ok after a while", sim: "ok,30ms", states: []string{"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"},
			message: "Command exited with status 0", atLeast: 30 * time.Millisecond},
		{name: "exit code", sim: "exit:3,1ms", states: []string{"TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"}, message: "Command exited with status 3"},
		{name: "lost", sim: "lost", states: []string{"TASK_STARTING", "TASK_RUNNING", "TASK_LOST"}, message: "Simulated loss"},
		{name: "an outcome that is none", sim: "maybe", states: []string{"TASK_ERROR"},
			message: `label sim: "maybe": want ok, exit:N, lost or never, and optionally a duration: exit:3,10ms`},
		{name: "a duration that is none", sim: "ok,soon", states: []string{"TASK_ERROR"}, message: `label sim: "ok,soon": "soon" is not a duration such as 1500ms`},
		{name: "an exit code that is none", sim: "exit:300", states: []string{"TASK_ERROR"}, message: `label sim: "exit:300": "300" is not an exit code from 0 to 255`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			o := s.offer()
			began := time.Now()
			s.launch(o, simulated(o, "t", c.sim))
			states, last := s.follow()
			if diff := cmp.Diff(c.states, states); diff != "" {
				t.Error(diff)
			}
			if last.GetMessage() != c.message {
				t.Errorf("message: got %q, want %q", last.GetMessage(), c.message)
			}
			if took := time.Since(began); took < c.atLeast {
				t.Errorf("it ended after %s", took)
			}
		})
	}
}

func TestSimulatedTaskThatNeverEndsCanBeKilledAndTimesOut(t *testing.T) {
	c := start(t, Config{Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, simulated(o, "killed", "never"))
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "killed"}}})
	states, _ := s.follow()
	if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"}, states); diff != "" {
		t.Error(diff)
	}
	o = s.offer()
	slow := simulated(o, "slow", "never")
	slow.MaxCompletionTime = &mesos.DurationInfo{Nanoseconds: int64(10 * time.Millisecond)}
	s.launch(o, slow)
	_, last := s.follow()
	if *last.State != mesos.TASK_FAILED || *last.Reason != mesos.REASON_MAX_COMPLETION_TIME_REACHED {
		t.Errorf("got %v", last)
	}
}
