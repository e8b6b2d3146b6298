package placement

import (
	"slices"

	"horae/internal/offer"
)

// Offers are the held offers, indexed by role and agent. The index is kept as offers come and go, so that a
// placement costs what it places and not what is offered: it touches only the bins that get something. The zero
// value is empty.
type Offers struct {
	shelves map[string]*shelf // by role
	bins    map[agentRole]*bin
	of      map[string]*bin // by the IDs of their offers
	// windowed are the bins of agents with a maintenance window.
	windowed map[*bin]struct{}
	free     Need // all that the bins had when they came
	// batch counts the times that offers came.
	batch int64
	// rests are the bins as the last placement left them; nil: they have changed since, or nothing waited.
	rests map[string]*rest
}

// agentRole is a role's part of an agent.
type agentRole struct{ agent, role string }

// Len is how many offers there are.
func (p *Offers) Len() int { return len(p.of) }

// Has reports whether the offer is there.
func (p *Offers) Has(id string) bool { return p.of[id] != nil }

// HasRole reports whether there are offers to the role.
func (p *Offers) HasRole(role string) bool { return p.shelves[role] != nil && p.shelves[role].held > 0 }

// Add puts offers in. What one agent offers to one role in several is put together.
func (p *Offers) Add(offers []offer.Offer) {
	if p.shelves == nil {
		p.shelves, p.bins, p.of, p.windowed = map[string]*shelf{}, map[agentRole]*bin{}, map[string]*bin{}, map[*bin]struct{}{}
	}
	p.batch++
	for i := range offers {
		o := &offers[i]
		if p.of[o.ID] != nil {
			continue
		}
		together := offers[i : i+1 : i+1]
		if b := p.bins[agentRole{o.AgentID, o.Role}]; b != nil {
			together = append(slices.Clip(b.offers), *o)
			p.drop(b)
		}
		p.insert(together, p.batch)
	}
	p.settle()
}

// settle puts new bins on their shelves.
func (p *Offers) settle() {
	for _, s := range p.shelves {
		s.putAll()
	}
}

// insert makes a bin of what one agent offers to one role.
func (p *Offers) insert(offers []offer.Offer, batch int64) {
	b := newBin(offers)
	b.batch = batch
	p.rests = nil
	for i := range offers {
		p.of[offers[i].ID] = b
		if offers[i].Unavailable != nil {
			p.windowed[b] = struct{}{}
		}
	}
	p.free.Plus(&b.whole)
	at := agentRole{offers[0].AgentID, offers[0].Role}
	p.bins[at] = b
	if p.shelves[at.role] == nil {
		p.shelves[at.role] = &shelf{}
	}
	p.shelves[at.role].fresh = append(p.shelves[at.role].fresh, b)
}

// drop takes a bin out with all of its offers.
func (p *Offers) drop(b *bin) {
	p.rests = nil
	p.free.Minus(&b.whole)
	for i := range b.offers {
		delete(p.of, b.offers[i].ID)
	}
	delete(p.windowed, b)
	at := agentRole{b.offers[0].AgentID, b.offers[0].Role}
	delete(p.bins, at)
	p.shelves[at.role].remove(b)
}

// Remove takes one offer out; the others of its agent stay.
func (p *Offers) Remove(id string) {
	b := p.of[id]
	if b == nil {
		return
	}
	p.drop(b)
	if rest := slices.DeleteFunc(slices.Clone(b.offers), func(o offer.Offer) bool { return o.ID == id }); len(rest) > 0 {
		p.insert(rest, b.batch) // There is less than before: what did not fit then does not fit now.
		p.settle()
	}
}

// RemoveAgent takes out all that an agent offers.
func (p *Offers) RemoveAgent(id string) {
	for at, b := range p.bins {
		if at.agent == id {
			p.drop(b)
		}
	}
}

// Clear takes everything out.
func (p *Offers) Clear() { *p = Offers{batch: p.batch} }
