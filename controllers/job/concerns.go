package job

import (
	"maps"
	"slices"
	"strings"
	"sync"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Concerns returns the keys of the Jobs to reconcile after a change: a Job whose spec changed, the Jobs that depend on
// one that came, went or lists new ends, the Jobs that name a Calendar whose spec changed, the Jobs whose plan depends
// on a Run that changed, and the Job of a Backfill that has counted a Run.
func (r *Reconciler) Concerns(e cache.Event) []store.Key {
	switch e.Key.Kind {
	case store.Jobs:
		before, after := cache.Of[v1.Job](e)
		keys := r.dependentsOf(before, after)
		if e.SpecChanged() {
			keys = append(keys, e.Key)
			keys = append(keys, r.cyclesChangedBy(before, after)...)
		}
		return keys
	case store.Calendars:
		if e.SpecChanged() {
			return r.cfg.Cache.JobsWith(e.Key.Namespace, e.Key.Name)
		}
	case store.Backfills:
		return r.countedBy(cache.Of[v1.Backfill](e))
	case store.Runs:
		if before, after := cache.Of[v1.Run](e); matters(before, after) {
			return r.jobsOf(before, after)
		}
	}
	return nil
}

// countedBy returns the Job of a Backfill that has counted the end of a Run: the Job may delete the Run now.
func (r *Reconciler) countedBy(before, after *store.Backfill) []store.Key {
	if before == nil {
		return nil
	}
	left := func(string) bool { return false }
	if after != nil {
		left = nameSet(after.Object.Status.Active)
	}
	for _, name := range before.Object.Status.Active {
		if run := r.cfg.Cache.Run(before.Key.Namespace, name); run != nil && !left(name) {
			return []store.Key{jobOf(run)}
		}
	}
	return nil
}

// matters reports whether a change of a Run is one that its Job's plan may depend on: the Run was created, ended, was
// deleted, or lost its spec. Either may be nil.
func matters(before, after *store.Run) bool {
	return before == nil || after == nil ||
		ended(before) != ended(after) || before.Rev.Deleted() != after.Rev.Deleted() || before.Rev.SpecCreate != after.Rev.SpecCreate
}

// jobsOf returns the Jobs that a Run belongs to. The spec names the Job; for a Run whose spec is gone, the name is a
// guess only. So the Jobs that have the Run in status.active are included: they wait for its end.
func (r *Reconciler) jobsOf(before, after *store.Run) []store.Key {
	var keys []store.Key
	var run store.Key
	for _, e := range []*store.Run{before, after} {
		if e != nil {
			run = e.Key
			keys = append(keys, jobOf(e))
		}
	}
	return append(keys, r.cfg.Cache.JobsWithActive(run.Namespace, run.Name)...)
}

// jobOf returns the key of a Run's Job. If the Run's spec is gone or cannot be decoded, only the Run's name shows the
// Job; a Run that a person created may have a name that shows none, or another.
func jobOf(run *store.Run) store.Key {
	name := run.Object.Spec.Job
	if name == "" {
		if i := strings.LastIndexByte(run.Key.Name, '-'); i > 0 {
			name = run.Key.Name[:i]
		}
	}
	return store.JobKey(run.Key.Namespace, name)
}

// dependentsOf returns the Jobs that depend on a Job and have something to do after a change of it: it came or went, or
// it lists ends that they want. The cost of an end is that of its dependents.
func (r *Reconciler) dependentsOf(before, after *store.Job) []store.Key {
	var ends []v1.Completion
	came := incarnation(before) != incarnation(after)
	if !came {
		if ends = newEnds(before, after); len(ends) == 0 {
			return nil
		}
	}
	key := keyOf(before, after)
	var keys []store.Key
	for _, job := range r.cfg.Cache.Dependents(key.Namespace, key.Name) {
		if came || wantsAny(job, key.Name, ends) {
			keys = append(keys, job.Key)
		}
	}
	return keys
}

func keyOf(before, after *store.Job) store.Key {
	if after != nil {
		return after.Key
	}
	return before.Key
}

// incarnation is the create revision of a Job's spec; 0 without one.
func incarnation(job *store.Job) int64 {
	if job == nil || job.Rev.Deleted() {
		return 0
	}
	return job.Rev.SpecCreate
}

// newEnds are the ends that a Job lists and did not list before.
func newEnds(before, after *store.Job) []v1.Completion {
	if after == nil || after.Object.Status.Completions == nil {
		return nil
	}
	c := after.Object.Status.Completions
	seen := int64(0)
	if before != nil && before.Object.Status.Completions != nil {
		seen = before.Object.Status.Completions.Last
	}
	n := int64(len(c.Ends))
	if seen > c.Last {
		seen = 0 // The status was deleted by hand, and begins anew.
	}
	return c.Ends[n-min(max(c.Last-seen, 0), n):] // Within the list, whatever numbers a status has.
}

func wantsAny(job *store.Job, parent string, ends []v1.Completion) bool {
	for _, d := range job.Object.Spec.DependsOn {
		if d.Job == parent {
			return slices.ContainsFunc(ends, func(e v1.Completion) bool { return wants(d.On, e.Outcome) })
		}
	}
	return true // Its spec cannot be decoded.
}

// cyclesChangedBy returns the Jobs that were in a cycle of dependencies, or are, if a change of a Job may have made or
// ended one.
func (r *Reconciler) cyclesChangedBy(before, after *store.Job) []store.Key {
	var was, is []v1.Dependency
	if before != nil {
		was = before.Object.Spec.DependsOn
	}
	if after != nil {
		is = after.Object.Spec.DependsOn
	}
	if slices.Equal(was, is) {
		return nil
	}
	return append(r.cyclic.list(), r.cfg.Cache.Cyclic()...)
}

// cyclic are the Jobs that were in a cycle of dependencies when they were last planned.
type cyclic struct {
	mu sync.Mutex
	// keys is guarded by mu.
	keys map[store.Key]struct{}
}

func (c *cyclic) note(key store.Key, in bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !in {
		delete(c.keys, key)
		return
	}
	if c.keys == nil {
		c.keys = map[store.Key]struct{}{}
	}
	c.keys[key] = struct{}{}
}

func (c *cyclic) list() []store.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.keys))
}
