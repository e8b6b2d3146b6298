package run

import (
	"cmp"
	"slices"
	"strings"

	"horae/internal/offer"
)

// pool is what is free in the offers in hand, sorted by role and agent. It is kept as offers come and go, so that a placement
// costs what it places and not what is offered: of the bins only those that get something are touched. Its zero value is empty.
type pool struct {
	roles map[string]*rolePlaces
	bins  map[place]*bin  // by where they are
	of    map[string]*bin // by the offers in them
	// windowed are the bins whose agents' maintenance is planned.
	windowed map[*bin]struct{}
	free     need // all that the bins had when they came
}

// place is a role's part of an agent.
type place struct{ agent, role string }

// bin is what is free on one agent for one role, of all its offers.
type bin struct {
	offers []offer.Offer
	// parts are in the order in which they are used up: reserved before unreserved.
	parts []part
	free  need // the sum of the parts, without
	// revocable ones, which only those get that ask for them.
	revocable need
	whole     need // as free was at first
	tasks     []Placed

	at   int  // in the role's bins; -1: it is new
	gone bool // it is in the pool no more
}

// rolePlaces are the bins of one role, in the order in which they are filled, with an index that finds the first that is large
// enough.
type rolePlaces struct {
	bins []*bin // some of which may be gone
	tree tree
	// plain is the number of bins without GPUs: they come first.
	plain int
	// fresh bins are not among them yet: they are sorted in before the next placement. gone counts those that are gone.
	fresh []*bin
	gone  int
	held  int // bins that are there, fresh ones too
}

// has is how many offers there are.
func (p *pool) has() int { return len(p.of) }

// hasRole reports whether there are offers to the role.
func (p *pool) hasRole(role string) bool { return p.roles[role] != nil && p.roles[role].held > 0 }

// add puts offers in. What one agent offers to one role in several is put together.
func (p *pool) add(offers []offer.Offer) {
	if p.roles == nil {
		p.roles, p.bins, p.of, p.windowed = map[string]*rolePlaces{}, map[place]*bin{}, map[string]*bin{}, map[*bin]struct{}{}
	}
	for i := range offers {
		o := offers[i]
		if p.of[o.ID] != nil {
			continue
		}
		together := []offer.Offer{o}
		if b := p.bins[place{o.AgentID, o.Role}]; b != nil {
			together = append(slices.Clone(b.offers), o)
			p.drop(b)
		}
		p.insert(together)
	}
}

// insert makes a bin of an agent's offers.
func (p *pool) insert(offers []offer.Offer) {
	b := &bin{at: -1}
	for i := range offers {
		b.add(offers[i])
		p.of[offers[i].ID] = b
		if offers[i].Unavailable != nil {
			p.windowed[b] = struct{}{}
		}
	}
	b.whole = b.free
	p.free.plus(&b.whole)
	at := place{offers[0].AgentID, offers[0].Role}
	p.bins[at] = b
	if p.roles[at.role] == nil {
		p.roles[at.role] = &rolePlaces{}
	}
	p.roles[at.role].fresh = append(p.roles[at.role].fresh, b)
	p.roles[at.role].held++
}

// drop takes a bin out with all of its offers.
func (p *pool) drop(b *bin) {
	b.gone = true
	p.free.minus(&b.whole)
	for i := range b.offers {
		delete(p.of, b.offers[i].ID)
	}
	delete(p.windowed, b)
	at := place{b.offers[0].AgentID, b.offers[0].Role}
	delete(p.bins, at)
	r := p.roles[at.role]
	r.held--
	if b.at >= 0 {
		r.tree.set(b.at, &nothing)
		r.gone++
	}
}

// remove takes one offer out; the others of its agent stay.
func (p *pool) remove(id string) {
	b := p.of[id]
	if b == nil {
		return
	}
	p.drop(b)
	if rest := slices.DeleteFunc(slices.Clone(b.offers), func(o offer.Offer) bool { return o.ID == id }); len(rest) > 0 {
		p.insert(rest)
	}
}

// removeAgent takes out all that an agent offers.
func (p *pool) removeAgent(id string) {
	for at, b := range p.bins {
		if at.agent == id {
			p.drop(b)
		}
	}
}

// sort brings each role's bins in order: agents with the least free come first.
func (p *pool) sort() {
	for _, r := range p.roles {
		if len(r.fresh) > 0 || 2*r.gone > len(r.bins) {
			r.sort()
		}
	}
}

func (r *rolePlaces) sort() {
	isGone := func(b *bin) bool { return b.gone }
	fresh := slices.DeleteFunc(r.fresh, isGone)
	slices.SortFunc(fresh, compareBins)
	old := slices.DeleteFunc(r.bins, isGone)
	bins := make([]*bin, 0, len(old)+len(fresh))
	for len(old) > 0 && len(fresh) > 0 {
		next := &old
		if compareBins(fresh[0], old[0]) < 0 {
			next = &fresh
		}
		bins, *next = append(bins, (*next)[0]), (*next)[1:]
	}
	r.bins = append(append(bins, old...), fresh...)
	r.plain = len(r.bins)
	for i, b := range r.bins {
		b.at = i
		if b.free.amount[gpus] > 0 {
			r.plain = min(r.plain, i)
		}
	}
	r.tree, r.fresh, r.gone = newTree(len(r.bins), func(i int) need { return r.bins[i].free }), nil, 0
}

