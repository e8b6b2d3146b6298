package cache

import (
	"cmp"
	"slices"

	"horae/internal/store"
)

// runIndex finds Runs by their Job and by their tasks. The cache's lock guards it.
type runIndex struct {
	byJob  map[name][]*store.Run // sorted by create revision, then name
	byTask map[string]name
}

func newRunIndex() *runIndex {
	return &runIndex{byJob: map[name][]*store.Run{}, byTask: map[string]name{}}
}

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
	x.replaceTasks(old, new)
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

// replaceTasks touches only what differs: most changes leave the attempts' IDs as they were.
func (x *runIndex) replaceTasks(old, new *store.Run) {
	for id := range taskIDs(old) {
		if !hasTask(new, id) && x.byTask[id] == (name{old.Key.Namespace, old.Key.Name}) {
			delete(x.byTask, id)
		}
	}
	for id := range taskIDs(new) {
		if !hasTask(old, id) {
			x.byTask[id] = name{new.Key.Namespace, new.Key.Name}
		}
	}
}

// taskIDs yields those of the Run's attempts and of those of its name's earlier incarnation.
func taskIDs(run *store.Run) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if run == nil {
			return
		}
		for i := range run.Object.Status.Attempts {
			if !yield(run.Object.Status.Attempts[i].TaskID) {
				return
			}
		}
		if run.Earlier == nil {
			return
		}
		for i := range run.Earlier.Status.Attempts {
			if !yield(run.Earlier.Status.Attempts[i].TaskID) {
				return
			}
		}
	}
}

func hasTask(run *store.Run, id string) bool {
	for other := range taskIDs(run) {
		if other == id {
			return true
		}
	}
	return false
}
