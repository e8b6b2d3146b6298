// Package discovery finds the leading Mesos master in ZooKeeper, where Mesos's masters elect it.
//
// Each master that stands for election has an ephemeral, sequential znode json.info_NNNNNNNNNN under one path; the one with the
// lowest number leads, and its content says where it answers. A Detector watches that path: it asks when ZooKeeper says that
// something has changed, and never otherwise. It has no state in ZooKeeper of its own, so a session that breaks is thrown away
// whole, with its connection and its watches, and a new one reads everything anew; that leaves no half-broken watch to think
// about.
//
// It writes nothing to ZooKeeper and talks to no master. The manager runs one Detector for as long as it lives, leading or
// not, and gives it to the Mesos driver as its list of masters.
package discovery
