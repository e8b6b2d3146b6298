// Package run brings each Run to its end: it decides when an attempt is due, where it goes, what a Mesos update means, when it
// is tried again, and when it is killed. It is the only owner of a Run's status (I5).
//
// Deciding and acting are apart. Plan (plan.go) takes a Run as the cache has it, the updates that came for it, and the time,
// and answers with the whole next status and with what is to be done; package placement takes the Runs that wait and the offers,
// and answers who goes where. Both touch nothing. The one table of what each Mesos task state means is in states.go.
//
// Acting has three owners. Reconcile (reconciler.go) is called by the keyed loop of internal/reconcile, once at a time for a
// Run: it gathers, plans, writes the status, and only then acknowledges (I2). The placer (placer.go) is one goroutine that owns
// the waiting Runs and the offers: it stores the intents of a round and only then accepts (I1). The conversation
// (conversation.go) is one goroutine that asks Mesos what became of the live attempts after each subscription, and keeps the
// placer's gate closed until that is settled (I9).
//
// The package never talks to Mesos or etcd itself: internal/manager hands it a writer, a cache and a driver, and feeds it the
// master's events. It never writes a Job's status, and of a Run's spec it only ever deletes the whole, when its Job is gone.
package run
