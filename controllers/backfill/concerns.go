package backfill

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Concerns returns the keys of the Backfills to reconcile after a change: a Backfill whose spec changed, the next one
// of the Job when one has finished or gone, the one that a Run belongs to that ended or went, and those of a Job of
// which something changed that they depend on. A change that has nothing to do with a Backfill costs a search in an
// index.
func (r *Reconciler) Concerns(e cache.Event) []store.Key {
	switch e.Key.Kind {
	case store.Backfills:
		before, after := cache.Of[v1.Backfill](e)
		var keys []store.Key
		if e.SpecChanged() {
			keys = append(keys, e.Key)
		}
		if before != nil && inTheWay(before) && (after == nil || !inTheWay(after)) {
			keys = append(keys, r.next(e.Key.Namespace, before.Object.Spec.Job)...)
		}
		return keys
	case store.Runs:
		return backfillOf(cache.Of[v1.Run](e))
	case store.Jobs:
		if before, after := cache.Of[v1.Job](e); jobMatters(before, after) {
			return r.unfinished(e.Key.Namespace, e.Key.Name)
		}
	}
	return nil
}

// inTheWay reports whether later Backfills of the Job may wait for this one.
func inTheWay(b *store.Backfill) bool {
	return !b.Rev.Deleted() && b.Err == nil && !finished(&b.Object.Status) && !refused(&b.Object.Status)
}

// unfinished returns the Backfills of a Job that have not finished.
func (r *Reconciler) unfinished(namespace, job string) []store.Key {
	var keys []store.Key
	for _, b := range r.cfg.Cache.BackfillsOf(namespace, job) {
		if !finished(&b.Object.Status) {
			keys = append(keys, b.Key)
		}
	}
	return keys
}

// next returns the Backfill of a Job whose turn may have come: the first that has not finished and is accepted.
func (r *Reconciler) next(namespace, job string) []store.Key {
	for _, b := range r.cfg.Cache.BackfillsOf(namespace, job) {
		if inTheWay(b) {
			return []store.Key{b.Key}
		}
	}
	return nil
}

// backfillOf returns the Backfill that a Run belongs to, if the Run ended or is going.
func backfillOf(before, after *store.Run) []store.Key {
	if before == nil || after != nil && ended(before) == ended(after) && before.Rev.Deleted() == after.Rev.Deleted() {
		return nil
	}
	name := before.Object.Spec.Backfill // The spec may be gone from the later entry.
	if name == "" && after != nil {
		name = after.Object.Spec.Backfill
	}
	if name == "" {
		return nil
	}
	return []store.Key{store.BackfillKey(before.Key.Namespace, name)}
}

// jobMatters reports whether a change of a Job is one that its Backfills may wait for.
func jobMatters(before, after *store.Job) bool {
	if before == nil || after == nil || before.Rev.SpecMod != after.Rev.SpecMod {
		return true
	}
	a, b := &before.Object.Status, &after.Object.Status
	return a.ObservedGeneration != b.ObservedGeneration || accepts(a.Conditions) != accepts(b.Conditions) ||
		!v1.EqualTimes(a.LastScheduleTime, b.LastScheduleTime) || (a.Schedule == nil) != (b.Schedule == nil) ||
		!slices.EqualFunc(a.Moved, b.Moved, func(x, y v1.Time) bool { return x.Equal(y.Time) })
}
