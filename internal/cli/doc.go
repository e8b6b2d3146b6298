// Package cli is the horae command: it turns arguments into requests to the HTTP API and answers into text.
//
// It keeps no state and decides nothing about Jobs: what it shows comes from the server, but for `horae schedule EXPR`, which
// reads an expression by itself with internal/schedule. cmd/horae calls Main; tests call it in-process.
//
// cli.go holds the frame (streams, exit codes), client.go the requests, manifest.go what -f reads, and each command has a file of
// its own name.
package cli
