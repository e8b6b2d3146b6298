package cache

import (
	"maps"
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// JobsWith returns the keys of the Jobs whose spec names the Calendar, there or not, in no order.
func (c *Cache) JobsWith(namespace, calendar string) []store.Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Collect(maps.Keys(c.byName.jobs[name{namespace, calendar}]))
}

// calendarIndex finds Jobs by the Calendars that they name. The cache's lock guards it. Its zero value is ready.
type calendarIndex struct {
	jobs map[name]map[store.Key]struct{}
}

// replace takes note that a Job changed; a nil entry stands for a Job of which nothing is there.
func (x *calendarIndex) replace(old, new *store.Job) {
	before, after := namedBy(old), namedBy(new)
	if before == after || before != nil && after != nil && slices.Equal(before.Exclude, after.Exclude) &&
		slices.Equal(before.Only, after.Only) {
		return // Nearly always: most Jobs name none, and most changes are of the status.
	}
	for _, calendar := range before.Names() {
		n := name{old.Key.Namespace, calendar}
		if delete(x.jobs[n], old.Key); len(x.jobs[n]) == 0 {
			delete(x.jobs, n)
		}
	}
	for _, calendar := range after.Names() {
		if x.jobs == nil {
			x.jobs = map[name]map[store.Key]struct{}{}
		}
		n := name{new.Key.Namespace, calendar}
		if x.jobs[n] == nil {
			x.jobs[n] = map[store.Key]struct{}{}
		}
		x.jobs[n][new.Key] = struct{}{}
	}
}

func namedBy(job *store.Job) *v1.JobCalendars {
	if job == nil {
		return nil
	}
	return job.Object.Spec.Calendars
}
