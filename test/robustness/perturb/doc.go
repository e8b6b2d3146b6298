// Package perturb disturbs the manager at each single thing that it does to the world, and compares what comes of it with an
// undisturbed run, as Sieve does for Kubernetes controllers (Sun et al., OSDI 2022).
//
// A world is a real etcd, a dev cluster of simulated tasks, and a manager as internal/manager wires it, inside the test's
// process. Between them stand a gRPC server before etcd (etcdtest.Front) and an HTTP server before the Mesos master. They count
// the manager's effects: each transaction and lease in etcd, and each SUBSCRIBE, ACCEPT, ACKNOWLEDGE and KILL. A scenario is what
// a user does (scenarios_test.go). It is run once undisturbed; then again with a fault at effect 1, at effect 2, and so on until
// the scenario ends before the fault is due; and then with several faults drawn from a seed.
//
// The faults are those of intermediate, stale and unobserved state, and answers that do not come:
//
//   - crash: the manager dies before the effect is carried out, or after it and before it learns of that. Its connections
//     break at once and nothing orderly of its passes them; a successor starts.
//   - lost: the effect is carried out, or is not, and the answer is an error or a reset.
//   - silent: the same, and there is no answer until the manager's time is up.
//   - blind: the manager's cache sees nothing for a while; then its watch ends as compacted, so that it lists anew and what came
//     and went in between is never seen.
//   - late: the same, but the events of that time arrive afterwards.
//   - stale: a crash, and the successor's cache reads etcd as it was some revisions ago, until it has begun to lead. Nothing may be
//     written, and nothing said to Mesos, before it has caught up.
//   - relapse: the same, and etcd also says that there is nothing newer: then it acts on old state, and the guards of its
//     transactions must keep it from doing harm.
//
// Compared are the documents in etcd, without times and other accidents (state_test.go says which), and what Mesos ran. A crash may
// add attempts that never started, with numbers of their own; Mesos must not have run them. Nothing else may differ.
//
// `go test` draws a sample, `make perturb` does it all. A failure prints the flags that repeat it.
package perturb
