// Package store reads and writes Horae's objects in etcd.
//
// An object is two keys: what the user wrote, under /horae/spec, and what the controller observed, under
// /horae/status. The package knows how keys are spelled (keys.go, the only place), how the two documents make one
// object (entry.go, decode.go), and how writes are guarded (by the object's own revisions), fenced (by the leader's
// key, I6) and grouped (one outer transaction, one nested one per change: writer.go). docs/etcd.md describes the
// layout to other tools, and is a contract.
//
// It never repeats a write: a write that etcd does not answer returns ErrUnknown, and the caller reads again. It never
// validates: an entry is decoded and defaulted, and the controllers and the server validate it. It decides nothing.
//
// The cache reads all objects through it, the controllers write through a Writer, the server through Store.Apply; the
// manager opens it.
//
// # Where things are
//
//   - keys.go: kinds and keys; entry.go: an object with its revisions; decode.go: an object from its two documents;
//     checkstatus.go: numbers that no status has
//   - store.go: opening etcd, single reads and writes, time limits; list.go: lists and the watch; errors.go: what a
//     failed write means
//   - statistics.go: reading the statistics keys of Jobs
//   - change.go: a change, its guards and its fence; writer.go: changes grouped into transactions; writer_keys.go:
//     which of them clash; requests.go: no write is sent twice
//   - members.go: members of etcd that do not answer, and etcd out of space; frameworkid.go: Mesos's framework id;
//     callback.go: what callbacks have reported of Runs, and the keys of their tokens; metrics.go: metrics
package store
