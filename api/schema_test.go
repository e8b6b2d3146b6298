package api

import (
	gojson "encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// schemas are the JSON Schemas for editors, by kind.
func schemas(t *testing.T) map[string]*validate.SchemaValidator {
	t.Helper()
	byKind := map[string]*validate.SchemaValidator{}
	for kind, name := range map[string]string{"Job": "job", "Run": "run", "Calendar": "calendar", "Backfill": "backfill"} {
		var schema spec.Schema
		if err := gojson.Unmarshal([]byte(readFile(t, "../config/schema/"+name+".schema.json")), &schema); err != nil {
			t.Fatal(err)
		}
		byKind[kind] = validate.NewSchemaValidator(&schema, nil, "", strfmt.Default)
	}
	return byKind
}

// documents are all that the decoder is known to accept: the examples, and every manifest.
func documents(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("../manifests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	docs := map[string]map[string]any{}
	for _, file := range append(files, "testdata/full-job.yaml", "testdata/full-run.yaml", "testdata/full-calendar.yaml",
		"testdata/full-backfill.yaml", "testdata/alternatives.yaml") {
		for i, text := range strings.Split(readFile(t, file), "\n---\n") {
			var doc map[string]any
			if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
				t.Fatal(err)
			}
			docs[fmt.Sprintf("%s %d", file, i+1)] = asJSON(t, doc)
		}
	}
	return docs
}

func asJSON(t *testing.T, doc any) map[string]any {
	t.Helper()
	data, err := gojson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := gojson.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func decodes(t *testing.T, doc map[string]any) error {
	t.Helper()
	data, err := gojson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = DecodeOne(data)
	return err
}

func TestSchemasAcceptWhatDecodeAccepts(t *testing.T) {
	byKind := schemas(t)
	for name, doc := range documents(t) {
		obj, err := DecodeOne(mustMarshal(t, doc))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		schema := byKind[doc["kind"].(string)]
		if r := schema.Validate(doc); !r.IsValid() {
			t.Errorf("%s: %v", name, r.AsError())
		}
		if r := schema.Validate(asJSON(t, obj)); !r.IsValid() {
			t.Errorf("%s with its defaults: %v", name, r.AsError())
		}
	}
}

// TestSchemasRefuseWhatDecodeRefuses breaks each document at every place: with a field that doesn't exist, with a value of another
// type, and without what is required.
func TestSchemasRefuseWhatDecodeRefuses(t *testing.T) {
	byKind := schemas(t)
	broken := 0
	for name, doc := range documents(t) {
		schema := byKind[doc["kind"].(string)]
		for _, change := range mutations(doc, "") {
			change.do()
			err := decodes(t, doc)
			valid := schema.Validate(doc).IsValid()
			change.undo()
			if err == nil && !change.mayDecode {
				t.Errorf("%s: the decoder accepts %s", name, change.what)
			}
			if valid && err != nil {
				t.Errorf("%s: the schema accepts %s, the decoder doesn't: %v", name, change.what, err)
			}
			broken++
		}
	}
	if broken < 500 {
		t.Errorf("only %d broken documents: the test has lost its subject", broken)
	}
}

type mutation struct {
	what      string
	do, undo  func()
	mayDecode bool
}

// freeKeys reports whether a mapping may have any key.
func freeKeys(path string) bool {
	return strings.HasSuffix(path, ".labels") || strings.HasSuffix(path, ".annotations") || strings.HasSuffix(path, ".options")
}

func mutations(node map[string]any, path string) []mutation {
	var all []mutation
	if !freeKeys(path) {
		all = append(all, mutation{
			what: "an unknown field in " + path,
			do:   func() { node["nonsense"] = "x" }, undo: func() { delete(node, "nonsense") },
		})
	}
	for _, key := range slices.Sorted(maps.Keys(node)) {
		old, at := node[key], path+"."+key
		set := func(what string, value any) mutation {
			return mutation{what: what + " as " + at, do: func() { node[key] = value }, undo: func() { node[key] = old }}
		}
		switch v := old.(type) {
		case map[string]any:
			all = append(all, set("a list", []any{}), set("a number", 3.0), set("text", "x"))
			all = append(all, mutations(v, at)...)
		case []any:
			all = append(all, set("a mapping", map[string]any{"a": "b"}), set("text", "x"))
			for i, item := range v {
				if below, ok := item.(map[string]any); ok {
					all = append(all, mutations(below, fmt.Sprintf("%s[%d]", at, i))...)
				}
			}
		case bool:
			all = append(all, set("text", "true"), set("a number", 1.0), set("a list", []any{true}))
		case float64:
			quantity := set("a number as text", "3")
			quantity.mayDecode = strings.Contains(at, ".resources.")
			all = append(all, quantity, set("a list", []any{3.0}), set("a boolean", true))
		case string:
			number := set("a number", 3.0)
			number.mayDecode = strings.Contains(at, ".resources.")
			all = append(all, number, set("a mapping", map[string]any{"a": "b"}), set("a boolean", true))
			if _, err := time.Parse(time.RFC3339, v); err != nil { // The validator used here takes a list for any text with a format.
				all = append(all, set("a list", []any{"x"}))
			}
		}
	}
	return all
}

func mustMarshal(t *testing.T, doc any) []byte {
	t.Helper()
	data, err := gojson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSchemasKnowTheForms: what the decoder or validation refuses in a value's form, an editor shows at once.
func TestSchemasKnowTheForms(t *testing.T) {
	schema := schemas(t)["Job"]
	for _, tc := range []struct {
		name, input string
		valid       bool
	}{
		{name: "a Go duration", input: "spec: {timeout: 1h30m, task: {}}", valid: true},
		{name: "a Go duration of fractions", input: "spec: {timeout: 1.5s, task: {}}", valid: true},
		{name: "an ISO 8601 duration", input: "spec: {timeout: P1DT12H0.5S, task: {}}", valid: true},
		{name: "a duration without a unit", input: `spec: {timeout: "90", task: {}}`},
		{name: "a duration of months", input: "spec: {timeout: P1M, task: {}}"},
		{name: "a duration of words", input: "spec: {timeout: 5 min, task: {}}"},
		{name: "an enumeration", input: "spec: {concurrencyPolicy: Queue, task: {}}", valid: true},
		{name: "a choice that there is not", input: "spec: {concurrencyPolicy: queue, task: {}}"},
		{name: "quantities as numbers", input: "spec: {task: {resources: {cpus: 0.5, memory: 1048576}}}", valid: true},
		{name: "quantities as text", input: "spec: {task: {resources: {cpus: 500m, memory: 1Gi}}}", valid: true},
		{name: "a quantity of nothing known", input: "spec: {task: {resources: {memory: 1GB}}}"},
		{name: "a negative count", input: "spec: {task: {resources: {ports: -1}}}"},
		{name: "a variable's name", input: "spec: {task: {env: [{name: 1A}]}}"},
		{name: "no task", input: "spec: {}"},
		{name: "an element without what it needs", input: "spec: {task: {fetch: [{cache: true}]}}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var doc map[string]any
			if err := yaml.Unmarshal([]byte("apiVersion: horae/v1\nkind: Job\nmetadata: {name: a}\n"+tc.input), &doc); err != nil {
				t.Fatal(err)
			}
			if r := schema.Validate(asJSON(t, doc)); r.IsValid() != tc.valid {
				t.Errorf("valid: %v, want %v (%v)", r.IsValid(), tc.valid, r.AsError())
			}
		})
	}
	for _, doc := range []string{
		"apiVersion: horae/v2\nkind: Job\nmetadata: {name: a}\nspec: {task: {}}",
		"apiVersion: horae/v1\nkind: Run\nmetadata: {name: a}\nspec: {task: {}}",
		"apiVersion: horae/v1\nkind: Job\nmetadata: {}\nspec: {task: {}}",
		"apiVersion: horae/v1\nkind: Job\nmetadata: {name: A}\nspec: {task: {}}",
		"apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, finalizers: [x]}\nspec: {task: {}}",
		"apiVersion: horae/v1\nkind: Job\nmetadata: {name: a}",
	} {
		var parsed map[string]any
		if err := yaml.Unmarshal([]byte(doc), &parsed); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(asJSON(t, parsed)).IsValid() {
			t.Errorf("accepted:\n%s", doc)
		}
	}
}
