package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// form is how an answer is written.
type form struct {
	yaml bool
	// as is "", Table or PartialObjectMetadata.
	as      string
	pretty  bool
	include metav1.IncludeObjectPolicy
}

const (
	asTable   = "Table"
	asPartial = "PartialObjectMetadata"
	jsonType  = "application/json"
	yamlType  = "application/yaml"
)

// negotiate takes the first media range of the Accept header that the server can write. As in Kubernetes the order
// counts and q does not.
func negotiate(r *http.Request) (form, error) {
	var f form
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		accept = "*/*"
	}
	ok := false
	for part := range strings.SplitSeq(accept, ",") {
		if f, ok = formOf(part); ok {
			break
		}
	}
	if !ok {
		return form{}, notAcceptable("Accept: %s: there are %s, as Table or PartialObjectMetadata of meta.k8s.io/v1 too, and %s",
			accept, jsonType, yamlType)
	}
	q := r.URL.Query()
	f.pretty = q.Has("pretty") && q.Get("pretty") != "false" && q.Get("pretty") != "0"
	switch f.include = metav1.IncludeObjectPolicy(q.Get(paramInclude)); f.include {
	case "":
		f.include = metav1.IncludeMetadata
	case metav1.IncludeNone, metav1.IncludeMetadata, metav1.IncludeObject:
	default:
		return form{}, badRequest("includeObject=%q: must be None, Metadata or Object", f.include)
	}
	return f, nil
}

// formOf reads one media range.
func formOf(mediaRange string) (form, bool) {
	typ, params, err := mime.ParseMediaType(strings.TrimSpace(mediaRange))
	if err != nil {
		return form{}, false
	}
	var f form
	switch typ {
	case jsonType, "*/*", "application/*":
	case yamlType, "text/yaml", "application/x-yaml":
		f.yaml = true
	default:
		return form{}, false
	}
	switch as := params["as"]; as {
	case "":
		return f, params["g"] == "" && params["v"] == ""
	case asTable, asPartial, asPartial + "List":
		f.as = strings.TrimSuffix(as, "List")
		return f, !f.yaml && params["g"] == metav1.GroupName && params["v"] == "v1"
	}
	return form{}, false
}

// write sends v in the form asked for.
func (f form) write(w http.ResponseWriter, code int, v any) error {
	data, err := f.encode(v)
	if err != nil {
		return err
	}
	if f.yaml {
		w.Header().Set("Content-Type", yamlType)
	} else {
		w.Header().Set("Content-Type", jsonType)
	}
	w.WriteHeader(code)
	// An error means that the client is gone.
	_, _ = w.Write(data)
	return nil
}

func (f form) encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	switch {
	case f.yaml:
		return toYAML(data)
	case f.pretty:
		var b bytes.Buffer
		if err := json.Indent(&b, data, "", "  "); err != nil {
			return nil, fmt.Errorf("indent %T: %w", v, err)
		}
		data = b.Bytes()
	}
	return append(data, '\n'), nil
}

// toYAML turns JSON into YAML. Characters that JSON may hold as they are, and YAML may not, are escaped first.
func toYAML(data []byte) ([]byte, error) {
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case r >= 0x7f && r < 0xa0, r == 0xfeff, r == 0xfffe, r == 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return yaml.JSONToYAML(b.Bytes())
}

// writeObject sends one object as it is, as a table of one row, or as its metadata.
func (s *Server) writeObject(w http.ResponseWriter, r *request, code int, o object) error {
	v, err := s.transform(r, o, true)
	if err != nil {
		return err
	}
	return r.form.write(w, code, v)
}

// transform converts an object to the form that was asked for: itself, a Table of one row, or its metadata.
func (s *Server) transform(r *request, o object, headers bool) (any, error) {
	switch r.form.as {
	case asTable:
		t := r.kind.table(headers)
		row, err := r.kind.row(o, r.form.include, s.now())
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, row)
		t.ResourceVersion = o.GetResourceVersion()
		return t, nil
	case asPartial:
		return partial(o), nil
	}
	return o, nil
}

func writeError(w http.ResponseWriter, st *metav1.Status, f form) {
	f.as, f.pretty = "", false
	if st.Details != nil && st.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(st.Details.RetryAfterSeconds))
	}
	_ = f.write(w, int(st.Code), st)
}
