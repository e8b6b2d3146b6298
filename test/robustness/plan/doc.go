// Package plan decides what a robustness run does: which Jobs are added, which operations follow, and which faults are
// injected when. All of it follows from a seed, so that the seed repeats the run's decisions; which of them fall together in
// time is up to the machine. It does none of it.
package plan
