// Package server is Horae's HTTP API: the Kubernetes REST conventions for the kinds of api/v1, with what
// Kubernetes has no word for beside them (a Job's trigger and schedule, a Run's log), and the process's own
// /livez, /readyz, /metrics and /version.
//
// Reads are answered from the cache. A write goes through the store, guarded by the revision of the spec that it
// was decided on, and is answered once the cache has seen it: who writes and then reads through the same server
// reads his own write. The server writes specs only: a status belongs to its controller (I5). It imports no
// controller: what it needs of them (validation, making a Run, the next occurrences) comes as functions in Config,
// from internal/manager.
//
// # Where things are
//
//   - server.go: routes, start and stop; config.go: what the server needs; starting.go:
//     answers before there is something to serve; middleware.go: around each request (headers, log, requests
//     that pages of other sites send); metrics.go: metrics; request.go: the path and the parameters of a request, selectors
//   - get.go: get and list; page.go: parts of a list; listwriter.go: lists, sent object by object; watch.go: watches;
//     watchwriter.go: their events, encoded once
//   - write.go: create, and what every write shares (reading and validating the body, warnings, the answer);
//     update.go: put, preconditions, conflicts; patch.go: kinds of patches; apply.go: apply patches, owners of fields;
//     delete.go: delete and deletecollection
//   - derived.go: kinds that are not stored; events.go, namespaces.go: how they follow from the stored objects
//   - trigger.go, schedule.go, backfill.go, tasklogs.go, statistics.go: subresources: a Run by hand, the next
//     occurrences, what a Backfill would do, the output of a task, how long Runs took; graph.go: which Jobs follow which
//   - makerun.go: what the requests share that make a Run; retry.go, succeed.go: two of them
//   - callback.go: callbacks of attempts; reports.go: how those that come together are stored together
//   - movingdefaults.go: defaults that a change of another field moves; cycles.go: Jobs that would depend on themselves
//   - respond.go: the form of an answer (JSON, YAML, table, metadata only); table.go: printed columns; table_access.go: those
//     of Tokens and roles; errors.go: errors as Status objects and their codes; invalid.go: objects whose stored document cannot be used
//   - discovery.go: groups, resources, /version; openapi.go: OpenAPI documents; kinds.go: field selectors and subresources of each kind
//   - access.go: who sends a request, and whether he may; user.go: the user's name in documents;
//     reviews.go: questions about oneself; token.go: the secret of a new Token; protobuf.go: bodies of Kubernetes' own kinds
//   - health.go: /livez and /readyz; limits.go: bounds and timeouts of requests; slots.go, connections.go, rate.go:
//     how these are shared among clients; hosts.go: names under which the server answers
package server
