package placement

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"k8s.io/apimachinery/pkg/api/resource"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// dimension is a resource that is a number. Amounts are counted in thousandths, as Mesos does: three decimals,
// no rounding errors that add up.
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

// Need is an amount of resources: what one attempt takes from an agent, or the sum of several.
type Need struct {
	amount [dimensions]int64 // in thousandths
	ports  int64
}

// NeedOf reads the resources of a task. Memory and disk are rounded up to a thousandth of a MiB.
func NeedOf(r *v1.Resources) Need {
	n := Need{ports: int64(r.Ports)}
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

// Plus adds another need.
func (n *Need) Plus(m *Need) {
	for d := range n.amount {
		n.amount[d] += m.amount[d]
	}
	n.ports += m.ports
}

// Minus subtracts another need.
func (n *Need) Minus(m *Need) {
	for d := range n.amount {
		n.amount[d] -= m.amount[d]
	}
	n.ports -= m.ports
}

// CPUs, Memory and Disk are in Mesos's units: memory and disk in MiB.
func (n *Need) CPUs() float64   { return float64(n.amount[cpus]) / 1000 }
func (n *Need) Memory() float64 { return float64(n.amount[mem]) / 1000 }
func (n *Need) Disk() float64   { return float64(n.amount[disk]) / 1000 }

// covers reports whether what is free is enough.
func (n *Need) covers(want *Need) bool {
	for d := range n.amount {
		if n.amount[d] < want.amount[d] {
			return false
		}
	}
	return n.ports >= want.ports
}

// Request is an attempt that waits for a place.
type Request struct {
	// Run as it was when the attempt was requested. Its revisions guard the write of the intent.
	Run *store.Run
	// Priority: higher first.
	Priority int32
	// Since is when it began to wait: the oldest first.
	Since time.Time
	// Avoid lists agents that get the attempt only if no other agent has room.
	Avoid []string

	job         store.Key
	jobID       unique.Handle[store.Key] // the same
	shape       shape
	kind        unique.Handle[kind]
	constraints *constraints

	peers    *peers   // the group that it waits in
	reported reported // why it waits
	lot      uint64   // decides among those that have waited equally long
}

// kind is equal for requests that fit the same places. job is set for requests that depend on their Job's other
// attempts.
type kind struct {
	shape
	job store.Key
}

// shape is everything that decides where a request fits, except for its Job's other attempts and for when it ends.
type shape struct {
	Need
	role string
	// constraints as text, so that shapes can be compared.
	constraints       string
	hostPorts         hostPorts
	spread, revocable bool
	// avoid is Avoid as text.
	avoid string
}

// NewRequest makes the request for a Run's next attempt. defaultRole is for tasks that name no role; avoid
// lists agents on which the Run's last attempts could not start.
func NewRequest(r *store.Run, since time.Time, defaultRole string, avoid ...string) (*Request, error) {
	spec := &r.Object.Spec
	t := &spec.Task
	c, err := compile(t.Constraints)
	if err != nil {
		return nil, err
	}
	request := &Request{
		Run: r, Priority: spec.Priority, Since: since, Avoid: avoid, job: jobOf(r.Key.Namespace,
			r.Object), constraints: c, lot: lotOf(r),
		shape: shape{
			Need: NeedOf(&t.Resources), role: cmp.Or(t.Role, defaultRole), constraints: c.text,
			hostPorts: hostPortsOf(t), spread: t.Placement == v1.PlacementSpread, revocable: t.Resources.Revocable,
			avoid: strings.Join(slices.Sorted(slices.Values(avoid)), "\x00"),
		},
	}
	request.shape.ports += request.shape.hostPorts.count()
	request.jobID = unique.Make(request.job)
	k := kind{shape: request.shape}
	if c.others() {
		k.job = request.job
	}
	request.kind = unique.Make(k)
	return request, nil
}

// lotOf draws the lot of a Run. Each occurrence of a Job gets another one, so that no Job loses each time; one
// Run always gets the same.
func lotOf(r *store.Run) uint64 {
	h := fnv.New64a()
	h.Write([]byte(r.Key.Namespace))
	h.Write([]byte{0})
	h.Write([]byte(r.Key.Name))
	if t := r.Object.Spec.ScheduledTime; t != nil {
		h.Write(strconv.AppendInt(nil, t.UnixNano(), 36))
	}
	x := h.Sum64()
	// FNV's last bytes change the low bits alone: mix them into the high ones, which are compared first.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// Job is the key of the Run's Job.
func (r *Request) Job() store.Key { return r.job }

// Role is the role whose offers the request can use.
func (r *Request) Role() string { return r.shape.role }

// Need is what the request takes from an agent.
func (r *Request) Need() Need { return r.shape.Need }

// DependsOnJob reports whether the request may have to wait for the end of another attempt of its Job (Unique,
// MaxPer, GroupBy).
func (r *Request) DependsOnJob() bool { return r.constraints.others() }

func jobOf(namespace string, r *v1.Run) store.Key { return store.JobKey(namespace, r.Spec.Job) }

// ends returns when an attempt that starts now ends at the latest. If nothing bounds it, it is taken to last
// for the assumed time.
func (r *Request) ends(now time.Time, assumed time.Duration) (end time.Time, bound bool) {
	if end, bound = EndsBy(r.Run.Object, &v1.Attempt{}, now); !bound {
		end = now.Add(assumed)
	}
	return end, bound
}
