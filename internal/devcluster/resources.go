package devcluster

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// unreserved is the role of resources that are reserved for nobody.
const unreserved = "*"

// resource is an amount of one thing, reserved for a role or not. Scalars are in thousandths, as Mesos counts them.
type resource struct {
	name   string
	role   string
	kind   mesos.Value_Type
	scalar int64
	ranges []span
	items  []string
}

// span is a range of whole numbers, both ends included.
type span struct{ begin, end uint64 }

// resources holds at most one entry per name and role, none of them empty. A value is never changed: plus and minus
// make new ones.
type resources []resource

func (r resource) empty() bool {
	switch r.kind {
	case mesos.SCALAR:
		return r.scalar <= 0
	case mesos.RANGES:
		return len(r.ranges) == 0
	default:
		return len(r.items) == 0
	}
}

func (rs resources) find(name, role string) int {
	for i := range rs {
		if rs[i].name == name && rs[i].role == role {
			return i
		}
	}
	return -1
}

// plus returns the sum.
func (rs resources) plus(other resources) resources {
	sum := slices.Clone(rs)
	for _, o := range other {
		i := sum.find(o.name, o.role)
		if i < 0 {
			sum = append(sum, o)
			continue
		}
		sum[i].scalar += o.scalar
		sum[i].ranges = addSpans(sum[i].ranges, o.ranges)
		sum[i].items = addItems(sum[i].items, o.items)
	}
	return sum
}

// minus returns what is left; what other has more of is left out, never negative.
func (rs resources) minus(other resources) resources {
	rest := slices.Clone(rs)
	for _, o := range other {
		if i := rest.find(o.name, o.role); i >= 0 {
			rest[i].scalar -= o.scalar
			rest[i].ranges = subtractSpans(rest[i].ranges, o.ranges)
			rest[i].items = slices.DeleteFunc(slices.Clone(rest[i].items), func(s string) bool { return slices.Contains(o.items, s) })
		}
	}
	return slices.DeleteFunc(rest, resource.empty)
}

// contains reports whether all of other is in rs.
func (rs resources) contains(other resources) bool {
	for _, o := range other {
		i := rs.find(o.name, o.role)
		if i < 0 || rs[i].kind != o.kind || rs[i].scalar < o.scalar {
			return false
		}
		if len(subtractSpans(o.ranges, rs[i].ranges)) > 0 {
			return false
		}
		for _, item := range o.items {
			if !slices.Contains(rs[i].items, item) {
				return false
			}
		}
	}
	return true
}

// hasPort reports whether a port is among them.
func (rs resources) hasPort(port uint64) bool {
	return slices.ContainsFunc(rs, func(r resource) bool {
		return r.name == "ports" && slices.ContainsFunc(r.ranges, func(s span) bool { return s.begin <= port && port <= s.end })
	})
}

// forRole returns what a framework in this role can have, the unreserved and what is reserved for it, in the order in
// which Mesos offers it.
func (rs resources) forRole(role string) resources {
	var out resources
	for _, r := range rs {
		if r.role == unreserved || r.role == role {
			out = append(out, r)
		}
	}
	out.sort()
	return out
}

// amount returns the total of a scalar in thousandths, over all roles.
func (rs resources) amount(name string) int64 {
	var sum int64
	for _, r := range rs {
		if r.name == name {
			sum += r.scalar
		}
	}
	return sum
}

// allocatable reports whether Mesos would offer this: min_allocatable_resources is cpus:0.01|mem:32.
func (rs resources) allocatable() bool {
	return rs.amount("cpus") >= 10 || rs.amount("mem") >= 32_000
}

func (rs resources) sort() {
	rank := func(r resource) int {
		order := []string{"ports", "cpus", "mem", "disk", "gpus"}
		i := slices.Index(order, r.name)
		if r.role != unreserved {
			// Reserved ones come first, in the order in which they were configured: sort is stable.
			return -1
		}
		if i < 0 {
			return len(order)
		}
		return i
	}
	sort.SliceStable(rs, func(i, j int) bool { return rank(rs[i]) < rank(rs[j]) })
}

// text is how Mesos prints resources in messages.
func (rs resources) text(allocated string) string {
	parts := make([]string, 0, len(rs))
	for _, r := range rs {
		s := r.name
		if allocated != "" {
			s += "(allocated: " + allocated + ")"
		}
		if r.role != unreserved {
			s += "(reservations: [(STATIC," + r.role + ")])"
		}
		parts = append(parts, s+":"+r.value())
	}
	return strings.Join(parts, "; ")
}

