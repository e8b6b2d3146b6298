// Package api turns bytes into Horae's objects and back: YAML or JSON, strictly, of whichever version they name.
//
// The store, the server and the command line all read documents through it, so that a document means the same
// wherever it comes from. The package does no I/O and imports nothing of Horae but the versions below it. It checks
// form only: v1.ValidateJob and its siblings check values.
package api
