package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// document is one object of a manifest.
type document struct {
	// source is the file or URL and, when it holds several documents, which of them.
	source string
	kind   *kind
	obj    *unstructured.Unstructured
	// err says why the document cannot be used; kind and obj are nil then.
	err error
}

// part is one document of a file, with the line at which it begins.
type part struct {
	data []byte
	line int
}

// splitDocuments cuts YAML at its "---" lines and a sequence of JSON documents between them. Parts without content are left out.
func splitDocuments(data []byte) []part {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		if parts := splitJSON(data); parts != nil {
			return parts
		}
	}
	var parts []part
	begin, line := 0, 1
	at, n := 0, 1
	cut := func(end int) {
		if hasContent(data[begin:end]) {
			parts = append(parts, part{data[begin:end], line})
		}
	}
	for l := range bytes.Lines(data) {
		if isSeparator(l) {
			cut(at)
			begin, line = at+len(l), n+1
		}
		at += len(l)
		n++
	}
	cut(len(data))
	return parts
}

// splitJSON answers nil when the data is not a sequence of JSON documents.
func splitJSON(data []byte) []part {
	var parts []part
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var doc json.RawMessage
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			return nil
		}
		begin := int(dec.InputOffset()) - len(doc)
		parts = append(parts, part{doc, 1 + bytes.Count(data[:begin], []byte("\n"))})
	}
}

// isSeparator: "---" alone on its line, or followed by a comment.
func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	rest = bytes.TrimSpace(rest)
	return ok && (len(rest) == 0 || rest[0] == '#')
}

func hasContent(doc []byte) bool {
	for l := range bytes.Lines(doc) {
		if l = bytes.TrimSpace(l); len(l) > 0 && l[0] != '#' {
			return true
		}
	}
	return false
}

// decodeDocument reads one document, or the items of a list. Duplicate keys are refused here, where line numbers are known;
// the server, which knows the fields, checks the rest.
func decodeDocument(source string, data []byte) []document {
	u, err := decodeObject(data)
	if err != nil {
		return []document{{source: source, err: err}}
	}
	if !strings.HasSuffix(u.GetKind(), "List") || !u.IsList() {
		return []document{newDocument(source, u)}
	}
	var docs []document
	err = u.EachListItem(func(o runtimeObject) error {
		docs = append(docs, newDocument(source, o.(*unstructured.Unstructured)))
		return nil
	})
	if err != nil {
		docs = append(docs, document{source: source, err: err})
	}
	return docs
}

// decodeJSON reads an object as it is.
func decodeJSON(data []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	return u, u.UnmarshalJSON(data)
}

func decodeObject(data []byte) (*unstructured.Unstructured, error) {
	fields, err := decodeMapping(data)
	if err != nil {
		return nil, err
	}
	if err := foreign(fields); err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: fields}
	if u.GetKind() == "" || u.GetAPIVersion() == "" {
		return nil, errors.New("apiVersion and kind are required, as in apiVersion: horae/v1, kind: Job")
	}
	return u, nil
}

func newDocument(source string, u *unstructured.Unstructured) document {
	k, err := kindOf(u.GetAPIVersion(), u.GetKind())
	if err != nil {
		return document{source: source, err: err}
	}
	if u.GetName() == "" {
		return document{source: source, err: errors.New("metadata.name: is required")}
	}
	return document{source: source, kind: k, obj: u}
}
