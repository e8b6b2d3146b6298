// Package leader makes one of several processes the leader, through an election in etcd.
//
// The lead is a lease of a few seconds. Run calls the leader's work with a context that ends when etcd says that the lease or the
// leader key is gone, and when the process is told to stop; then the lease is given up at once.
//
// A process that is stopped for longer than its lease (SIGSTOP, a frozen machine) wakes up as a leader that is none any more:
// no lease can prevent that, so safety does not rest on it but on the fence. Every write of the leader compares the leader
// key's create revision (I6), and etcd refuses a deposed leader's.
//
// A leader that cannot refresh its lease in time does not know whether it leads. It is told so (Config.Doubt), and should do nothing
// meanwhile; it is not told that it has lost the lead before etcd says so. When etcd was away altogether nobody else has been
// elected, leases are given their whole time again when it comes back, and the leader goes on where it stood, with what it
// holds: its subscription to Mesos.
//
// The package decides nothing and writes nothing but the key of the election. The manager calls it.
package leader
