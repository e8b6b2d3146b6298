// Package feed publishes the transitions of Jobs and Runs inside the manager: what package transition derives from
// each change that the cache reports, once, in one order, for all who read.
//
// Whoever wants to know what happens (metrics, logs, messages to people, a web page) reads from here, and derives
// nothing by itself. Guarantees:
//
//   - Every change of an object that the cache reports is published once, in the order of revisions. If etcd compacted
//     what the cache still needed, what came and went in between is not seen.
//   - A reader gets what is published after it has subscribed. What was there before is no transition: it is in the
//     cache.
//   - Publishing never waits for a reader. A reader that falls behind by more than Kept transitions is cut off alone:
//     Next returns ErrBehind. So are all when etcd is restored from an older state. They read the cache, and subscribe
//     anew.
//   - Without readers nothing is derived and nothing is kept.
//
// Each manager has one Feed, whether it leads or not. What must happen once in a cluster is done by a reader that the
// leader starts with its term (internal/manager).
//
// # Where things are
//
//   - feed.go: publishing and reading; derive.go: the transitions of one change of the cache
package feed
