package placement

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"horae/internal/offer"
)

// bin is what one agent has free for one role, over all of its offers.
type bin struct {
	offers []offer.Offer
	// parts are in the order in which they are used up: reserved before unreserved.
	parts []part
	free  Need // the sum of the parts that are not revocable
	// revocable is the sum of the others; only requests that ask for them get those.
	revocable Need
	whole     Need // as free was at first
	// tasks is how many tasks it got in this placement; agent is its index in Placement.Agents.
	tasks, agent int

	batch int64 // with which it came to the pool
	at    int   // on the shelf; or loose, or gone
}

// part is one resource of an agent, as far as it is free.
type part struct {
	*offer.Resource
	dimension int           // -1: ports
	left      int64         // of a scalar, in thousandths
	ranges    []offer.Range // of ports
}

// newBin puts together what one agent offers to one role.
func newBin(offers []offer.Offer) *bin {
	b := &bin{offers: offers, at: loose}
	n := 0
	for i := range offers {
		n += len(offers[i].Resources)
	}
	b.parts = make([]part, 0, n)
	for i := range offers {
		for j := range offers[i].Resources {
			b.add(&offers[i].Resources[j])
		}
	}
	b.whole = b.free
	return b
}

// add puts a resource into the bin, if a task may take of it.
func (b *bin) add(r *offer.Resource) {
	if !usable(r) {
		return
	}
	d := slices.Index(dimensionNames[:], r.Name)
	switch {
	case d >= 0 && r.Type == offer.Scalar:
		amount := int64(r.Scalar*1000 + 0.5)
		b.part(r, d).left += amount
		b.kind(r.Revocable).amount[d] += amount
	case r.Name == "ports" && r.Type == offer.Ranges && !r.Revocable:
		at := b.part(r, -1)
		at.ranges = slices.Grow(at.ranges, len(r.Ranges))
		for _, ports := range r.Ranges {
			if ports.End >= ports.Begin {
				at.ranges = append(at.ranges, ports)
				b.free.ports += int64(ports.End - ports.Begin + 1)
			}
		}
		slices.SortFunc(at.ranges, func(x, y offer.Range) int { return cmp.Compare(x.Begin, y.Begin) })
	}
}

// usable reports whether a task may use the resource: neither shared ones nor those of a storage provider.
func usable(r *offer.Resource) bool { return !r.Shared && r.ProviderID == "" }

func (b *bin) kind(revocable bool) *Need {
	if revocable {
		return &b.revocable
	}
	return &b.free
}

// part finds the part that the resource adds to, or makes it, reserved ones first.
func (b *bin) part(r *offer.Resource, dimension int) *part {
	for i := range b.parts {
		if sameKind(b.parts[i].Resource, r) {
			return &b.parts[i]
		}
	}
	at := len(b.parts)
	if len(r.Reservations) > 0 {
		at = 0
	}
	b.parts = slices.Insert(b.parts, at, part{Resource: r, dimension: dimension})
	return &b.parts[at]
}

// sameKind reports whether two resources differ in nothing but their amount. Mesos adds those up.
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

// compareBins is the order in which bins are filled: the one with the least free first. A bin keeps its rank
// while it is in the pool: when it gets a task it leaves.
func compareBins(a, b *bin) int {
	return cmp.Or(
		cmp.Compare(a.whole.amount[gpus], b.whole.amount[gpus]), // Agents with GPUs are kept for those who need them.
		cmp.Compare(a.whole.amount[cpus], b.whole.amount[cpus]), cmp.Compare(a.whole.amount[mem], b.whole.amount[mem]),
		strings.Compare(a.offers[0].AgentID, b.offers[0].AgentID))
}

// fits reports whether the bin has room for a task. Of one resource the task takes either revocable or other
// amounts: Mesos refuses a mixture.
func (b *bin) fits(s *shape) bool {
	for d, want := range s.amount {
		if b.free.amount[d] < want && !(s.revocable && b.revocable.amount[d] >= want) {
			return false
		}
	}
	return b.free.ports >= s.ports && b.hasPorts(s.hostPorts)
}

// either is the most that a task can get if it accepts revocable resources.
func (b *bin) either() Need { return most(&b.free, &b.revocable) }

// window returns when the agent's present or next maintenance begins; false: none is planned.
func (b *bin) window(now time.Time) (start time.Time, planned bool) {
	for i := range b.offers {
		w := b.offers[i].Unavailable
		if w == nil || WindowOver(*w, now) {
			continue
		}
		if !planned || w.Start.Before(start) {
			start, planned = w.Start, true
		}
	}
	return start, planned
}

// take subtracts what the request needs, and appends the resources that the task is to name to room. The bin
// must have enough.
func (b *bin) take(r *Request, room *[]offer.Resource) Placed {
	b.tasks++
	placed := Placed{Request: r}
	if most := 2 * len(b.parts); cap(*room)-len(*room) < most {
		*room = make([]offer.Resource, 0, max(most, moreRoom(cap(*room))))
	}
	first := len(*room)
	for d, want := range r.shape.amount {
		if want == 0 {
			continue
		}
		revocable := r.shape.revocable && b.revocable.amount[d] >= want
		b.kind(revocable).amount[d] -= want
		for i := range b.parts {
			at := &b.parts[i]
			if at.dimension != d || at.Revocable != revocable || at.left == 0 {
				continue
			}
			taken := min(want, at.left)
			at.left -= taken
			res := *at.Resource
			res.Scalar = float64(taken) / 1000
			*room = append(*room, res)
			if want -= taken; want == 0 {
				break
			}
		}
	}
	if r.shape.ports > 0 {
		b.takePorts(r, &placed, room)
	}
	placed.Resources = (*room)[first:len(*room):len(*room)]
	return placed
}

// moreRoom is how many resources, or places, the next block of memory holds. Single allocations would keep the
// garbage collector busy, and one growing block would be copied again and again.
func moreRoom(last int) int { return min(max(8, 2*last), 256) }
