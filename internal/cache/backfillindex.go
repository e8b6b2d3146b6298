package cache

import (
	"cmp"
	"slices"

	"horae/internal/store"
)

// BackfillsOf returns the Backfills whose spec names the Job, there or not, oldest first (by create revision). The
// slice is the caller's.
func (c *Cache) BackfillsOf(namespace, job string) []*store.Backfill {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.backfills.byJob[name{namespace, job}])
}

// backfillIndex finds Backfills by their Job. The cache's lock guards it. Its zero value is ready.
type backfillIndex struct {
	byJob map[name][]*store.Backfill // sorted by create revision, then name
}

// replace takes note that a Backfill changed; a nil entry stands for one of which nothing is there.
func (x *backfillIndex) replace(old, new *store.Backfill) {
	if job := backfilledBy(old); job != (name{}) {
		if i, ok := x.find(job, old); ok {
			if x.byJob[job] = slices.Delete(x.byJob[job], i, i+1); len(x.byJob[job]) == 0 {
				delete(x.byJob, job)
			}
		}
	}
	if job := backfilledBy(new); job != (name{}) {
		if x.byJob == nil {
			x.byJob = map[name][]*store.Backfill{}
		}
		i, _ := x.find(job, new)
		x.byJob[job] = slices.Insert(x.byJob[job], i, new)
	}
}

func (x *backfillIndex) find(job name, b *store.Backfill) (int, bool) {
	return slices.BinarySearchFunc(x.byJob[job], b, func(a, b *store.Backfill) int {
		return cmp.Or(cmp.Compare(a.Rev.SpecCreate, b.Rev.SpecCreate), cmp.Compare(a.Key.Name, b.Key.Name))
	})
}

// backfilledBy is the Job that the Backfill's spec names; empty for none.
func backfilledBy(b *store.Backfill) name {
	if b == nil || b.Object.Spec.Job == "" {
		return name{}
	}
	return name{b.Key.Namespace, b.Object.Spec.Job}
}
