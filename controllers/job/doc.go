// Package job decides when Jobs run. It is the only owner of a Job's status (I5) and the only maker of scheduled Runs (I3).
//
// Plan is the whole of the decision: given a Job, its Runs and the time it answers which Runs to create, cancel and delete, the
// next status, and when to look again. It is pure. Reconciler gathers its input from the cache and carries the decision
// out in one transaction. The package never talks to Mesos, never writes a Run's status, and never writes a Job's spec: a
// suspension that the controller decides (suspendAfterFailures) stands in the status.
//
// # The cursor
//
// Due times follow from the schedule, the instant since which it holds (status.schedule.since) and the last occurrence handled
// (status.lastScheduleTime), never from a count-down or a rewritten string. An occurrence is handled in the transaction that
// moves the cursor over it, and there is exactly one way for it to go: it becomes a Run, it joins status.waiting, or it is told
// in status.notRun and counted as missed or skipped (I10). The Run's name is a function of Job and occurrence, and the transaction
// creates it only if there is none (I3).
//
// A schedule that is new or changed holds from now on, so that an edit never fires the past; any other edit, and the same
// file applied again, leaves the cursor alone. A new Job's schedule holds since the Job's creation, as far as that is known.
//
//	        since        last handled                              now
//	──────────┼───────────────┼─────────────────────────────────────┼──────────▶
//	          │   handled     │  passed in downtime  │   on time     │   next
//	                          └──── missedRuns ──────┴─ concurrency ─┘
//
// An occurrence is on time if the controller was there when it was due, and is not more than Settings.MaxLag behind. Otherwise it
// passed in downtime, as it did while the Job was suspended or invalid: missedRuns then says which of those run. Latest: the last
// one, unless a later one is due now, as if it came now; All: each of them, one after another unless concurrencyPolicy is
// Allow; None: none.
//
// A clock that steps back fires nothing twice, because the cursor stays; one that steps forward is downtime. Leap seconds do not
// matter: Go's clock and etcd's documents do not have them, so that a schedule sees a slightly longer second.
//
// # Calendars
//
// spec.calendars divides the occurrences by the day that they are on, in the Job's zone. Those on days with runs are the schedule as
// far as all the above is concerned. The others are handled by the same cursor when they have passed: Skip tells them
// (status.notRun, reason Calendar), NextDay puts the instants to which they are moved into status.moved, from where they come due
// like any occurrence, and run under the name of that instant. What has been handled, told or moved, stays so when a
// Calendar is edited: nothing of the past is fired, and nothing runs twice. What was off is known from status.nextScheduleTime: up
// to it nothing was to run, with the Calendars as they were. Days are counted, not walked, and told once or twice a day however
// many occurrences a day has. A Calendar that is missing or not valid has no days; the condition CalendarsFound names it.
//
// # Which Runs count
//
// Concurrency policies look at every Run of the Job that has not ended, whoever asked for it. A manual trigger itself waits for
// nothing. Manual and backfill Runs count as succeeded and failed, but only the schedule's own failures count towards
// suspendAfterFailures (a person's experiment must not stop the Job).
//
// # Suspension after failures
//
// A Job is suspended after failures as long as status.consecutiveFailures has reached spec.suspendAfterFailures; there is no other
// flag to forget. It goes on when its spec document is written again, whatever the change (the user has seen to it), or when a
// manual Run succeeds (it works again). What passed meanwhile is treated as after any suspension. A suspension by the user,
// spec.suspend, is never touched.
//
// # What is written, and when
//
// Creations, the cursor, what is told, and changes of the conditions Accepted and Scheduled are written at once. Sums (counts, active
// Runs, last times, the condition Healthy) are written with those, or at most once in Settings.StatusInterval.
package job
