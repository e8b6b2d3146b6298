// Package e2e uses Horae as its users do: the built binaries as processes, files of manifests, the command line, etcd's own
// client. It looks at what users see: tables, documents, logs, what a task left on disk.
package e2e
