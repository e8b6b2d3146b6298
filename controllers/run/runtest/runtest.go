// Package runtest has the Runs and offers that the tests of the run controller and of placement begin with. Only tests
// import it.
package runtest

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// T0 is when the Runs of the tests were created.
var T0 = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// At is a time so long after T0.
func At(d time.Duration) time.Time { return T0.Add(d) }

// TimeAt is At, for a field that may be absent.
func TimeAt(d time.Duration) *v1.Time { return v1.NewTimePtr(T0.Add(d)) }

// Seconds is a length of time, for a field that may be absent.
func Seconds(n int) *v1.Duration { return &v1.Duration{Duration: time.Duration(n) * time.Second} }

// Quantity reads an amount of a resource.
func Quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// Run is a Run as the cache has it: pending, of incarnation 100.
func Run(change ...func(*v1.Run)) *store.Run {
	r := &v1.Run{
		ObjectMeta: metav1.ObjectMeta{
			Name: "hello-20261122t020000z", Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"},
			CreationTimestamp: metav1.NewTime(T0),
		},
		Spec: v1.RunSpec{Job: "hello", Reason: v1.ReasonSchedule, ScheduledTime: TimeAt(0), Task: v1.TaskSpec{Shell: "true"}},
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

// Agent offers plain resources to role horae.
func Agent(n int, cpus, mem float64, change ...func(*offer.Offer)) offer.Offer {
	o := offer.Offer{
		ID: fmt.Sprintf("O%d", n), AgentID: fmt.Sprintf("S%d", n), Hostname: fmt.Sprintf("node%d", n), Role: "horae",
		AgentURL: fmt.Sprintf("http://node%d:5051/slave(1)", n),
		Resources: []offer.Resource{
			Scalar("cpus", cpus), Scalar("mem", mem), Scalar("disk", 10000),
			{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 31000, End: 31009}}, AllocatedRole: "horae"},
		},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

// Scalar is an amount of a resource that is allocated to role horae.
func Scalar(name string, v float64) offer.Resource {
	return offer.Resource{Name: name, Type: offer.Scalar, Scalar: v, AllocatedRole: "horae"}
}
