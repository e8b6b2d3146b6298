package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// listEncoding is how a list is written, object by object, so that a long list is never in memory as one document.
type listEncoding struct {
	contentType string
	// head comes before the objects, between stands between two of them, and tail ends the list; empty is all of a
	// list of none.
	head, between, tail, empty []byte
	object                     func(object) ([]byte, error)
}

// writeList sends a list in the form that was asked for. An error comes before anything is sent.
func (s *Server) writeList(w http.ResponseWriter, r *request, meta metav1.ListMeta, objs iter.Seq[object]) error {
	e, err := s.listEncoding(r, meta)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", e.contentType)
	cost := chunkCost
	if r.form.yaml {
		cost = yamlChunkCost
	}
	next, stop := iter.Pull(objs)
	defer stop()
	var chunk bytes.Buffer
	before, end := e.head, e.empty // of a list of none
	for more, sent := true, false; more; sent = true {
		err := s.compute(r.Context(), r.client, func() error {
			s.rates.charge(r.client, cost)
			for chunk.Len() < maxBuffer {
				var o object
				if o, more = next(); !more {
					chunk.Write(end)
					return nil
				}
				chunk.Write(before)
				before, end = e.between, e.tail
				data, err := e.object(o)
				if err != nil {
					return err
				}
				chunk.Write(data)
			}
			return nil
		})
		if err != nil && !sent {
			return err
		}
		if err != nil {
			// Part of the answer is sent: only breaking it off keeps the client from taking it for the whole.
			panic(http.ErrAbortHandler)
		}
		if _, err := w.Write(chunk.Bytes()); err != nil {
			return nil // the client is gone, or does not read
		}
		chunk.Reset()
	}
	return nil
}

// listEncoding of the form that was asked for.
func (s *Server) listEncoding(r *request, meta metav1.ListMeta) (listEncoding, error) {
	switch {
	case r.form.as == asTable:
		now := s.now()
		t := r.kind.table(true)
		t.ListMeta = meta
		return jsonList(t, r.form.pretty, func(o object) (any, error) { return r.kind.row(o, r.form.include, now) })
	case r.form.as == asPartial:
		return jsonList(&metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: metav1.SchemeGroupVersion.String()}, ListMeta: meta,
			Items: []metav1.PartialObjectMetadata{},
		}, r.form.pretty, func(o object) (any, error) { return partial(o), nil })
	case r.form.yaml:
		return yamlList(r.kind, meta), nil
	}
	return jsonList(&emptyList{r.kind.Name + "List", r.kind.version.String(), meta, []object{}}, r.form.pretty,
		func(o object) (any, error) { return o, nil })
}

// emptyList is a list of a kind, without objects.
type emptyList struct {
	Kind       string          `json:"kind"`
	APIVersion string          `json:"apiVersion"`
	Metadata   metav1.ListMeta `json:"metadata"`
	Items      []object        `json:"items"`
}

// jsonList encodes a list whose document without objects, which stand in its last field, is empty.
func jsonList(empty any, pretty bool, shown func(object) (any, error)) (listEncoding, error) {
	doc, err := json.Marshal(empty)
	if err != nil {
		return listEncoding{}, fmt.Errorf("encode the head of a list: %w", err)
	}
	e := listEncoding{
		contentType: jsonType, head: bytes.TrimSuffix(doc, []byte("]}")), between: []byte(","), tail: []byte("]}\n"),
		empty: append(bytes.Clone(doc), '\n'),
		object: func(o object) ([]byte, error) {
			v, err := shown(o)
			if err != nil {
				return nil, err
			}
			return json.Marshal(v)
		},
	}
	if !pretty {
		return e, nil
	}
	const first, later = "\n    ", ",\n    "
	indented := indent(doc, "")
	e.empty = append(bytes.Clone(indented), '\n')
	e.head = append(bytes.TrimSuffix(indented, []byte("]\n}")), first...)
	e.between, e.tail = []byte(later), []byte("\n  ]\n}\n")
	compact := e.object
	e.object = func(o object) ([]byte, error) {
		data, err := compact(o)
		return indent(data, "    "), err
	}
	return e, nil
}

// indent lays out a JSON document; a document that is none stays as it is.
func indent(doc []byte, prefix string) []byte {
	var b bytes.Buffer
	if json.Indent(&b, doc, prefix, "  ") != nil {
		return doc
	}
	return b.Bytes()
}

// yamlList encodes a list as YAML: each object is an entry of a sequence, which is the object's own YAML, indented.
func yamlList(k *kind, meta metav1.ListMeta) listEncoding {
	head := fmt.Sprintf("apiVersion: %s\nkind: %sList\nmetadata:\n  resourceVersion: %q\n", k.version, k.Name, meta.ResourceVersion)
	if meta.Continue != "" {
		head += fmt.Sprintf("  continue: %q\n", meta.Continue)
	}
	if meta.RemainingItemCount != nil {
		head += fmt.Sprintf("  remainingItemCount: %d\n", *meta.RemainingItemCount)
	}
	return listEncoding{
		contentType: yamlType, head: []byte(head + "items:\n"), empty: []byte(head + "items: []\n"),
		object: func(o object) ([]byte, error) {
			data, err := json.Marshal(o)
			if err != nil {
				return nil, err
			}
			if data, err = toYAML(data); err != nil {
				return nil, err
			}
			var b bytes.Buffer
			mark := "- "
			for line := range bytes.Lines(data) {
				if len(bytes.TrimSpace(line)) > 0 || mark == "- " {
					b.WriteString(mark)
				}
				b.Write(line)
				mark = "  "
			}
			return b.Bytes(), nil
		},
	}
}
