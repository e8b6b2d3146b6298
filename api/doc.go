// Package api turns bytes into Horae's objects and back: YAML or JSON, strictly, of whichever version they name.
//
// Everybody who reads a document goes through here (the store, the server, the command line, file sources), so that a document
// means the same wherever it comes from. The package does no I/O and imports nothing of Horae's but the versions below it. It
// decides about form only: whether values make sense is v1.ValidateJob's and its siblings' business.
package api
