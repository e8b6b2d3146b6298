package cache

import (
	v1 "horae/api/v1"
	"horae/internal/store"
)

// The rest of this file gives Get and List the types of the kinds.

// Job returns a Job; nil when there is none.
func (c *Cache) Job(namespace, name string) *store.Job {
	return store.As[v1.Job](c.Get(store.JobKey(namespace, name)))
}

// Run returns a Run; nil when there is none.
func (c *Cache) Run(namespace, name string) *store.Run {
	return store.As[v1.Run](c.Get(store.RunKey(namespace, name)))
}

// Calendar returns a Calendar; nil when there is none.
func (c *Cache) Calendar(namespace, name string) *store.Calendar {
	return store.As[v1.Calendar](c.Get(store.CalendarKey(namespace, name)))
}

// Backfill returns a Backfill; nil when there is none.
func (c *Cache) Backfill(namespace, name string) *store.Backfill {
	return store.As[v1.Backfill](c.Get(store.BackfillKey(namespace, name)))
}

// Jobs of a namespace, of all for "", sorted by namespace and name.
func (c *Cache) Jobs(namespace string) []*store.Job { return list[v1.Job](c, store.Jobs, namespace) }

// Runs of a namespace, of all for "", sorted by namespace and name.
func (c *Cache) Runs(namespace string) []*store.Run { return list[v1.Run](c, store.Runs, namespace) }

// Calendars of a namespace, of all for "", sorted by namespace and name.
func (c *Cache) Calendars(namespace string) []*store.Calendar {
	return list[v1.Calendar](c, store.Calendars, namespace)
}

// Backfills of a namespace, of all for "", sorted by namespace and name.
func (c *Cache) Backfills(namespace string) []*store.Backfill {
	return list[v1.Backfill](c, store.Backfills, namespace)
}

func list[T any](c *Cache, kind store.Kind, namespace string) []*store.Entry[T] {
	entries, _ := c.List(kind, namespace)
	all := make([]*store.Entry[T], len(entries))
	for i, e := range entries {
		all[i] = store.As[T](e)
	}
	return all
}