func (r resource) value() string {
	switch r.kind {
	case mesos.SCALAR:
		return strconv.FormatFloat(float64(r.scalar)/1000, 'f', -1, 64)
	case mesos.RANGES:
		parts := make([]string, len(r.ranges))
		for i, s := range r.ranges {
			parts[i] = fmt.Sprintf("%d-%d", s.begin, s.end)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return "{" + strings.Join(r.items, ", ") + "}"
	}
}

// toMesos makes the wire form. allocated is the role it is allocated to, or empty; refined asks for the format of
// frameworks with the capability RESERVATION_REFINEMENT.
func (rs resources) toMesos(allocated string, refined bool) []mesos.Resource {
	if len(rs) == 0 {
		return nil
	}
	out := make([]mesos.Resource, len(rs))
	for i, r := range rs {
		m := mesos.Resource{Name: r.name, Type: r.kind.Enum()}
		switch r.kind {
		case mesos.SCALAR:
			m.Scalar = &mesos.Value_Scalar{Value: float64(r.scalar) / 1000}
		case mesos.RANGES:
			m.Ranges = &mesos.Value_Ranges{}
			for _, s := range r.ranges {
				m.Ranges.Range = append(m.Ranges.Range, mesos.Value_Range{Begin: s.begin, End: s.end})
			}
		default:
			m.Set = &mesos.Value_Set{Item: r.items}
		}
		switch {
		case !refined:
			m.Role = &rs[i].role
		case r.role != unreserved:
			m.Reservations = []mesos.Resource_ReservationInfo{{Type: mesos.Resource_ReservationInfo_STATIC.Enum(), Role: &rs[i].role}}
		}
		if allocated != "" {
			m.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &allocated}
		}
		out[i] = m
	}
	return out
}

// fromMesos reads the wire form; entries of the same name and role are added up. The error says what is wrong in
// words for the one who sent it.
func fromMesos(list []mesos.Resource) (resources, error) {
	var out resources
	for _, m := range list {
		r := resource{name: m.Name, role: unreserved, kind: m.GetType()}
		if m.Role != nil && *m.Role != "" {
			r.role = *m.Role
		}
		if n := len(m.Reservations); n > 0 && m.Reservations[n-1].Role != nil {
			r.role = *m.Reservations[n-1].Role
		}
		switch {
		case m.Disk != nil && (m.Disk.Persistence != nil || m.Disk.Source != nil):
			return nil, fmt.Errorf("resource %s: disk sources and persistent volumes are not supported by the dev cluster", m.Name)
		case m.Revocable != nil:
			return nil, fmt.Errorf("resource %s: revocable resources are not supported by the dev cluster", m.Name)
		case m.Scalar != nil:
			r.kind, r.scalar = mesos.SCALAR, int64(math.Round(m.Scalar.Value*1000))
			if r.scalar < 0 {
				return nil, said("Invalid scalar resource: value < 0")
			}
		case m.Ranges != nil:
			r.kind = mesos.RANGES
			for _, s := range m.Ranges.Range {
				r.ranges = addSpans(r.ranges, []span{{s.Begin, s.End}})
			}
		case m.Set != nil:
			r.kind, r.items = mesos.SET, addItems(nil, m.Set.Item)
		default:
			return nil, fmt.Errorf("resource %s has no value", m.Name)
		}
		if !r.empty() {
			out = out.plus(resources{r})
		}
	}
	return out, nil
}

// addSpans returns the union, sorted and without neighbours that touch.
func addSpans(a, b []span) []span {
	if len(b) == 0 {
		return a
	}
	all := append(slices.Clone(a), b...)
	sort.Slice(all, func(i, j int) bool { return all[i].begin < all[j].begin })
	out := all[:1]
	for _, s := range all[1:] {
		last := &out[len(out)-1]
		if s.begin <= last.end+1 {
			last.end = max(last.end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// subtractSpans returns what of a is not in b.
func subtractSpans(a, b []span) []span {
	out := slices.Clone(a)
	for _, cut := range b {
		var next []span
		for _, s := range out {
			if cut.end < s.begin || cut.begin > s.end {
				next = append(next, s)
				continue
			}
			if s.begin < cut.begin {
				next = append(next, span{s.begin, cut.begin - 1})
			}
			if s.end > cut.end {
				next = append(next, span{cut.end + 1, s.end})
			}
		}
		out = next
	}
	return out
}

func addItems(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
