// Package check judges the history of a robustness run. It is pure: the same history gets the same verdict.
//
// Compatibility asks what Jepsen's Chronos test of 2015 asked (Kingsbury, https://aphyr.com/posts/326-jepsen-chronos), by a
// description of it: has every occurrence that was due its own completed task, which started within the Job's epsilon and a
// forgiveness? Runs too many are reported and allowed. It never looks at what the scheduler says of itself.
//
// Strict asks for more, since each task of Horae knows which occurrence and which Run it is for: see its own comment.
//
// # Where things are
//
//   - strict.go: the kinds of findings, and the checks in order; view.go: a history with its indices
//   - tasks.go: each task may be there; occurrences.go: each occurrence has run or was recorded
//   - dependents.go: Runs that follow others; backfills.go: Runs of Backfills
//   - sums.go: the counts of a Job; lateness.go: how late tasks started; compat.go: Jepsen's own check
package check
