package cache

import (
	"slices"

	"horae/internal/store"
)

// activeIndex finds Jobs by the Runs that their statuses call active. The cache's lock guards it. Its zero value
// is ready.
type activeIndex struct {
	jobs map[name][]string // hardly ever more than one; a Job that names a Run twice is there twice
}

// replace takes note that a Job changed; a nil entry stands for a Job of which nothing is there.
func (x *activeIndex) replace(old, new *store.Job) {
	before, after := activeOf(old), activeOf(new)
	// Of a long list a change touches a few names.
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	for _, run := range before {
		n := name{old.Key.Namespace, run}
		i := slices.Index(x.jobs[n], old.Key.Name)
		if x.jobs[n] = slices.Delete(x.jobs[n], i, i+1); len(x.jobs[n]) == 0 {
			delete(x.jobs, n)
		}
	}
	for _, run := range after {
		if x.jobs == nil {
			x.jobs = map[name][]string{}
		}
		n := name{new.Key.Namespace, run}
		x.jobs[n] = append(x.jobs[n], new.Key.Name)
	}
}

func activeOf(job *store.Job) []string {
	if job == nil {
		return nil
	}
	return job.Object.Status.Active
}
