package placement

import (
	"maps"
	"slices"
	"time"

	"horae/internal/offer"
	"horae/internal/store"
)

// Queue holds the Runs that wait for a place, and what lasts from one placement to the next. It belongs to one
// goroutine.
type Queue struct {
	cfg     Config
	waiting map[store.Key]*Request
	backlog backlog        // the same requests
	byRole  map[string]int // counts those in the framework's roles
	// served is when each line was last served; lines is how many were left when it was last cleaned up.
	served map[lineKey]time.Time
	lines  int
	// agents are those that were ever offered, with what is known of them.
	agents map[string]*offer.Offer
	// explainAt is when Explain looks at the queue again.
	explainAt time.Time
}

// NewQueue makes an empty Queue.
func NewQueue(cfg Config) *Queue {
	return &Queue{
		cfg: cfg, waiting: map[store.Key]*Request{}, byRole: map[string]int{}, served: map[lineKey]time.Time{},
		agents: map[string]*offer.Offer{},
	}
}

// Len is how many wait.
func (q *Queue) Len() int { return len(q.waiting) }

// ByRole counts those who wait in the framework's roles. It is not to be modified.
func (q *Queue) ByRole() map[string]int { return q.byRole }

// Put adds a request, or replaces the earlier one of its Run. It returns the earlier one, or nil, and whether
// the Run may fit where it did not fit before.
func (q *Queue) Put(r *Request) (earlier *Request, changed bool) {
	key := r.Run.Key
	earlier = q.waiting[key]
	if earlier != nil && earlier.shape == r.shape {
		r.reported = earlier.reported
		q.waiting[key] = r
		q.backlog.replace(earlier, r)
		return earlier, false
	}
	q.Remove(key)
	q.waiting[key] = r
	q.backlog.add(r)
	if q.knows(r) {
		q.byRole[r.shape.role]++
	}
	return earlier, true
}

// Remove takes a Run out. It returns its request; nil: it did not wait.
func (q *Queue) Remove(key store.Key) *Request {
	r := q.waiting[key]
	if r == nil {
		return nil
	}
	delete(q.waiting, key)
	q.backlog.remove(r)
	if q.knows(r) {
		if q.byRole[r.shape.role]--; q.byRole[r.shape.role] == 0 {
			delete(q.byRole, r.shape.role)
		}
	}
	return r
}

// knows reports whether the request's role is one of the framework's.
func (q *Queue) knows(r *Request) bool { return slices.Contains(q.cfg.Roles, r.shape.role) }

// Retry has the next placement try the requests again that depend on the attempts of these Jobs, although
// nothing more is offered. It returns their roles.
func (q *Queue) Retry(jobs map[store.Key]bool) (roles []string) {
	q.backlog.retry(func(ps *peers) bool {
		r := ps.waiting[0]
		again := jobs[r.job] && r.constraints.others()
		if again {
			roles = append(roles, r.shape.role)
		}
		return again
	})
	return roles
}

// Meet remembers what new offers say of their agents.
func (q *Queue) Meet(offers []offer.Offer) {
	for i := range offers {
		o := &offers[i]
		q.agents[o.AgentID] = &offer.Offer{
			AgentID: o.AgentID, Hostname: o.Hostname, Attributes: o.Attributes, Region: o.Region, Zone: o.Zone,
		}
	}
}

// ForgetAgents forgets all agents but those that are to be kept.
func (q *Queue) ForgetAgents(keep func(agentID string) bool) {
	maps.DeleteFunc(q.agents, func(id string, _ *offer.Offer) bool { return !keep(id) })
}

// Place finds places for as many waiting Runs as it can. A Run without a place holds up no other, and no Run
// waits that has one. Runs that get a place leave the queue, and the offers that they use leave offers. Runs
// that get none are not tried again before more is offered.
func (q *Queue) Place(offers *Offers, live Live, now time.Time) Placement {
	if len(q.waiting) == 0 || offers.Len() == 0 {
		return Placement{}
	}
	batch := offers.batch
	due := q.backlog.due(batch)
	if len(due) == 0 {
		return Placement{}
	}
	p := offers.place(q.input(due, live, now))
	for _, ps := range p.ruledOut {
		ps.tried = batch
	}
	for _, ps := range due {
		ps.failed = p.left
	}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			q.Remove(a.Tasks[i].Run.Key)
			q.served[a.Tasks[i].lineKey()] = now
		}
	}
	q.forgetServed(now)
	return p
}

// input gathers what a placement of some of the waiting Runs looks at.
func (q *Queue) input(due []*peers, live Live, now time.Time) *input {
	v := &input{Now: now, Waiting: due, Usage: live.Usage(), Served: q.served, Agents: q.agents, Config: q.cfg}
	for _, ps := range due {
		r := ps.waiting[0] // All are alike in this.
		if r.shape.spread && v.Tasks == nil {
			v.Tasks = live.Tasks()
		}
		if !r.constraints.others() || v.Live[r.job] != nil {
			continue
		}
		if v.Live == nil {
			v.Live = map[store.Key][]Site{}
		}
		v.Live[r.job] = live.Sites(r.job)
	}
	return v
}

// forgetServed forgets empty lines: a Run that comes later has not waited before.
func (q *Queue) forgetServed(now time.Time) {
	if len(q.served) < 2*q.lines+100 {
		return
	}
	maps.DeleteFunc(q.served, func(l lineKey, at time.Time) bool {
		return q.backlog.lines[l] == nil && now.Sub(at) > q.cfg.Ageing
	})
	q.lines = len(q.served)
}