func compareBins(a, b *bin) int {
	return cmp.Or(
		cmp.Compare(a.free.amount[gpus], b.free.amount[gpus]), // Agents with GPUs are kept for those who need them.
		cmp.Compare(a.free.amount[cpus], b.free.amount[cpus]), cmp.Compare(a.free.amount[mem], b.free.amount[mem]),
		strings.Compare(a.offers[0].AgentID, b.offers[0].AgentID))
}

// fits reports whether the bin has room for a task. Of each resource the task takes revocable or other ones, not of both: Mesos
// refuses the mixture.
func (b *bin) fits(s *shape) bool {
	for d, want := range s.amount {
		if b.free.amount[d] < want && !(s.revocable && b.revocable.amount[d] >= want) {
			return false
		}
	}
	return b.free.ports >= s.ports && b.hasPorts(s.hostPorts)
}

// either is the most that a task can get which takes revocable resources too.
func (b *bin) either() need { return most(&b.free, &b.revocable) }

// add puts an offer's resources into the bin.
func (b *bin) add(o offer.Offer) {
	b.offers = append(b.offers, o)
	for i := range o.Resources {
		r := &o.Resources[i]
		if !usable(r) {
			continue
		}
		d := slices.Index(dimensionNames[:], r.Name)
		switch {
		case d >= 0 && r.Type == offer.Scalar:
			amount := int64(r.Scalar*1000 + 0.5)
			b.part(r).left += amount
			b.kind(r.Revocable).amount[d] += amount
		case r.Name == "ports" && r.Type == offer.Ranges && !r.Revocable:
			at := b.part(r)
			for _, ports := range r.Ranges {
				if ports.End >= ports.Begin {
					at.ranges = append(at.ranges, ports)
					b.free.ports += int64(ports.End - ports.Begin + 1)
				}
			}
			slices.SortFunc(at.ranges, func(x, y offer.Range) int { return cmp.Compare(x.Begin, y.Begin) })
		}
	}
}

func (b *bin) kind(revocable bool) *need {
	if revocable {
		return &b.revocable
	}
	return &b.free
}

// part finds the part that the resource adds to, or makes it, reserved ones first.
func (b *bin) part(r *offer.Resource) *part {
	for i := range b.parts {
		if sameKind(&b.parts[i].resource, r) {
			return &b.parts[i]
		}
	}
	at := len(b.parts)
	if len(r.Reservations) > 0 {
		at = 0
	}
	b.parts = slices.Insert(b.parts, at, part{resource: *r})
	return &b.parts[at]
}

// take uses up what the request needs. There must be enough.
func (b *bin) take(r *Request) Placed {
	placed := Placed{Request: r}
	for d, want := range r.shape.amount {
		revocable := r.shape.revocable && b.revocable.amount[d] >= want
		b.kind(revocable).amount[d] -= want
		for i := range b.parts {
			at := &b.parts[i]
			if want == 0 {
				break
			}
			if at.resource.Name != dimensionNames[d] || at.resource.Revocable != revocable || at.left == 0 {
				continue
			}
			taken := min(want, at.left)
			at.left -= taken
			want -= taken
			res := at.resource
			res.Scalar = float64(taken) / 1000
			placed.Resources = append(placed.Resources, res)
		}
	}
	b.free.ports -= r.shape.ports
	b.takeHostPorts(r.shape.hostPorts, &placed)
	want := r.shape.ports - r.shape.hostPorts.count()
	for i := range b.parts {
		if b.parts[i].resource.Name == "ports" && want > 0 {
			want -= b.parts[i].takePorts(want, &placed)
		}
	}
	return placed
}

// takePorts takes up to want ports, lowest first, and says how many there were.
func (at *part) takePorts(want int64, placed *Placed) (taken int64) {
	res := at.resource
	res.Ranges = nil
	for taken < want && len(at.ranges) > 0 {
		r := &at.ranges[0]
		n := min(uint64(want-taken), r.End-r.Begin+1)
		res.Ranges = append(res.Ranges, offer.Range{Begin: r.Begin, End: r.Begin + n - 1})
		for port := r.Begin; port < r.Begin+n; port++ {
			placed.Ports = append(placed.Ports, int32(port))
		}
		taken += int64(n)
		if r.Begin += n; r.Begin > r.End {
			at.ranges = at.ranges[1:]
		}
	}
	if taken > 0 {
		placed.Resources = append(placed.Resources, res)
	}
	return taken
}
