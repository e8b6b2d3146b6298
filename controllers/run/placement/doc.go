// Package placement decides which waiting Run goes to which agent. It takes the Runs that wait, Mesos's offers,
// what is alive, and the time, and returns who goes where and what each takes. It is pure: it stores nothing,
// sends nothing, and asks no clock. The placer of controllers/run calls it, from one goroutine, and carries out
// what it says. What it means to users is in docs/placement.md; what else was weighed in
// docs/adr/0014-placement.md.
//
// A Queue holds the waiting Requests, and Offers the offers of Mesos. Queue.Place matches them. Queue.Explain
// says why the other Requests wait.
//
// # The algorithm
//
//  1. Runs of one namespace and one priority stand in a line. Lines take turns: the highest bid (priority and
//     ageing) first, then the namespace that uses the smallest dominant share (turns.go).
//  2. The Run in front of the line whose turn it is gets the agent with the least free that suffices, or, if it
//     is to be spread, the one with the fewest live tasks (choose.go). One for which there is no place is
//     passed over.
//  3. What it takes is subtracted from the agent, reserved resources first (bin.go, ports.go), and counted for
//     its namespace.
//
// # What it costs
//
// Runs that differ in nothing but their age are peers and are searched for once (backlog.go): within one
// placement agents only get fuller, so that the search for peers goes on where it stopped. What found no
// place is not tried again before more is offered. The agents of a role stand in the order in which they are
// filled, with gaps, under a tree that finds the first that has enough of everything (shelf.go, tree.go): a
// change costs about the square of log n. So a placement costs what it places, not what waits or is offered.
// The measured numbers are in docs/benchmarks.md; `go test ./controllers/run/placement -bench .` measures them.
//
// # Where things are
//
//   - place.go: one placement from beginning to end; queue.go: what lasts from one placement to the next
//   - request.go: what a Run needs; constraint.go: which agents it may go to; jobconstraint.go: Unique, MaxPer
//     and GroupBy, which look at where the Job's other attempts are; window.go: maintenance
//   - turns.go: who comes first; backlog.go: lines and peers
//   - offers.go: what is offered; bin.go, ports.go: what is free on one agent, and taking of it; choose.go:
//     which agent a request gets; search.go: how far the search has come for those that are alike; shelf.go,
//     tree.go: the index under it; label.go: values of attributes
//   - explain.go: when a waiting Run's status reports why; why.go, leftovers.go: the reasons and their messages
package placement
