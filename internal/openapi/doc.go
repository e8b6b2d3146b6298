// Package openapi makes the OpenAPI documents of the HTTP API: version 3, one for each group and version, and version 2.
// kubectl validates and explains by them, and chooses how to patch; other clients generate code from them.
//
// It is a leaf. The schemas of the kinds come from config/crd, which is generated from the types in api/v1; those of
// Kubernetes' types from the types themselves. The paths come from what discovery lists. Package server serves the
// documents, and uses the schemas for the ownership of fields.
//
// Where things are:
//
//   - documents.go: the documents, and how they are served
//   - paths.go: the operations of a resource
//   - schemas.go: schemas of Horae's kinds; gotypes.go: of Kubernetes' types
package openapi
