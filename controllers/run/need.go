package run

import (
	"math"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// dimension is a resource that is a number. Amounts are counted in thousandths, as Mesos does: three decimals, no rounding
// errors that add up.
type dimension int

const (
	cpus dimension = iota
	mem
	disk
	gpus
	dimensions
)

// dimensionNames are Mesos's; it counts memory and disk in MiB, and calls them MB.
var dimensionNames = [dimensions]string{"cpus", "mem", "disk", "gpus"}

// mib is what Mesos's unit of memory and disk is in bytes.
const mib = 1 << 20

// need is what one attempt takes from an agent.
type need struct {
	amount [dimensions]int64 // in thousandths
	ports  int64
}

// needOf reads the resources of a task. Memory and disk are rounded up to a thousandth of a MiB.
func needOf(r *v1.Resources) need {
	n := need{ports: int64(r.Ports)}
	n.amount[cpus] = milli(r.CPUs, 1)
	n.amount[mem] = milli(r.Memory, mib)
	n.amount[disk] = milli(r.Disk, mib)
	n.amount[gpus] = int64(r.GPUs) * 1000
	return n
}

func milli(q *resource.Quantity, unit float64) int64 {
	if q == nil {
		return 0
	}
	if unit == 1 {
		return q.MilliValue()
	}
	return int64(math.Ceil(q.AsApproximateFloat64() / unit * 1000))
}

// Request is an attempt that waits for a place.
type Request struct {
	// Run as it was when the attempt was asked for; the intent is guarded by its revisions.
	Run *store.Run
	// Priority: higher first.
	Priority int32
	// Since is when it began to wait: older first.
	Since time.Time

	shape       shape
	constraints *constraints
}

// shape is all of a request that decides where it fits. Two requests of one shape fit, or do not fit, the same places.
type shape struct {
	need
	role string
	// constraints as text, so that shapes can be compared.
	constraints string
}

// NewRequest reads a Run's wish for an attempt. defaultRole is for tasks that name none.
func NewRequest(r *store.Run, since time.Time, defaultRole string) (*Request, error) {
	t := &r.Object.Spec.Task
	c, err := compile(t.Constraints)
	if err != nil {
		return nil, err
	}
	role := t.Role
	if role == "" {
		role = defaultRole
	}
	return &Request{
		Run: r, Priority: r.Object.Spec.Priority, Since: since,
		shape:       shape{need: needOf(&t.Resources), role: role, constraints: c.text},
		constraints: c,
	}, nil
}

// less orders requests: by priority, then by age. It is the one place that knows about order.
func less(a, b *Request) int {
	switch {
	case a.Priority != b.Priority:
		return int(b.Priority) - int(a.Priority)
	case !a.Since.Equal(b.Since):
		return a.Since.Compare(b.Since)
	}
	return strings.Compare(a.Run.Key.Name, b.Run.Key.Name)
}

// part is one resource of an agent, in so far as it is free.
type part struct {
	resource offer.Resource
	left     int64         // of a scalar, in thousandths
	ranges   []offer.Range // of ports
}

// sameKind reports whether two resources differ in their amount only, so that Mesos counts them as one.
func sameKind(a, b *offer.Resource) bool {
	if a.Name != b.Name || a.Type != b.Type || a.AllocatedRole != b.AllocatedRole || a.ProviderID != b.ProviderID ||
		a.Revocable != b.Revocable || a.Shared != b.Shared || len(a.Reservations) != len(b.Reservations) {
		return false
	}
	for i := range a.Reservations {
		x, y := &a.Reservations[i], &b.Reservations[i]
		if x.Dynamic != y.Dynamic || x.Role != y.Role || x.Principal != y.Principal || len(x.Labels) != len(y.Labels) {
			return false
		}
		for k, v := range x.Labels {
			if w, ok := y.Labels[k]; !ok || v != w {
				return false
			}
		}
	}
	return true
}

// usable reports whether a plain task may take of the resource: not what the agent may take back at any time, and not the
// volumes of a storage provider.
func usable(r *offer.Resource) bool { return !r.Revocable && !r.Shared && r.ProviderID == "" }
