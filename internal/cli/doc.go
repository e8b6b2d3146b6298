// Package cli is the horae command: it turns arguments into requests to the HTTP API and answers into text.
//
// It keeps no state and decides nothing about Jobs: what it shows comes from the server, but for `horae schedule EXPR`, which
// reads an expression by itself with internal/schedule. cmd/horae calls Main; tests call it in-process.
//
// The numbers of the exit codes are in cli.go; which one `trigger --wait` returns for an ended Run is in runs.go.
//
// Each command has a file of its own name; get_watch.go is `get -w`, and patch.go is common to suspend, resume and cancel. The
// rest is shared:
//
//	cli.go        the root command, streams, exit codes; flags.go and args.go check the command line
//	client.go     requests to the server; request.go one of them; reconnect.go what to do when it goes away; config.go its address
//	kinds.go      the resource types
//	targets.go    TYPE NAME and TYPE/NAME
//	manifest.go   the files of -f; documents.go the documents in a file; lastapplied.go the annotation of apply
//	output.go     the forms of -o; table.go tables; page.go the layout of descriptions
//	errors.go     errors; escape.go control characters
//	runs.go       picking a Run, waiting for it, its outcome
package cli
