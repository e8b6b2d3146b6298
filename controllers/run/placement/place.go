package placement

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"horae/internal/offer"
	"horae/internal/store"
)

// Config has the settings of a placement. The zero value: no line's bid rises, and Runs without a bound take no time.
type Config struct {
	// Roles of the framework.
	Roles []string
	// Ageing is how long a line waits for its bid to rise by one point of priority; 0: it never does.
	Ageing time.Duration
	// AssumedDuration is how long a Run without timeout and deadline is taken to last, where an agent is about
	// to be maintained.
	AssumedDuration time.Duration
	// GPUs: Mesos is asked for agents that have them.
	GPUs bool
}

// Live answers which attempts are alive. A placement asks only for what the waiting Runs depend on.
type Live interface {
	// Usage is what the live attempts of each namespace take.
	Usage() map[string]Need
	// Tasks counts the live attempts on each agent.
	Tasks() map[string]int
	// Sites are where the attempts of a Job are alive.
	Sites(job store.Key) []Site
}

// Site is where an attempt is alive.
type Site struct{ AgentID, Hostname string }

// Placement says which Run goes to which agent.
type Placement struct {
	// Agents that get something to do, each for one ACCEPT.
	Agents []Agent
	// Tried is how many different requests were tried; requests that differ in nothing but their age count once.
	Tried int

	// left is what was left; nil: every request got a place.
	left *leftovers
	// ruledOut will find no place before more is offered, whichever attempts end.
	ruledOut []*peers
}

// Agent is what one agent gets: one ACCEPT of all these offers.
type Agent struct {
	AgentID, Hostname, AgentURL string
	Offers                      []offer.Offer
	Tasks                       []Placed
}

// Placed is a request with what it takes.
type Placed struct {
	*Request
	Resources []offer.Resource
	Ports     []int32
}

// input is what a placement looks at, besides what is offered.
type input struct {
	Now time.Time
	// Waiting are the requests to be tried, grouped with their peers, in no order.
	Waiting []*peers
	// Usage is what the live attempts of each namespace take.
	Usage map[string]Need
	// Served is when each line was last served, as far as that is known.
	Served map[lineKey]time.Time
	// Live says on which agents the attempts of a Job are alive: for Jobs with Unique, MaxPer or GroupBy.
	Live map[store.Key][]Site
	// Tasks counts the live attempts on each agent: for tasks that are spread.
	Tasks map[string]int
	// Agents are those that have ever been offered, by id, with what is known of them.
	Agents map[string]*offer.Offer
	Config Config
}

// place finds places for as many requests as it can, in the order of their turns (turns.go). A request goes to
// the agent with the least free that suffices, so that large gaps stay for large tasks, or, if it is to be
// spread, to the one with the fewest live tasks. The offers that are used leave the pool.
func (p *Offers) place(v *input) Placement {
	s := newSearch(p, v)
	result := Placement{Tried: len(v.Waiting)}
	// 1. Each in its turn gets a place, if there is one.
	var again []*Request
	q := newQueue(v, &p.free)
	for l := q.next(); l != nil; l = q.next() {
		r := l.waiting[0]
		placed := s.put(r)
		if !placed && len(r.constraints.even) > 0 {
			again = append(again, r)
		}
		q.done(l, placed)
	}
	// 2. Where a Job's attempts are spread evenly, one that was placed can make room for another.
	s.putAgain(again)
	// 3. What is left, to explain later why the others wait.
	if s.places() < q.all {
		result.left = s.leftovers()
	}
	for _, ps := range v.Waiting {
		if ps.out && !ps.waiting[0].constraints.others() {
			result.ruledOut = append(result.ruledOut, ps)
		}
	}
	// 4. One ACCEPT for each agent that got something.
	result.Agents = s.agents()
	for _, b := range s.used {
		p.drop(b)
	}
	return result
}

// places is how many were found.
func (s *search) places() int {
	n := 0
	for _, some := range s.found {
		n += len(some)
	}
	return n
}

// agents puts together what each agent got, in the order of the turns.
func (s *search) agents() []Agent {
	slices.SortFunc(s.used, func(a, b *bin) int {
		return cmp.Or(strings.Compare(a.offers[0].Role, b.offers[0].Role), cmp.Compare(a.at, b.at))
	})
	agents := make([]Agent, len(s.used))
	for i, b := range s.used {
		o := &b.offers[0]
		agents[i] = Agent{
			AgentID: o.AgentID, Hostname: o.Hostname, AgentURL: o.AgentURL, Offers: b.offers, Tasks: make([]Placed, 0, b.tasks),
		}
		b.agent = i
	}
	for _, some := range s.found {
		for i := range some {
			a := &agents[some[i].bin.agent]
			a.Tasks = append(a.Tasks, some[i].Placed)
		}
	}
	return agents
}
