// Package controllers holds what Horae decides, one package for each kind of object: controllers/job decides when
// Jobs run, controllers/run brings Runs to their ends, controllers/calendar reports whether Calendars are valid and
// which days they have, controllers/backfill runs Jobs for times that are past. This package itself has no code: it
// states the contract that they share.
//
// # The reconcile contract
//
// A controller is called with the key of one object, never with an event. It gathers what the cache knows of the
// object, has Plan decide, and carries the decision out. It does the same whether the object changed, its time has
// come, the controller has just started, or nothing happened at all.
//
//	gather ── values ──▶ Plan(input, now) ── Decision ──▶ do ── one guarded, fenced transaction ──▶ etcd
//
// Plan is pure. It takes values and the time, changes nothing, and returns the same decision for the same input.
// Planning again once the decision has been carried out finds nothing more to do. So whatever can be wrong about
// scheduling is in Plan, which is tested without a clock, a network or a store. Code that decides takes now; code
// that acts takes ctx; no function takes both.
//
// One worker at a time reconciles a key, and not again before the cache has seen the key's own last write
// (internal/reconcile). Guards catch whatever else is stale: a transaction compares the revisions that the decision
// was based on. A conflict writes nothing, and the key is planned again.
//
// A mistake of the user becomes a condition with a reason and a path; nothing retries it. An error of the system is
// returned, and the key is retried with back-off. A Result's After is a promise to look again; Plan has the reason.
//
// # Invariants
//
// Tests cite the number of the invariant that they check, and comments cite it where code depends on it.
//
//   - I1 Intent before action: no ACCEPT for an attempt that is not yet in etcd.
//   - I2 Acknowledge after persist: no ACKNOWLEDGE of an update that matters before its effect is in etcd.
//   - I3 One Run per Job incarnation and reason: a Run's name is a function of the Job and its scheduled time, or of the
//     parent Runs that it consumes. Create-if-absent is the lock, in one transaction with the schedule's cursor.
//   - I4 A task ID is namespace.run.createRevision.attempt. A lost attempt gets the next number, never the same ID.
//   - I5 One owner per status: only package controllers/<kind> decides it. The job controller never writes a Run's
//     status, the run controller never a Job's, and neither writes what the user wrote. There are two exceptions: the job
//     controller cancels a Run through spec.cancel, and deletes Runs that exceed the history.
//   - I6 Every controller write compares the leader key's create revision: etcd refuses a deposed leader's write. The
//     master refuses its Mesos calls, since the successor's subscription voids the old stream id.
//   - I7 Terminal states absorb: a late, repeated or reconciled update changes nothing.
//   - I8 Objects from the cache are never modified. That includes the spare capacity of a slice, and methods that look
//     like reading, such as comparing a resource.Quantity.
//   - I9 Nothing is launched before the first reconciliation after SUBSCRIBED has settled every live attempt. If the
//     master does not answer about an attempt, it is asked again with back-off, about those attempts only, and the others
//     go on.
//   - I10 Nothing is skipped silently: an occurrence that did not become a Run (missed deadline, overlap, suspended) is
//     counted and recorded in the Job's status.
package controllers
