// Package store reads and writes Horae's objects in etcd.
//
// An object is two keys: what the user wrote, under /horae/spec, and what the controller saw, under /horae/status. The
// package knows how keys are spelled (keys.go, the only place), how the two documents make one object, and how writes are
// guarded (by the object's own revisions), fenced (by the leader's key, I6) and grouped (one outer transaction, one nested one
// per change). It decides nothing: what to write is the controllers' and the server's business.
package store
