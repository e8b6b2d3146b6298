// Package api turns bytes into Horae's objects and back: YAML or JSON, strictly, of whichever version they name.
//
// The store, the server and the command line all read documents through it, so that a document means the same
// wherever it comes from. The package does no I/O and imports nothing of Horae but the versions below it. It checks
// form only: v1.ValidateJob and its siblings check values.
//
// # Where things are
//
//   - typemeta.go: apiVersion and kind of a document; decode.go: reading documents, and their defaults
//   - yaml.go: documents of a YAML stream; yaml_convert.go: YAML to JSON, aliases and their bounds
//   - decode_mistakes.go: what is wrong with a document, with paths; decode_hints.go: the right field for what users
//     of Chronos and Kubernetes write; error.go: errors with a list of fields
//   - limits.go: bounds of a document that are checked before it is decoded
//   - encode.go: the documents that are stored
//   - kinds.go: the table of kinds; rbac.go: the rows and the validation of Roles and their bindings
package api
