package mesos

import (
	"testing"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	"horae/internal/offer"
)

func TestUpdates(t *testing.T) {
	// As recorded: from an executor, from a reconciliation, from a master that could not launch, of a sick task, of one that cannot be
	// reached.
	for _, name := range []string{"update-failed", "update-reconciled", "update-dropped", "update-unhealthy", "update-unreachable"} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, fromStatus(&readEventJSON(t, name).Update.Status))
		})
	}
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		name    string
		state   mesosv1.TaskState
		message string
		want    int32
		none    bool
	}{
		{name: "success", state: mesosv1.TASK_FINISHED, message: "Command exited with status 0", want: 0},
		{name: "failure", state: mesosv1.TASK_FAILED, message: "Command exited with status 137", want: 137},
		{name: "killed, exited by itself", state: mesosv1.TASK_KILLED, message: "Command exited with status 0", want: 0},
		{name: "of the Docker executor", state: mesosv1.TASK_FAILED, message: "Container exited with status 2", want: 2},
		{name: "with more behind it", state: mesosv1.TASK_FAILED, message: "Command exited with status 3: oops", want: 3},
		{name: "a signal", state: mesosv1.TASK_FAILED, message: "Command terminated with signal Killed", none: true},
		{name: "a fetcher's status", state: mesosv1.TASK_FAILED, message: "Failed to launch container: Failed to fetch all URIs for container 'x': exited with status 1", none: true},
		{name: "without its number", state: mesosv1.TASK_FAILED, message: "Command exited with status unknown", none: true},
		{name: "more than a number", state: mesosv1.TASK_FAILED, message: "Command exited with status 99999999999", none: true},
		{name: "while running", state: mesosv1.TASK_RUNNING, message: "Command exited with status 3", none: true},
		{name: "no message", state: mesosv1.TASK_FAILED, none: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := &mesosv1.TaskStatus{State: tt.state.Enum()}
			if tt.message != "" {
				status.Message = &tt.message
			}
			got := fromStatus(status).ExitCode
			if tt.none != (got == nil) || got != nil && *got != tt.want {
				t.Errorf("exit code %v", got)
			}
		})
	}
}

// Every state that offer knows is spelt as mesos-go spells it, and the other way round.
func TestStatesAreMesosStates(t *testing.T) {
	known := map[offer.State]bool{}
	for _, s := range offer.States {
		known[s] = true
	}
	for n := range mesosv1.TaskState_name {
		s := mesosv1.TaskState(n)
		if got := fromState(&s); !known[got] {
			t.Errorf("%d is %s, which package offer does not know", n, got)
		}
		delete(known, fromState(&s))
	}
	for s := range known {
		t.Errorf("%s is no state of Mesos", s)
	}
}

// Every reason that offer knows has the name and the number that mesos-go gives it, and the other way round.
func TestReasonsAreMesosReasons(t *testing.T) {
	if len(offer.Reasons) != len(mesosv1.TaskStatus_Reason_name) {
		t.Errorf("package offer knows %d reasons, mesos-go %d", len(offer.Reasons), len(mesosv1.TaskStatus_Reason_name))
	}
	for n, name := range offer.Reasons {
		reason := mesosv1.TaskStatus_Reason(n)
		if got := fromStatus(&mesosv1.TaskStatus{State: mesosv1.TASK_FAILED.Enum(), Reason: &reason}).Reason; got != name {
			t.Errorf("reason %d is read as %s, not as %s", n, got, name)
		}
	}
}

func TestWhatMesosMayInvent(t *testing.T) {
	state, reason, source := mesosv1.TaskState(99), mesosv1.TaskStatus_Reason(98), mesosv1.TaskStatus_Source(97)
	u := fromStatus(&mesosv1.TaskStatus{State: &state, Reason: &reason, Source: &source})
	if u.State != "TASK_STATE_99" || u.Reason != "98" || u.Source != "97" {
		t.Errorf("update %+v", u)
	}
}
