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
package store
