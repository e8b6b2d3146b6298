package cache

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// JobWithParents is JobWithRuns with the Jobs that the Job's spec depends on, as of the same revision: in the order of
// spec.dependsOn, nil for one of which nothing is there.
func (c *Cache) JobWithParents(namespace, job string) (*store.Job, []*store.Run, []*store.Job, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	j, runs := c.jobWithRunsLocked(namespace, job)
	var parents []*store.Job
	if j != nil && len(j.Object.Spec.DependsOn) > 0 {
		parents = make([]*store.Job, len(j.Object.Spec.DependsOn))
		for i, d := range j.Object.Spec.DependsOn {
			parents[i] = store.As[v1.Job](c.getLocked(store.JobKey(namespace, d.Job)))
		}
	}
	return j, runs, parents, c.revision
}

// Dependents returns the Jobs whose spec depends on the Job, there or not, in no order.
func (c *Cache) Dependents(namespace, job string) []*store.Job {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.dependents.of(name{namespace, job}, func(n name) *store.Job {
		return store.As[v1.Job](c.getLocked(store.JobKey(n.namespace, n.name)))
	})
}

// Cycle returns the Jobs of a cycle of dependencies that the Job is in: it, then each Job that depends on the one
// before, and it again. Nil if it is in none. Of a large knot of cycles it returns a part, which need not be closed.
func (c *Cache) Cycle(namespace, job string) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.dependents.cycle(name{namespace, job})
}

// Cyclic returns the keys of all Jobs that are in a cycle of dependencies.
func (c *Cache) Cyclic() []store.Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var keys []store.Key
	for n := range c.dependents.knotted() {
		keys = append(keys, store.JobKey(n.namespace, n.name))
	}
	return keys
}

// dependencyIndex finds Jobs by the Jobs that they depend on, and cycles among them. The cache's lock guards it. Its
// zero value is ready. It costs nothing for a Job without dependsOn.
type dependencyIndex struct {
	children map[name][]name // by parent; in no order
	parents  map[name][]name // by child
	order    order
}

// replace takes note that a Job changed; a nil entry stands for a Job of which nothing is there.
func (x *dependencyIndex) replace(old, new *store.Job) {
	before, after := dependsOn(old), dependsOn(new)
	if len(before) == 0 && len(after) == 0 || slices.EqualFunc(before, after, func(a, b v1.Dependency) bool { return a.Job == b.Job }) {
		return
	}
	if x.children == nil {
		x.children, x.parents = map[name][]name{}, map[name][]name{}
	}
	var child name
	if old != nil {
		child = name{old.Key.Namespace, old.Key.Name}
	} else {
		child = name{new.Key.Namespace, new.Key.Name}
	}
	for _, parent := range x.parents[child] {
		left := x.children[parent]
		i := slices.Index(left, child)
		left[i] = left[len(left)-1]
		if left = left[:len(left)-1]; len(left) > 0 {
			x.children[parent] = left
		} else {
			delete(x.children, parent)
		}
	}
	delete(x.parents, child)
	seen := make(map[name]bool, len(after)) // A document that etcdctl wrote may name a parent twice.
	for _, d := range after {
		parent := name{child.namespace, d.Job}
		if seen[parent] {
			continue
		}
		seen[parent] = true
		x.children[parent] = append(x.children[parent], child)
		x.parents[child] = append(x.parents[child], parent)
	}
	x.order.changed(x, child, before)
}

// dependsOn is what a Job depends on. While its spec cannot be read, that is what it depended on before, so that the
// ends of those Jobs are kept for it.
func dependsOn(job *store.Job) []v1.Dependency {
	switch {
	case job == nil || job.Rev.Deleted():
		return nil
	case job.SpecErr() == nil:
		return job.Object.Spec.DependsOn
	}
	var list []v1.Dependency
	for _, p := range job.Object.Status.Parents {
		list = append(list, v1.Dependency{Job: p.Job, On: p.On})
	}
	return list
}

func (x *dependencyIndex) of(parent name, get func(name) *store.Job) []*store.Job {
	children := x.children[parent]
	if len(children) == 0 {
		return nil
	}
	jobs := make([]*store.Job, 0, len(children))
	for _, child := range children {
		if job := get(child); job != nil {
			jobs = append(jobs, job)
		}
	}
	return jobs
}
