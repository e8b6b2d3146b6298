// Package backfill runs Jobs for ranges of occurrences that are in the past. It is the only owner of a Backfill's
// status (I5), and the only maker of Runs with reason Backfill.
//
// Plan makes the whole decision: from a Backfill, its Job, the Job's Runs and the time it returns which Runs to create
// and to cancel, and the Backfill's next status. It is pure. Reconciler reads the input from the cache and carries the
// decision out in one transaction. Package job says what a Run is made of, and when the
// occurrences of a Job are.
//
// # Turns
//
// Each occurrence of the range has its turn once, in the order of spec.order. It becomes a Run, or it is counted as
// skipped, with a reason (I10). status.cursor is the last one that had its turn; it moves in the transaction that
// creates the Run, which is guarded by the revision of the status. So a crash, a failover or a cache that lags repeats
// nothing and leaves nothing out. There is no list of occurrences: the one after the cursor is computed.
//
// The occurrences are those of the Job's schedule, time zone and Calendars when the Backfill starts, which its status
// keeps: an edit of the Job does not move the range under it. The days of the Calendars are those that they have when
// an occurrence has its turn, and each Run is made of the Job as it is then.
//
// # Beside the schedule
//
// An occurrence that the Job's schedule has not handled yet belongs to the schedule: the Backfill waits until the Job's
// cursor has passed it. The schedule never comes back to one that it has handled, unless that one stands in status.waiting
// or status.moved of the Job, and those are left to it. So the two never run one occurrence both, also after the
// history has deleted the Run that says so.
//
// A Run has the name that the schedule would give it. If that is taken, because runs: All or Failed repeats an
// occurrence, the name has a part that is a function of the Backfill's incarnation.
//
// Runs of Backfills do not count for concurrencyPolicy, suspendAfterFailures and the condition Healthy of the Job, and
// its history keeps them beside the others (package job).
//
// # What has run
//
// The history keeps a few Runs only. An occurrence without a Run may have had one. Under runs: Missing an
// occurrence runs if it was before the Job's creation, or if status.notRun of the Job has it, unless another Backfill has
// taken it. Otherwise it may have run, and is skipped: repeating what has succeeded can do harm, and runs: All does so for who wants it.
//
// # Counting
//
// status.active names every Run that was created and is not counted: spec.parallel bounds it. A name joins it in the
// transaction that creates the Run and leaves it in the one that counts its end. The job controller deletes no Run
// whose name is there.
//
// # Where things are
//
//   - plan.go: the decision from beginning to end; reconciler.go gathers its input and carries it out
//   - take.go: when the Backfill starts, what has its turn, and when nothing more has; turns.go: the occurrences of a range, in order
//   - choose.go: which occurrences run, and the names of their Runs
//   - counters.go: Runs that ended, occurrences that are skipped
//   - status.go: conditions, how an end is reported, the ttl; validate.go: what is wrong with a range for its Job
//   - preview.go: what a Backfill would do
//   - concerns.go: what wakes a Backfill; metrics.go: metrics
package backfill
