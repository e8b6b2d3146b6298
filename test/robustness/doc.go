// Package robustness runs Jepsen's test of Chronos against Horae, and a stricter one, while everything around Horae fails: several
// managers, a real etcd of three members, and the dev cluster, each a process of its own. The README beside this file says what is
// tested how, in what it differs from the original, and which bugs it found.
//
// A run goes like this:
//
//	clients add Jobs, suspend, edit, trigger, delete them  (plan.Client)   ┐
//	faults come and go                                     (plan.Schedule) ├─ for most of the time
//	tasks write down that they ran                         (history.Script)┘
//	everything heals, what has ended by itself is started again, a quiet time
//	the final read: what the tasks wrote, and what etcd says (history.History)
//	the verdicts                                            (check.Compatibility, check.Strict)
//
// This package is what acts: it has nothing but tests. What decides (plan) and what judges (check) is pure.
package robustness
