// Package server is Horae's HTTP API: the Kubernetes REST conventions for the kinds of api/v1, with what
// Kubernetes has no word for beside them (a Job's trigger and schedule, a Run's log), and the process's own
// /livez, /readyz, /metrics and /version.
//
// A request goes one way: server.go routes it, request.go reads its parameters; get.go, write.go, update.go,
// patch.go, delete.go and watch.go do it, trigger.go, schedule.go and tasklogs.go what Kubernetes has no word for;
// middleware.go is around every request, and health.go answers the probes. respond.go negotiates the form of the
// answer, table.go makes tables, listwriter.go sends lists piece by piece, errors.go makes Status objects;
// limits.go and hosts.go bound what a client may do. What differs between kinds is in the table of kinds (package
// api), and in kinds.go for what only a server needs.
//
// Reads are answered from the cache. A write goes through the store, guarded by the revision of the spec that it
// was decided on, and is answered once the cache has seen it: who writes and then reads through the same server
// reads his own write. The server writes specs only: a status belongs to its controller (I5). It imports no
// controller: what it needs of them (validation, making a Run, the next occurrences) comes as functions in Config,
// from internal/manager.
package server
