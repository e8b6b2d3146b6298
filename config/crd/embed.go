// Package crd holds the schemas of the kinds, as CustomResourceDefinitions. hack/generate.sh makes them from the types in api/v1,
// with their comments, defaults, enums and formats. They serve as the one source of the OpenAPI documents.
package crd

import "embed"

// Files are the CustomResourceDefinitions, one for each kind.
//
//go:embed *.yaml
var Files embed.FS
