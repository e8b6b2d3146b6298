// Package reconcile is the keyed loop under every controller: keys are added, a Reconciler is called with each, and
// its Result is when the key is reconciled again.
//
// It guarantees that
//   - two workers never reconcile a key at the same time;
//   - a key that is added while it waits, or while it is reconciled, is reconciled once more, not once for each Add;
//   - a key whose reconciliation wrote something is not reconciled again before the cache has seen that write
//     (Result.Revision), so that no decision is based on a state older than the key's own last write;
//   - an error delays that key alone, by a growing, jittered delay.
//
// It never decides anything, reads no object, keeps no clock of its own, and does not recover from panics: a
// reconciler that panics ends the process, because half a decision is worse than a restart. internal/manager calls it
// and adds keys from the cache's listener; it calls the Reconcilers in controllers/*.
//
// The queue is k8s.io/client-go/util/workqueue. A delayed key costs one heap entry and one map entry (about 180
// bytes). All delays together cost one timer, for the earliest of them, and one check every ten seconds; see
// BenchmarkDelayedKeys. A second delay for a waiting key can only make it earlier. If a key is reconciled too early,
// the reconciler returns the right delay.
//
// # Where things are
//
//   - reconcile.go: the loop; alarm.go: when a plan asks to be made again; delays.go: back-off after errors; gate.go:
//     keys that wait until the cache has seen their write
//   - pause.go: all keys held back; underway.go: what has begun and not ended; clock.go: steps of the system's clock;
//     metrics.go: metrics
package reconcile
