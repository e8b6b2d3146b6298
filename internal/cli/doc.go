// Package cli is the horae command: it turns arguments into requests to the HTTP API and answers into text.
//
// It keeps no state and decides nothing about Jobs: what it shows comes from the server, but for `horae schedule EXPR`, which
// reads an expression by itself with internal/schedule. cmd/horae calls Main; tests call it in-process.
//
// # Where things are
//
// A command has a file of its own name.
//
//   - cli.go: the root command, streams, exit codes; help.go: help; completion.go: completion in a shell
//   - flags.go, args.go: checking the command line; kinds.go: types of resources; targets.go: TYPE NAME and TYPE/NAME
//   - client.go: the connection to the server; request.go: one request; reconnect.go: what to do when the server goes
//     away; config.go: the configuration file and the server's address; identity.go: who asks, and
//     which certificates to trust
//   - manifest.go: the files of -f; documents.go: the documents in a file; lastapplied.go: the annotation of apply
//   - output.go: the forms of -o; table.go: tables; columns.go: -o custom-columns; page.go: the layout of descriptions;
//     errors.go: messages of errors; escape.go: control characters
//   - get_watch.go: get -w and events -w; patch.go: what suspend, resume and cancel share; label.go: label and
//     annotate; runrequest.go: what trigger, retry and succeed share; runs.go: picking a Run, waiting for it, the exit
//     code of its outcome
//   - describe_job.go, describe_run.go, describe_calendar.go, describe_backfill.go: a description of each
//     kind; describe_task.go: of a task;
//     describe_story.go: what has happened to a Run
//   - graph_draw.go: drawings of a graph; dependencies.go: the order in which Jobs are applied, and cycles among them
package cli
