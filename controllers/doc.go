// Package controllers holds the brain of Horae, one package for each kind of object: controllers/job decides when Jobs run,
// controllers/run brings Runs to their ends, controllers/calendar says what is in Calendars. This package itself has no code: it
// states the contract between them.
//
// # The reconcile contract
//
// A controller is called with the key of one object, never with an event. It gathers what the cache knows of the object,
// has Plan decide, and carries the decision out; that is all of it, and it is the same whether the object changed, its time
// has come, the controller has just started, or nothing happened at all.
//
//	gather ── values ──▶ Plan(input, now) ── Decision ──▶ do ── one guarded, fenced transaction ──▶ etcd
//
// Plan is pure. It takes values and the time, touches nothing, and gives the same answer twice; planning again once the decision
// has been carried out gives nothing more to do. Everything that can be wrong about scheduling is therefore in Plan, and tested
// without a clock, a network or a store. Code that decides takes now; code that acts takes ctx; no function takes both.
//
// A key is reconciled by one worker at a time, and not again before the cache has seen the key's own last write
// (internal/reconcile). What else may be stale is caught by the guards: a transaction compares the revisions of what it was
// decided on, a conflict writes nothing, and the key is planned again.
//
// A mistake of the user becomes a condition with a reason and a path; nothing retries it. An error of the system is
// returned; the key is retried with back-off. A Result's After is a promise to look again, with the reason in Plan.
//
// # Invariants
//
// Each has tests that bear its number. Comments cite them where code depends on them.
//
//   - I1 Intent before action: no ACCEPT for an attempt that is not yet in etcd.
//   - I2 Acknowledge after persist: no ACKNOWLEDGE of an update that matters before its effect is in etcd.
//   - I3 One Run per Job incarnation and reason: a Run's name is a function of the Job and its scheduled time, or of the parent Runs
//     that it consumes. Create-if-absent is the lock, in one transaction with the schedule's cursor.
//   - I4 A task ID is namespace.run.createRevision.attempt. A lost attempt gets the next number, never the same ID.
//   - I5 One owner per status: only package controllers/<kind> decides it. The job controller never writes a Run's status, the
//     run controller never a Job's, and neither writes what the user wrote (a Run's spec.cancel is the one message between
//     them, and the deletion of Runs that history has no place for).
//   - I6 Every controller write compares the leader key's create revision: a deposed leader's write is refused by etcd, and its
//     Mesos calls by the master, since the successor's subscription voids the old stream id.
//   - I7 Terminal states absorb: a late, repeated or reconciled update changes nothing.
//   - I8 Objects from the cache are never modified. That includes the spare room behind a slice, and methods that look like
//     reading, such as comparing a resource.Quantity.
//   - I9 Nothing is launched before the first reconciliation after SUBSCRIBED has settled every live attempt. Silence is not an
//     answer: the master is asked again with back-off, for those attempts only, and the others go on.
//   - I10 Nothing is skipped in silence: an occurrence that did not become a Run (missed deadline, overlap, suspended) is counted
//     and told in the Job's status.
package controllers
