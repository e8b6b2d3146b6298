// Package transition derives what happened to an object between two of its versions: a Run started, an attempt is to
// be repeated, a Job was stopped after failures, occurrences were missed.
//
// It is pure and a leaf: OfRun and OfJob compare two values, and depend neither on the time nor on where the versions
// come from. Package feed publishes them inside the manager. A client that watches objects can derive the same from two
// versions, although it may have missed versions between them. An empty list means that nothing happened that matters
// to users.
//
// # Where things are
//
//   - transition.go: the kinds of change; job.go, run.go: what changed between two versions
package transition
