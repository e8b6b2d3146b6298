// Package leader makes one of several processes the leader, through an election in etcd.
//
// The lead is a lease of a few seconds. Run calls the leader's work with a context that ends when etcd reports that
// the lease or the leader key is gone, and when Run's own context ends; then Run revokes the lease at once.
//
// A process that is stopped for longer than its lease (SIGSTOP, a frozen machine) wakes up and believes that it still
// leads. No lease can prevent that. So safety does not rest on the lease but on the fence: every write of the leader
// compares the leader key's create revision (I6), and etcd refuses the writes of a deposed leader.
//
// A leader that cannot refresh its lease in time does not know whether it leads. Run reports that doubt
// (Config.Doubt), and the leader should do nothing meanwhile. The lead ends only when etcd reports that it has ended.
// If etcd was not reachable for anybody, no other process was elected. When etcd is back, it extends all leases by
// their whole time, and the leader continues with what it holds, such as its subscription to Mesos.
//
// The package decides nothing and writes nothing but the key of the election. The manager calls it.
package leader
