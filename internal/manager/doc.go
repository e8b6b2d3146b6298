// Package manager puts the parts of Horae together: it is the one place that knows them all.
//
// Read manager.go first: it names every part in start order. config.go holds every option, embedded.go the etcd and the dev
// cluster that `manager --dev` brings along, lead.go what only the leader runs. Nothing is decided here; cmd/manager
// and tests call it.
package manager
