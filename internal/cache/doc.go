// Package cache keeps every object of etcd in memory, decoded, as of one revision: by one list and one watch on
// one prefix.
//
// Guarantees. The revisions of etcd are applied one after the other, each as a whole: a reader sees all of a
// transaction or nothing of it. Each object that it changed gives one Event, also if both of its keys changed.
// Listeners are called in the order of revisions, by one goroutine. When etcd has compacted what the watch still
// needed, everything is listed again and the differences are reported as events of the list's revision: what came and
// went in between is not seen. An etcd that was restored from an older state is noticed and followed back, in the
// same way; watchers begin anew then. A document that cannot be decoded is an entry with an error; kinds that are
// not known are ignored.
//
// Entries are shared by all who read them and never modified (I8), neither by the cache nor by anybody else: a
// change makes a new entry, which shares what stayed the same.
//
// The package never writes to etcd and decides nothing. The manager starts it; controllers and the server read from it.
//
// # Where things are
//
//   - cache.go: the cache, its listeners, reads by key, waiting for a revision; kinds.go: typed reads; table.go: the
//     objects of one kind, replaced transaction by transaction
//   - follow.go: the list and the watch of etcd, and what happens after a restore; strays.go: keys that are no
//     object's
//   - runindex.go: the Runs of a Job; activeindex.go: the Jobs that call a Run active; calendarindex.go: the Jobs that
//     name a Calendar; dependencyindex.go: the Jobs that depend on a Job, dependencyorder.go: an order of them, which
//     shows that there is no cycle, dependencycycles.go: the cycles if there are some
//   - callbacks.go: what callbacks have reported of Runs, and the keys of their tokens
//   - backfillindex.go: the Backfills of a Job
//   - page.go: pages of a list, as of one revision
//   - watch.go: watchers; ring.go: the events kept for them (their buffer); metrics.go: metrics
//   - verify.go: proof that nobody modifies an entry, in tests
package cache
