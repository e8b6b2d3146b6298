package run

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/controllers/run/runtest"
	"horae/internal/offer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is shared with the tests of placement.
var (
	t0       = runtest.T0
	at       = runtest.At
	timeAt   = runtest.TimeAt
	seconds  = runtest.Seconds
	quantity = runtest.Quantity
	testRun  = runtest.Run
	agent    = runtest.Agent
)

func ptr[T any](v T) *T { return &v }

// taskID is the id of attempt n of testRun.
func taskID(n int) string {
	return TaskID{Namespace: "default", Run: "hello-20261122t020000z", Incarnation: 100, Attempt: n}.String()
}

// attempt n of testRun, launched at one second.
func attempt(n int, state v1.RunPhase, change ...func(*v1.Attempt)) v1.Attempt {
	a := v1.Attempt{TaskID: taskID(n), AgentID: "S0", Hostname: "node1", AgentURL: "http://node1:5051/slave(1)", State: state, LaunchTime: *timeAt(time.Second)}
	if state == v1.RunRunning {
		a.StartTime = timeAt(2 * time.Second)
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// withAttempts puts the Run into the phase of its last attempt.
func withAttempts(as ...v1.Attempt) func(*v1.Run) {
	return func(r *v1.Run) {
		r.Status.Attempts = as
		r.Status.Phase = as[len(as)-1].State
		r.Status.StartTime = as[len(as)-1].StartTime
	}
}

// update of attempt n, which wants to be acknowledged.
func update(n int, state offer.State, change ...func(*offer.Update)) offer.Update {
	u := offer.Update{TaskID: taskID(n), AgentID: "S0", State: state, Source: "EXECUTOR", UUID: []byte("uuid-" + string(state)), Timestamp: at(3 * time.Second)}
	for _, c := range change {
		c(&u)
	}
	return u
}

// reconciled makes an update an answer of the master's to a question.
func reconciled(u *offer.Update) { u.UUID, u.Source, u.Reason = nil, "MASTER", mesosReconciliation }

// because gives an update a reason. "Not sent" is about the intent with the attempt's launchTime.
func because(reason string) func(*offer.Update) {
	return func(u *offer.Update) {
		if u.Reason = reason; reason == notSent {
			u.Timestamp = attempt(1, v1.RunLaunching).LaunchTime.Time
		}
	}
}

func exited(code int32) func(*offer.Update) {
	return func(u *offer.Update) { u.ExitCode, u.Message = &code, "Command exited with status" }
}

// wants is a request named name for so much.
func wants(t testing.TB, name, cpus, memory string, change ...func(*v1.Run)) *placement.Request {
	t.Helper()
	run := testRun(append([]func(*v1.Run){func(r *v1.Run) {
		r.Name = name
		r.Spec.Task.Resources = v1.Resources{CPUs: quantity(cpus), Memory: quantity(memory), Disk: quantity("0")}
	}}, change...)...)
	req, err := placement.NewRequest(run, t0, "horae")
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func ports(n int32) func(*v1.Run) { return func(r *v1.Run) { r.Spec.Task.Resources.Ports = n } }

func constrained(cs ...v1.Constraint) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Task.Constraints = cs }
}

func one(attribute string, op v1.ConstraintOperator, value string) []v1.Constraint {
	return []v1.Constraint{{Attribute: attribute, Operator: op, Value: value}}
}
