// Package reconcile is the keyed loop under every controller: keys go in, a Reconciler is called with each, and what it
// answers says when the key is looked at again.
//
// It promises that a key is never reconciled by two workers at a time; that keys added while they wait, or while they are
// reconciled, are reconciled once more and not once per Add; that a key whose reconciliation wrote something is not reconciled again
// before the cache has seen that write (Result.Revision), so that no decision is taken on a state older than one's own last
// act; and that an error is met with a growing, jittered delay for that key alone.
//
// It never decides anything, reads no object, keeps no clock of its own, and does not swallow panics: a reconciler that
// panics ends the process, because half a decision is worse than a restart. It is called by internal/manager, which feeds it
// from the cache's listener, and it calls the Reconcilers in controllers/*.
//
// The queue is k8s.io/client-go/util/workqueue. A delayed key costs one heap entry and one map entry (about 180 bytes), and the
// delays cost one timer for the earliest of them whatever their number, plus one look every ten seconds; see
// BenchmarkDelayedKeys. A second delay for a waiting key can only make it earlier; a wake-up that turns out to be too early
// is answered by the reconciler with the right delay.
package reconcile
