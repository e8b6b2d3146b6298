package run

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"horae/controllers/run/placement"
	"horae/internal/store"
)

// liveAttempts counts the attempts that are alive, by namespace, by Job and by agent. It may count one a little
// too long, but never misses one: an attempt is counted from its placement on, before its intent is stored,
// until the cache has its end.
type liveAttempts struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	runs  map[store.Key]*living
	jobs  map[store.Key]map[store.Key]*living
	used  map[string]placement.Need
	tasks map[string]int
}

// living is a Run with a live attempt: it has one at most.
type living struct {
	placement.Site
	run, job store.Key
	need     placement.Need
	// after is the revision of the status before the intent: a status that is not newer does not have the
	// attempt yet. It is -1 once a newer status was seen.
	after int64
}

// placed enters an attempt that has found a place.
func (c *liveAttempts) placed(r *placement.Request, agentID, hostname string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enterLocked(&living{
		Site: placement.Site{AgentID: agentID, Hostname: hostname}, run: r.Run.Key, job: r.Job(), need: r.Need(),
		after: r.Run.Rev.StatusMod,
	})
}

// see takes in a Run as the cache has it. It returns the attempt that has ended since; nil: none has.
func (c *liveAttempts) see(r *store.Run) (ended *living) {
	obj := r.Object
	if r.Earlier != nil {
		obj = r.Earlier
	}
	a := liveAttempt(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.runs[r.Key]
	switch {
	case known != nil && r.Rev.StatusMod <= known.after: // older than the attempt
	case a == nil:
		return c.removeLocked(r.Key)
	case known != nil && known.AgentID == a.AgentID:
		known.after = -1
	default:
		c.enterLocked(&living{
			Site: placement.Site{AgentID: a.AgentID, Hostname: a.Hostname}, run: r.Key,
			job: store.JobKey(r.Key.Namespace, obj.Spec.Job), need: placement.NeedOf(&obj.Spec.Task.Resources), after: -1,
		})
	}
	return nil
}

// remove removes a Run that has no live attempt, and returns what was known of it.
func (c *liveAttempts) remove(run store.Key) *living {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removeLocked(run)
}

func (c *liveAttempts) enterLocked(l *living) {
	if c.runs == nil {
		c.runs, c.jobs = map[store.Key]*living{}, map[store.Key]map[store.Key]*living{}
		c.used, c.tasks = map[string]placement.Need{}, map[string]int{}
	}
	c.removeLocked(l.run)
	c.runs[l.run] = l
	if c.jobs[l.job] == nil {
		c.jobs[l.job] = map[store.Key]*living{}
	}
	c.jobs[l.job][l.run] = l
	used := c.used[l.run.Namespace]
	used.Plus(&l.need)
	c.used[l.run.Namespace] = used
	c.tasks[l.AgentID]++
}

func (c *liveAttempts) removeLocked(run store.Key) *living {
	l := c.runs[run]
	if l == nil {
		return nil
	}
	delete(c.runs, run)
	if delete(c.jobs[l.job], run); len(c.jobs[l.job]) == 0 {
		delete(c.jobs, l.job)
	}
	used := c.used[run.Namespace]
	if used.Minus(&l.need); used == (placement.Need{}) {
		delete(c.used, run.Namespace)
	} else {
		c.used[run.Namespace] = used
	}
	if c.tasks[l.AgentID]--; c.tasks[l.AgentID] == 0 {
		delete(c.tasks, l.AgentID)
	}
	return l
}

// Usage is what the live attempts of each namespace take.
func (c *liveAttempts) Usage() map[string]placement.Need {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.used)
}

// Tasks counts the live attempts on each agent.
func (c *liveAttempts) Tasks() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.tasks)
}

// Sites are where the Job's attempts are alive, in the order of their Runs' names.
func (c *liveAttempts) Sites(job store.Key) []placement.Site {
	c.mu.Lock()
	defer c.mu.Unlock()
	lives := slices.SortedFunc(maps.Values(c.jobs[job]), func(a, b *living) int {
		return strings.Compare(a.run.Name, b.run.Name)
	})
	sites := make([]placement.Site, len(lives))
	for i, l := range lives {
		sites[i] = l.Site
	}
	return sites
}

// has reports whether an attempt is alive on the agent.
func (c *liveAttempts) has(agentID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tasks[agentID] > 0
}
