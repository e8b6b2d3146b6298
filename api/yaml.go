package api

import (
	"bytes"
	gojson "encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/json"
)

// yamlSyntaxError: the input is not YAML.
type yamlSyntaxError struct{ err error }

func (e *yamlSyntaxError) Error() string {
	msg := strings.TrimPrefix(e.err.Error(), "yaml: ")
	line, rest, ok := strings.Cut(msg, ": ")
	if !ok || !strings.HasPrefix(line, "line ") {
		line, rest = "line 1", msg
	}
	switch {
	case strings.Contains(rest, "cannot start any token"):
		rest += "; indent with spaces, not tabs, and quote text that begins with @, ` or %"
	case strings.Contains(rest, "did not find expected alphabetic or numeric character"): // of an alias or an anchor
		rest += "; quote text that begins with * or &, as schedule: \"* * * * *\""
	}
	return line + ": not YAML: " + rest
}
func (e *yamlSyntaxError) Unwrap() error { return e.err }

// parseYAML reads every document of a YAML stream; empty ones don't count.
func parseYAML(data []byte) ([]runtime.Object, error) {
	docs, err := yamlDocuments(data)
	if err != nil {
		return nil, err
	}
	var objs []runtime.Object
	budget := newBudget(len(data))
	for i, doc := range docs {
		if doc.empty() {
			continue
		}
		some, err := doc.parse(budget)
		if err != nil {
			return nil, inDocument(err, i+1, doc.line, len(docs) > 1)
		}
		objs = append(objs, some...)
	}
	if len(objs) == 0 {
		return nil, ErrEmpty
	}
	return objs, nil
}

// yamlDocument is a document of a YAML stream.
type yamlDocument struct {
	root *yaml.Node // nil: there is none
	line int
	json []byte // the document as it is in the input, if it is JSON
}

// yamlDocuments reads a stream. Documents in it that are JSON are kept as they are, because not all JSON is YAML: a
// character may be written as two escapes, \ud83d\ude80.
func yamlDocuments(data []byte) ([]yamlDocument, error) {
	if err := checkDirectives(data); err != nil {
		return nil, err
	}
	data, embedded := takeJSON(data)
	var docs []yamlDocument
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		node := new(yaml.Node)
		err := d.Decode(node)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, &yamlSyntaxError{err}
		}
		if len(docs) == maxDocuments {
			return nil, fmt.Errorf("there are more than %d documents in one input", maxDocuments)
		}
		doc := yamlDocument{}
		if len(node.Content) > 0 {
			doc.root, doc.line = node.Content[0], node.Content[0].Line
			doc.json = embedded[doc.line]
		}
		docs = append(docs, doc)
	}
}

// checkDirectives bounds the %TAG directives: the parser compares each with all those before it, and Horae uses none.
func checkDirectives(data []byte) error {
	const most = 100
	if n := bytes.Count(data, []byte("\n%TAG")); n > most {
		return fmt.Errorf("there are %d %%TAG directives: the limit is %d", n, most)
	}
	return nil
}

// takeJSON replaces the documents of a YAML stream that are JSON by empty mappings in the same lines, and returns them by
// line. Without a separator there is nothing to do: the input as a whole would have been read as JSON. In YAML, any line
// that begins with --- separates documents.
func takeJSON(data []byte) ([]byte, map[int][]byte) {
	if !bytes.HasPrefix(data, []byte("---")) && !bytes.Contains(data, []byte("\n---")) {
		return data, nil
	}
	var out []byte
	found := map[int][]byte{}
	line := 1
	for len(data) > 0 {
		part := data
		if i := bytes.Index(data, []byte("\n---")); i >= 0 {
			part = data[:i+1]
		}
		data = data[len(part):]
		before, doc := []byte(nil), part
		if isSeparator(part) {
			before, doc = part[:3], part[3:]
		}
		text := bytes.TrimLeft(doc, " \t\r\n")
		blank := doc[:len(doc)-len(text)]
		if len(text) > 0 && text[0] == '{' && gojson.Valid(text) {
			found[line+bytes.Count(blank, []byte("\n"))] = bytes.TrimSpace(text)
			out = append(append(append(out, before...), blank...), "{}"...)
			out = append(out, bytes.Repeat([]byte("\n"), bytes.Count(text, []byte("\n")))...)
		} else {
			out = append(out, part...)
		}
		line += bytes.Count(part, []byte("\n"))
	}
	return out, found
}

func isSeparator(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

func (d yamlDocument) empty() bool {
	return d.root == nil || d.root.Kind == yaml.ScalarNode && d.root.ShortTag() == "!!null"
}

func (d yamlDocument) parse(budget *budget) ([]runtime.Object, error) {
	if d.json != nil {
		return parseJSON(d.json, nil, 0)
	}
	data, written, err := yamlToJSON(d.root, budget)
	if err != nil {
		return nil, err
	}
	objs, err := parseJSON(data, written, 0)
	if errors.Is(err, errSyntax) {
		return nil, fmt.Errorf("read YAML as JSON: %w", err)
	}
	return objs, err
}

// YAMLToJSON converts the one YAML (or JSON) document of data to JSON, as Parse reads it. Code that passes documents on to
// Parse must convert them with it: other parsers read a key "on" as true.
//
// It reports, as an *Error, the mistakes that the JSON would no longer show: duplicate keys, by path and line, and numbers
// and booleans in the place of text, as they are written. Parse finds all others. An input without a document returns
// ErrEmpty.
func YAMLToJSON(data []byte) ([]byte, error) {
	if trimmed := trim(data); len(trimmed) > 0 && trimmed[0] == '{' && gojson.Valid(trimmed) {
		return checkedJSON(trimmed)
	}
	docs, err := yamlDocuments(data)
	if err != nil {
		return nil, asJSONError(data, err)
	}
	docs = slices.DeleteFunc(docs, yamlDocument.empty)
	switch {
	case len(docs) == 0:
		return nil, ErrEmpty
	case len(docs) > 1:
		return nil, fmt.Errorf("want one document, got %d", len(docs))
	case docs[0].json != nil:
		return checkedJSON(docs[0].json)
	}
	out, written, err := yamlToJSON(docs[0].root, newBudget(len(data)))
	if err != nil {
		return nil, err
	}
	return out, checkTexts(out, written)
}

// checkedJSON is a document that is JSON already.
func checkedJSON(data []byte) ([]byte, error) {
	if err := checkDuplicates(data); err != nil {
		return nil, err
	}
	return data, checkTexts(data, nil)
}

// checkTexts reports numbers and booleans in the place of text. The message quotes them as they are written in the
// document, not as they are converted.
func checkTexts(data []byte, written asWritten) error {
	_, err := parseJSON(data, written, 0)
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	var m mistakes
	for _, f := range e.Fields {
		if strings.HasPrefix(f.Message, mustBeQuoted) {
			m.fields = append(m.fields, f)
		}
	}
	return m.err()
}

// checkDuplicates reports duplicate names in JSON.
func checkDuplicates(data []byte) error {
	if err := CheckJSON(data, maxDepth); err != nil {
		return err
	}
	var v any
	strict, err := json.UnmarshalStrict(data, &v, json.DisallowDuplicateFields)
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	var m mistakes
	for _, e := range strict {
		var at *path
		message := e.Error()
		var f json.FieldError
		if errors.As(e, &f) {
			at, message = at.name(f.FieldPath()), "is given twice"
		}
		m.add(at, "%s", message)
	}
	return m.err()
}
