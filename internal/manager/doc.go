// Package manager puts Horae together into one process, and starts and stops its parts in order.
//
// manager.go reads as the system's diagram. Nothing is decided here; cmd/manager calls it.
//
// # Where things are
//
//   - manager.go: the parts in the order of their start; leadership.go: the election and what only the leader runs;
//     term.go: the controllers of a term; dispatch.go: which of them a change concerns; transitions.go: what
//     they count and log; pause.go: what stands still while it is not certain who leads
//   - config.go: the configuration file, defaults, validation; mesosconfig.go, etcdconfig.go: the parts of it about
//     Mesos and etcd; flags.go: flags and environment variables
//   - etcd.go, mesos.go: connecting to the two; agents.go: connections to agents, for logs; embedded.go: the embedded
//     etcd; dev.go, dev_production.go: the dev cluster, and a binary without it
//   - api.go: what the server gets from the other parts; ready.go: the checks of /readyz; notready.go: answers before
//     there is something to serve
//   - accessroles.go: the roles that are built in, written to etcd
//   - serving.go: TLS of the API; servingconfig.go: its configuration, and that nobody is let in by mistake
//   - advertise.go: the address for callbacks; callbackkeys.go: the key of their tokens
//   - secret.go, tls.go: files that are read again; log.go, etcdlog.go: logs
package manager
