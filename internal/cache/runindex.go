package cache

import (
	"cmp"
	"slices"

	"horae/internal/store"
)

// runIndex finds Runs by their Job. The cache's lock guards it.
type runIndex struct {
	byJob map[name][]*store.Run // sorted by create revision, then name
}

func newRunIndex() *runIndex { return &runIndex{byJob: map[name][]*store.Run{}} }

// replace takes note that a Run changed; a nil entry stands for a Run of which nothing is there.
func (x *runIndex) replace(old, new *store.Run) {
	oldJob, newJob := jobOf(old), jobOf(new)
	if oldJob != newJob || old != nil && new != nil && old.Rev.SpecCreate != new.Rev.SpecCreate {
		x.removeFromJob(oldJob, old)
		x.addToJob(newJob, new)
	} else if newJob.name != "" {
		if i, ok := x.find(newJob, old); ok {
			x.byJob[newJob][i] = new
		}
	}
}

// jobOf is the Job that the Run's spec names; empty for none.
func jobOf(run *store.Run) name {
	if run == nil || run.Object.Spec.Job == "" {
		return name{}
	}
	return name{run.Key.Namespace, run.Object.Spec.Job}
}

func (x *runIndex) find(job name, run *store.Run) (int, bool) {
	return slices.BinarySearchFunc(x.byJob[job], run, func(a, b *store.Run) int {
		return cmp.Or(cmp.Compare(a.Rev.SpecCreate, b.Rev.SpecCreate), cmp.Compare(a.Key.Name, b.Key.Name))
	})
}

func (x *runIndex) addToJob(job name, run *store.Run) {
	if job.name == "" {
		return
	}
	i, _ := x.find(job, run)
	x.byJob[job] = slices.Insert(x.byJob[job], i, run)
}

func (x *runIndex) removeFromJob(job name, run *store.Run) {
	if job.name == "" {
		return
	}
	i, ok := x.find(job, run)
	if !ok {
		return
	}
	if left := slices.Delete(x.byJob[job], i, i+1); len(left) > 0 {
		x.byJob[job] = left
	} else {
		delete(x.byJob, job)
	}
}
