// Package run brings each Run to its end: it decides when an attempt is due, where it goes, what a Mesos update
// means, when it is tried again, and when it is killed. It is the only owner of a Run's status (I5).
//
// Deciding and acting are apart. Plan (plan.go) takes a Run as the cache has it, the updates that came for it,
// and the time, and returns the whole next status and what is to be done. Package placement takes the Runs that
// wait and the offers, and returns which goes to which agent. Both touch nothing.
//
// Acting has four owners:
//
//   - Reconcile (reconciler.go) is called by the keyed loop of internal/reconcile, once at a time for a Run: it
//     gathers, plans, writes the status, and only then acknowledges (I2).
//   - The placer (placer.go, launch.go) is one goroutine that owns the waiting Runs and the held offers: it
//     stores the intents of a round and only then accepts (I1).
//   - taskReconciliation is one goroutine that asks Mesos what became of the live attempts after each
//     subscription, and keeps the placer's gate closed until that is settled (I9).
//   - inverseOffers is one goroutine that answers Mesos's questions before maintenance.
//
// Where things are:
//
//   - plan.go: what is to be done for one Run now; outcome.go: what the end of an attempt means for its Run, and
//     whether it counts; taskstates.go: the table of Mesos's task states and reasons (docs/task-states.md);
//     retry.go: when the next attempt may start, and which agents it avoids; deadlines.go: when time is up; attempt.go, taskid.go: attempts
//     and their task IDs
//   - reconciler.go: gathers, plans and writes for one Run; placer.go: the rounds of placement; launch.go: intents and
//     ACCEPT; controller.go: the parts of this package and the events for them; metrics.go: metrics
//   - task.go: the Mesos task of an attempt, with its environment
//   - callback.go: what callbacks mean for a Run, and what its tasks need for them
//   - heldoffers.go: how long offers are held, REVIVE, SUPPRESS and DECLINE; lookahead.go: when offers will be wanted
//   - taskreconciliation.go, settling.go: reconciliation of tasks with Mesos, and when the gate opens; gate.go:
//     why nothing is launched at all
//   - inverseoffers.go: how inverse offers are answered; maintenance.go: what a Run reports about maintenance
//   - pendingupdates.go, facts.go, inflight.go, liveattempts.go: what this process remembers beside etcd
//   - times.go: pauses and other times that no configuration changes; message.go, equal.go: messages, comparing
//
// The package never talks to Mesos or etcd itself: internal/manager gives it a writer, a cache and a driver,
// and feeds it the master's events. It never writes a Job's status, and of a Run's spec it only ever deletes
// the whole, when its Job is gone.
package run
