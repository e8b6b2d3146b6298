package run

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"horae/internal/store"
)

// census counts the attempts that are alive: by namespace, by Job and by agent. It may count one for a little too long, and never one
// too few: an attempt is entered when it gets its place, before its intent is stored, and leaves when the cache has its end.
type census struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	runs  map[store.Key]*living
	jobs  map[store.Key]map[store.Key]*living
	used  map[string]need
	tasks map[string]int
}

// living is a Run with a live attempt: it has one at most.
type living struct {
	site
	run, job store.Key
	need     need
	// after is the revision of the status that the intent followed: what is not newer does not speak of the attempt. It is -1 once
	// something newer has been seen.
	after int64
}

// placed enters an attempt that has found a place.
func (c *census) placed(r *Request, agentID, hostname string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enterLocked(&living{site: site{agentID, hostname}, run: r.Run.Key, job: r.job, need: r.shape.need, after: r.Run.Rev.StatusMod})
}

// see takes in a Run as the cache has it. It returns whose attempt has come to its end; nil: nobody's.
func (c *census) see(r *store.Run) (ended *living) {
	obj := r.Object
	if r.Earlier != nil {
		obj = r.Earlier
	}
	a := liveAttempt(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.runs[r.Key]
	switch {
	case known != nil && r.Rev.StatusMod <= known.after: // as it was before the attempt that we know of
	case a == nil:
		return c.removeLocked(r.Key)
	case known != nil && known.agentID == a.AgentID:
		known.after = -1
	default:
		c.enterLocked(&living{
			site: site{a.AgentID, a.Hostname}, run: r.Key, job: jobOf(r.Key.Namespace, obj), need: needOf(&obj.Spec.Task.Resources), after: -1,
		})
	}
	return nil
}

// remove takes out a Run of which nothing is alive, and returns what was known of it.
func (c *census) remove(run store.Key) *living {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removeLocked(run)
}

func (c *census) enterLocked(l *living) {
	if c.runs == nil {
		c.runs, c.jobs = map[store.Key]*living{}, map[store.Key]map[store.Key]*living{}
		c.used, c.tasks = map[string]need{}, map[string]int{}
	}
	c.removeLocked(l.run)
	c.runs[l.run] = l
	if c.jobs[l.job] == nil {
		c.jobs[l.job] = map[store.Key]*living{}
	}
	c.jobs[l.job][l.run] = l
	used := c.used[l.run.Namespace]
	used.plus(&l.need)
	c.used[l.run.Namespace] = used
	c.tasks[l.agentID]++
}

func (c *census) removeLocked(run store.Key) *living {
	l := c.runs[run]
	if l == nil {
		return nil
	}
	delete(c.runs, run)
	if delete(c.jobs[l.job], run); len(c.jobs[l.job]) == 0 {
		delete(c.jobs, l.job)
	}
	used := c.used[run.Namespace]
	if used.minus(&l.need); used == (need{}) {
		delete(c.used, run.Namespace)
	} else {
		c.used[run.Namespace] = used
	}
	if c.tasks[l.agentID]--; c.tasks[l.agentID] == 0 {
		delete(c.tasks, l.agentID)
	}
	return l
}

// fill puts into the view what those who wait need to know.
func (c *census) fill(v *View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Usage = maps.Clone(c.used)
	for _, ps := range v.Waiting {
		r := ps.waiting[0] // All are alike in this.
		if r.shape.spread && v.Tasks == nil {
			v.Tasks = maps.Clone(c.tasks)
		}
		if !r.constraints.others() || v.Live[r.job] != nil {
			continue
		}
		if v.Live == nil {
			v.Live = map[store.Key][]site{}
		}
		v.Live[r.job] = c.sitesLocked(r.job)
	}
}

// sitesLocked are where the Job's attempts are alive, in the order of their Runs' names.
func (c *census) sitesLocked(job store.Key) []site {
	lives := slices.SortedFunc(maps.Values(c.jobs[job]), func(a, b *living) int { return strings.Compare(a.run.Name, b.run.Name) })
	sites := make([]site, len(lives))
	for i, l := range lives {
		sites[i] = l.site
	}
	return sites
}

// has reports whether an attempt is alive on the agent.
func (c *census) has(agentID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tasks[agentID] > 0
}
