// Package manager puts Horae together into one process, and starts and stops its parts in order.
//
// manager.go reads as the system's diagram. leadership.go is the election and what only the leader runs, term.go the controllers of a
// term, dispatch.go which of them a change concerns. etcd.go and mesos.go connect to the two; embedded.go and dev.go start an etcd and the
// dev cluster for those who have none. config.go and flags.go are the options, pause.go what stands still while it is not certain who
// leads, secret.go and tls.go files that are read again, ready.go the checks of /readyz. Nothing is decided here; cmd/manager calls it.
package manager
