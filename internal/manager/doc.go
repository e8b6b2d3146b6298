// Package manager puts Horae together into one process, and starts and stops its parts in order.
//
// manager.go reads as the system's diagram. leadership.go is the election and what only the leader runs, term.go the controllers of a
// term, dispatch.go which of them a change concerns. etcd.go and mesos.go connect to the two; embedded.go and dev.go start an etcd and the
// dev cluster for those who have none. Nothing is decided here; cmd/manager calls it.
package manager
