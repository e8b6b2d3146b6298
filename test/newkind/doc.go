// Package newkind proves that a kind is a row of the table of kinds and its types: its test makes one up, registers it, and uses it
// through the API server, the cache and etcd, none of which has heard of it (docs/adding-a-kind.md).
package newkind
