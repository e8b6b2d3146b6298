package job

import (
	"strings"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Concerns returns the keys of the Jobs to reconcile after a change: a Job whose spec changed, the Jobs that name a
// Calendar whose spec changed, and the Jobs whose plan depends on a Run that changed.
func (r *Reconciler) Concerns(e cache.Event) []store.Key {
	switch e.Key.Kind {
	case store.Jobs:
		if e.SpecChanged() {
			return []store.Key{e.Key}
		}
	case store.Calendars:
		if e.SpecChanged() {
			return r.cfg.Cache.JobsWith(e.Key.Namespace, e.Key.Name)
		}
	case store.Runs:
		if before, after := cache.Of[v1.Run](e); matters(before, after) {
			return r.jobsOf(before, after)
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
