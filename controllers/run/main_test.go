package run

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is when the Runs of the tests were created.
var t0 = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time    { return t0.Add(d) }
func timeAt(d time.Duration) *v1.Time { return v1.NewTimePtr(t0.Add(d)) }
func seconds(n int) *v1.Duration      { return &v1.Duration{Duration: time.Duration(n) * time.Second} }
func ptr[T any](v T) *T               { return &v }

// testRun is a Run as the cache has it: pending, of incarnation 100.
func testRun(change ...func(*v1.Run)) *store.Run {
	r := &v1.Run{
		ObjectMeta: metav1.ObjectMeta{
			Name: "hello-20261122t020000z", Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"},
			CreationTimestamp: metav1.NewTime(t0),
		},
		Spec: v1.RunSpec{Job: "hello", Reason: v1.ReasonSchedule, ScheduledTime: timeAt(0), Task: v1.TaskSpec{Shell: "true"}},
	}
	for _, c := range change {
		c(r)
	}
	v1.SetDefaultsRun(r)
	e := &store.Run{Key: store.RunKey(r.Namespace, r.Name), Rev: store.Revisions{SpecCreate: 100, SpecMod: 100, SpecVersion: 1}, Object: r}
	if r.Status.Phase != "" {
		e.Rev.StatusMod = 200
	}
	return e
}

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

func quantity(s string) *resource.Quantity { return ptr(resource.MustParse(s)) }

// agent offers plain resources to role horae.
func agent(n int, cpus, mem float64, change ...func(*offer.Offer)) offer.Offer {
	o := offer.Offer{
		ID: fmt.Sprintf("O%d", n), AgentID: fmt.Sprintf("S%d", n), Hostname: fmt.Sprintf("node%d", n), AgentURL: fmt.Sprintf("http://node%d:5051/slave(1)", n), Role: "horae",
		Resources: []offer.Resource{
			scalar("cpus", cpus), scalar("mem", mem), scalar("disk", 10000),
			{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 31000, End: 31009}}, AllocatedRole: "horae"},
		},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func scalar(name string, v float64) offer.Resource {
	return offer.Resource{Name: name, Type: offer.Scalar, Scalar: v, AllocatedRole: "horae"}
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
