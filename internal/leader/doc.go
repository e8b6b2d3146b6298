// Package leader makes one of several processes the leader, through an election in etcd.
//
// The lead is a lease of a few seconds. Run calls the leader's work with a context that ends when the lease may have run out
// for the others, when the leader key is deleted, and when the process is told to stop; then the lease is given up at once.
// A process that is stopped for longer than its lease (SIGSTOP, a frozen machine) wakes up as a leader that is none any more:
// no lease can prevent that, so safety does not rest on it but on the fence. Every write of the leader compares the leader
// key's create revision (I6), and etcd refuses a deposed leader's.
//
// The package decides nothing and writes nothing but the key of the election. The manager calls it.
package leader
