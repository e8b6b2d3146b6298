// Command generate makes JSON Schemas for editors of the CRD-style schemas that controller-gen wrote.
//
// Both describe the same documents, but editors need more than Kubernetes takes: unknown fields refused, the one
// apiVersion and kind, the fields of metadata, quantities that may be plain numbers. hack/generate.sh calls it; it
// never touches the tree itself.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	crds := flag.String("crd", "", "directory of the CRDs to read")
	schemas := flag.String("schema", "", "directory of the JSON Schemas to write")
	flag.Parse()
	if err := run(*crds, *schemas); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(crds, schemas string) error {
	files, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no CRDs in %q", crds)
	}
	if err := os.MkdirAll(schemas, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, schema, err := convert(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(schemas, name), schema, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// crd is the part of a CustomResourceDefinition that matters here.
type crd struct {
	Spec struct {
		Group string
		Names struct {
			Kind, Singular string
		}
		Versions []struct {
			Name   string
			Schema struct {
				OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
			}
		}
	}
}

// convert makes a JSON Schema (draft 7, the one that editors know best) of a CRD, and names its file.
func convert(data []byte) (name string, schema []byte, err error) {
	var c crd
	if err := yaml.Unmarshal(data, &c); err != nil {
		return "", nil, err
	}
	if len(c.Spec.Versions) != 1 {
		return "", nil, fmt.Errorf("want one version, got %d", len(c.Spec.Versions))
	}
	version := c.Spec.Versions[0]
	root := version.Schema.OpenAPIV3Schema
	properties, ok := root["properties"].(map[string]any)
	if !ok {
		return "", nil, fmt.Errorf("the schema has no properties")
	}
	strict(root)
	apiVersion := c.Spec.Group + "/" + version.Name
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = c.Spec.Names.Kind + " of " + apiVersion
	root["required"] = []string{"apiVersion", "kind", "metadata", "spec"}
	properties["apiVersion"] = constant("Version of the form of this document.", apiVersion)
	properties["kind"] = constant("Kind of this document.", c.Spec.Names.Kind)
	properties["metadata"] = metadata(c.Spec.Names.Kind)

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		return "", nil, err
	}
	return c.Spec.Names.Singular + ".schema.json", out.Bytes(), nil
}

// strict changes a schema and all below it from Kubernetes's dialect to an editor's: unknown fields are refused,
// quantities may be any number, examples are a list, and Kubernetes's extensions go.
func strict(schema map[string]any) {
	if schema["x-kubernetes-int-or-string"] == true {
		delete(schema, "anyOf")
		schema["type"] = []string{"number", "string"}
	}
	if example, ok := schema["example"]; ok {
		delete(schema, "example")
		schema["examples"] = []any{example}
	}
	for key := range schema {
		if strings.HasPrefix(key, "x-kubernetes-") {
			delete(schema, key)
		}
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		schema["additionalProperties"] = false
		for _, p := range properties {
			strict(p.(map[string]any))
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := schema[key].(map[string]any); ok {
			strict(below)
		}
	}
}

func constant(description, value string) map[string]any {
	return map[string]any{"description": description, "type": "string", "enum": []string{value}}
}

// metadata describes the fields that users set, and accepts those that the server sets, so that the output of `horae
// get -o yaml` is valid. Fields that Horae refuses (generateName, ownerReferences, finalizers) are left out.
func metadata(kind string) map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	texts := func(description string) map[string]any {
		return map[string]any{"type": "object", "description": description, "additionalProperties": map[string]any{"type": "string"}}
	}
	label := func(description string, length int) map[string]any {
		m := text(description)
		m["pattern"], m["maxLength"] = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", length
		return m
	}
	length := map[string]int{"Job": 52, "Calendar": 63}[kind]
	if length == 0 {
		length = 80
	}
	return map[string]any{
		"type":                 "object",
		"description":          "Metadata says which object this is.",
		"required":             []string{"name"},
		"additionalProperties": false,
		"properties": map[string]any{
			"name":            label("Name, of lower case letters, digits and '-'.", length),
			"namespace":       label("Namespace; default \"default\". It needs no object.", 63),
			"labels":          texts("Labels to select objects by; also given to the Mesos task."),
			"annotations":     texts("Annotations are for people and other programs."),
			"uid":             text("Filled in by the server."),
			"resourceVersion": text("Filled in by the server."),
			"creationTimestamp": map[string]any{"type": []string{"string", "null"}, "format": "date-time",
				"description": "Filled in by the server."},
			"generation": map[string]any{"type": "integer", "description": "Filled in by the server."},
			"managedFields": map[string]any{"type": "array", "description": "Filled in by the server.",
				"items": map[string]any{"type": "object"}},
		},
	}
}
