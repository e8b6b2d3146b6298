package run

import (
	"slices"

	"horae/internal/offer"
)

// pool is what is free in the offers in hand, by role and agent. It is kept as offers come and go, so that a placement costs what it
// places and not what is offered: of the bins only those that get something are touched. Its zero value is empty.
type pool struct {
	shelves map[string]*shelf // by role
	bins    map[place]*bin    // by where they are
	of      map[string]*bin   // by the offers in them
	// windowed are the bins whose agents' maintenance is planned.
	windowed map[*bin]struct{}
	free     need // all that the bins had when they came
	// batch counts the times that offers came.
	batch int64
	// rests are the bins as the last placement left them; nil: they have changed since, or nobody waited.
	rests map[string]*rest
}

// place is a role's part of an agent.
type place struct{ agent, role string }

// has is how many offers there are.
func (p *pool) has() int { return len(p.of) }

// hasRole reports whether there are offers to the role.
func (p *pool) hasRole(role string) bool { return p.shelves[role] != nil && p.shelves[role].held > 0 }

// add puts offers in. What one agent offers to one role in several is put together.
func (p *pool) add(offers []offer.Offer) {
	if p.shelves == nil {
		p.shelves, p.bins, p.of, p.windowed = map[string]*shelf{}, map[place]*bin{}, map[string]*bin{}, map[*bin]struct{}{}
	}
	p.batch++
	for i := range offers {
		o := &offers[i]
		if p.of[o.ID] != nil {
			continue
		}
		together := offers[i : i+1 : i+1]
		if b := p.bins[place{o.AgentID, o.Role}]; b != nil {
			together = append(slices.Clip(b.offers), *o)
			p.drop(b)
		}
		p.insert(together, p.batch)
	}
	p.settle()
}

// settle puts new bins on their shelves.
func (p *pool) settle() {
	for _, s := range p.shelves {
		s.putAll()
	}
}

// insert makes a bin of what one agent offers to one role.
func (p *pool) insert(offers []offer.Offer, batch int64) {
	b := newBin(offers)
	b.batch = batch
	p.rests = nil
	for i := range offers {
		p.of[offers[i].ID] = b
		if offers[i].Unavailable != nil {
			p.windowed[b] = struct{}{}
		}
	}
	p.free.plus(&b.whole)
	at := place{offers[0].AgentID, offers[0].Role}
	p.bins[at] = b
	if p.shelves[at.role] == nil {
		p.shelves[at.role] = &shelf{}
	}
	p.shelves[at.role].fresh = append(p.shelves[at.role].fresh, b)
}

// drop takes a bin out with all of its offers.
func (p *pool) drop(b *bin) {
	p.rests = nil
	p.free.minus(&b.whole)
	for i := range b.offers {
		delete(p.of, b.offers[i].ID)
	}
	delete(p.windowed, b)
	at := place{b.offers[0].AgentID, b.offers[0].Role}
	delete(p.bins, at)
	p.shelves[at.role].remove(b)
}

// remove takes one offer out; the others of its agent stay.
func (p *pool) remove(id string) {
	b := p.of[id]
	if b == nil {
		return
	}
	p.drop(b)
	if rest := slices.DeleteFunc(slices.Clone(b.offers), func(o offer.Offer) bool { return o.ID == id }); len(rest) > 0 {
		p.insert(rest, b.batch) // It is no new chance for anybody: there is less than before.
		p.settle()
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

// clear takes everything out.
func (p *pool) clear() { *p = pool{batch: p.batch} }
