// Package story derives from an object what has happened to it, as an ordered list of events: a Run was launched,
// where, and why it waits, an attempt failed and when the next one follows; a Job was suspended after failures,
// occurrences were missed.
//
// It is pure and a leaf. The list is a function of the object alone: of its spec, its metadata and its status, and of
// neither the time nor what was seen before. So it is the same on every manager and after every failover, nothing is
// stored for it, and what the object no longer says is in no list any more. package server serves it as Kubernetes
// Events, and `horae describe` prints it.
//
// Where things are:
//
//   - story.go: the events of an object of any kind, and what its conditions report
//   - run.go: of a Run and its attempts
//   - job.go: of a Job and its occurrences
//   - backfill.go: of a Backfill
package story
