// Package job decides when Jobs run. It is the only owner of a Job's status (I5) and the only maker of scheduled Runs
// (I3).
//
// Plan makes the whole decision: from a Job, its Runs and the time it returns which Runs to create, cancel and
// delete, the Job's next status, and when to plan again. It is pure. Reconciler reads the input from the cache and
// carries the decision out in one transaction. The package never talks to Mesos, never writes a Run's status, and
// never writes a Job's spec: a suspension that the controller decides (suspendAfterFailures) is recorded in the
// status.
//
// # The cursor
//
// Due times follow from the schedule, the instant since which it holds (status.schedule.since) and the last occurrence
// handled (status.lastScheduleTime), never from a count-down or a rewritten schedule. An occurrence is handled in the
// transaction that moves the cursor over it, and in exactly one way: it becomes a Run, it joins status.waiting, it is
// moved to another day (status.moved), or it is recorded in status.notRun and counted as missed or skipped (I10). The
// Run's name is a function of the Job and the occurrence, and the transaction creates the Run only if there is none of
// that name (I3).
//
// A new or changed schedule holds from now on, so that an edit never fires the past. Any other edit, and the same file
// applied again, leaves the cursor alone. A new Job's schedule holds since the Job's creation, if that time is known.
//
//	        since        last handled                              now
//	──────────┼───────────────┼─────────────────────────────────────┼──────────▶
//	          │   handled     │  passed in downtime  │   on time     │   next
//	                          └──── missedRuns ──────┴─ concurrency ─┘
//
// An occurrence is on time if the controller was running when it came due and took it up within Settings.MaxLag.
// Otherwise it passed in downtime. So did an occurrence that came due while the Job was suspended or invalid.
// missedRuns decides which of those run:
//
//   - Latest: the last one, as if it were due now, unless a later one is due now.
//   - All: each of them, oldest first. Unless concurrencyPolicy is Allow they run one at a time, and the others wait in
//     status.waiting. An occurrence that comes due meanwhile waits behind them: under All, Forbid and Queue skip
//     nothing, and Replace replaces the active Run only if no occurrence waits. At most Settings.MissedLimit wait: the
//     oldest above that are recorded as missed (TooManyMissed).
//   - None: none.
//
// A clock that steps back fires nothing twice, because the cursor stays. One that steps forward is downtime. Leap
// seconds do not matter: neither Go's clock nor etcd's documents have them, so a schedule sees a slightly longer
// second.
//
// # Calendars
//
// spec.calendars divides the occurrences by the day that they are on, in the Job's zone. All of the above is about
// those on days with runs. The same cursor handles the others when they have passed. Skip records them
// (status.notRun, reason Calendar). NextDay puts the instants to which they move into status.moved; there they come
// due like any occurrence, and the Run is named after that instant.
//
// Editing a Calendar never fires the past and runs nothing twice: what has been handled stays handled. An occurrence
// that passed before status.nextScheduleTime was off, because that time was computed with the Calendars as they were
// then. Occurrences are counted by stretches of days and recorded once or twice a day, however many a day has. A
// Calendar that is missing or not valid has no days; the condition CalendarsFound names it.
//
// # Dependencies
//
// A Job lists the ends of its Runs in status.completions, in the transaction that counts them, if other Jobs depend on
// it. A Job with spec.dependsOn has a cursor and a bank for each parent in status.parents. It takes the ends from the
// parents' lists, and creates a Run in the transaction that takes from the bank what the Run consumes. What cannot start
// yet stays in the bank: there is no other queue. An end that leads to no Run is recorded like an occurrence (I10).
//
//	parent: Run ends ──▶ count and list ─┐             child: ┌─▶ bank ──▶ create a Run, consume
//	                                     └── completions ─────┘
//
// # Which Runs count
//
// Concurrency policies consider every Run of the Job that has not ended, whatever its reason, but for those of
// Backfills: these are beside the schedule, so that no occurrence is skipped or waits because of them. A manual trigger
// itself waits for nothing. Manual and backfill Runs count as succeeded and failed, but not towards
// suspendAfterFailures: a person's experiment must not stop the Job. Those of Backfills are about the past, so they
// change neither the condition Healthy nor the times of the last success and failure.
//
// status.active names at most 100 of the active Runs; status.activeCount counts all of them. Plan gets all Runs from
// the cache, named or not. The names serve to count each Run exactly once when it ends, together with
// status.observedRunRevision (countRuns, counters.go), and to find a Run whose spec is gone: those are named first, because
// nothing else says whose they are.
//
// # Suspension after failures
//
// A Job is suspended after failures while status.consecutiveFailures is at least spec.suspendAfterFailures; there is
// no second flag that could disagree with it. The suspension ends when:
//
//   - the spec's key is written, whatever the change. `horae resume` writes an annotation, so it always is a change;
//   - a manual Run succeeds;
//   - the user's own suspension ends (spec.suspend becomes false): failures counted meanwhile are forgotten, so that
//     nobody has to resume twice.
//
// Occurrences that passed meanwhile are treated as after any suspension. The controller never touches spec.suspend.
//
// # What is written, and when
//
// Runs that are created or cancelled, the cursor, status.waiting, status.moved, status.notRun, and changes of the
// conditions Accepted, Scheduled and CalendarsFound are written at once. Sums (counts, active Runs, last times, the
// condition Healthy) are written together with those, and otherwise at most once in Settings.StatusInterval. Runs that
// exceed the history are deleted in the transaction that counts them, or later.
//
// One transaction touches a bounded number of Runs and bytes (budget.go); another plan follows at once for the rest.
// If etcd refuses a transaction for its size all the same, the next plans touch one Run at a time. If it refuses even
// one Run, the condition Accepted reports that until the spec is written again (refusals.go).
//
// # Where things are
//
//   - plan.go: the decision from beginning to end; reconciler.go gathers its input and carries it out; budget.go, refusals.go: what
//     one transaction holds, and what etcd does not take
//   - manual.go: Runs that people ask for: repeated and marked ones
//   - occasion.go: why a Run is made, and its name; cursor.go: which occurrences are handled; due.go, jitter.go: when one is due;
//     upcoming.go: the next ones, for people
//   - missed.go: downtime (missedRuns); concurrency.go: overlapping Runs; suspension.go: what blocks a schedule; notrun.go: what is
//     recorded of occurrences that became no Run
//   - endings.go: whether the end of a Run is a success or a failure to the Jobs that depend on its Job; completions.go: where they read it
//   - dependencies.go: what a Job has seen and banked of those that it depends on; joins.go: which banked ends become a Run
//   - calendars.go, excludeddays.go: days without runs
//   - statistics.go: what a Run contributes to the statistics (internal/statistics), and their two documents
//   - counters.go: the counts and status.active; history.go, deletion.go: which Runs go
//   - concerns.go: which Jobs a change concerns; equal.go: whether a status has changed; metrics.go: metrics
//   - status.go: conditions and times; validate.go: what is wrong with a Job, and what is perhaps not meant
package job
