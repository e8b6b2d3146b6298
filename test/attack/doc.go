// Package attack plays whatever was found, or may be thought, to stop a manager against one that runs as a process with a memory limit,
// while Runs are due all the time. The manager must live, keep to its memory, answer others, and lose no Run.
//
// `make test` plays all attacks at once, for some seconds. `make attack` plays one after the other, measures how late Runs start during
// each, beside quiet windows right before and after it, and prints a table: the 99th percentile may double. Then it starts the manager
// anew, with everything that was put into its etcd.
//
// The attackers are a process of their own (this test's binary again) with the least priority: they are other machines' load in
// production. They come from another address of loopback than the client that must be answered.
//
// # Where things are
//
//   - attack_test.go: the tests; the table of attacks
//   - world_test.go: the manager with its limits, the dev cluster with simulated tasks, the Runs that are due and when they started
//   - attacker_test.go: the process that attacks; connections.go: what it does with connections and frames of HTTP/2;
//     documents_test.go: what it sends and stores
package attack
