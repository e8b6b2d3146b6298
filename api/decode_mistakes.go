package api

import (
	"bytes"
	gojson "encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// explain returns what is wrong with a document that could not be decoded into obj: every mistake with its path, and
// the right field if a habit of Chronos or Kubernetes explains the mistake. The decoder's own errors have only the
// first mistake, and often no path; they are used if explain finds no mistake itself.
func explain(data []byte, obj any, err error, strict []error, written asWritten) error {
	e := explainer{root: reflect.TypeOf(obj).Elem(), written: written}
	e.value(data, e.root, nil, "")
	if bad := e.err(); bad != nil {
		return bad
	}
	if err != nil {
		return fmt.Errorf("decode: %s", shorten(err.Error(), maxMessage))
	}
	for _, s := range strict {
		e.add(nil, "%v", s)
	}
	return e.err()
}

// explainer walks a JSON document and the Go type that it should fit, side by side.
type explainer struct {
	root    reflect.Type
	written asWritten
	mistakes
}

// value compares raw with t. The shape is the path without list indices and map keys; hints are kept by it.
func (e *explainer) value(raw []byte, t reflect.Type, at *path, shape string) {
	raw = bytes.TrimSpace(raw)
	if string(raw) == "null" {
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if u, ok := reflect.New(t).Interface().(gojson.Unmarshaler); ok {
		e.leaf(raw, u, at, shape)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		e.object(raw, t, at, shape)
	case reflect.Map:
		if raw[0] != '{' {
			e.wrongType(raw, at, shape, "must be a mapping of names to values")
			return
		}
		e.members(raw, at, func(name string, value []byte) { e.value(value, t.Elem(), at.name(name), shape+"[]") })
	case reflect.Slice:
		e.list(raw, t, at, shape)
	default:
		e.scalar(raw, t, at, shape)
	}
}

// leaf tries a type that reads JSON itself.
func (e *explainer) leaf(raw []byte, u gojson.Unmarshaler, at *path, shape string) {
	err := u.UnmarshalJSON(raw)
	if err == nil {
		return
	}
	switch u.(type) {
	case *resource.Quantity:
		e.wrongType(raw, at, shape, "must be a quantity such as 2, 500m or 128Mi")
	case *metav1.Time, *metav1.MicroTime:
		e.wrongType(raw, at, shape, "must be a time such as 2026-11-22T02:00:00Z")
	default:
		e.wrongType(raw, at, shape, err.Error())
	}
}

func (e *explainer) list(raw []byte, t reflect.Type, at *path, shape string) {
	var items []gojson.RawMessage
	if gojson.Unmarshal(raw, &items) != nil {
		e.wrongType(raw, at, shape, "must be a list")
		return
	}
	for i, item := range items {
		e.value(item, t.Elem(), at.index(i), shape+"[]")
	}
}

func (e *explainer) object(raw []byte, t reflect.Type, at *path, shape string) {
	if raw[0] != '{' {
		e.wrongType(raw, at, shape, "must be a mapping with fields such as "+strings.Join(firstFields(t, 4), ", "))
		return
	}
	fields := fieldsOf(t)
	e.members(raw, at, func(name string, value []byte) {
		for _, f := range fields {
			if f.name == name {
				e.value(value, f.typ, at.name(name), join(shape, name))
				return
			}
		}
		e.unknown(fields, at, shape, name)
	})
}

// members calls f for each entry of a JSON object in order, and reports names that come twice.
func (e *explainer) members(raw []byte, at *path, f func(name string, value []byte)) {
	d := gojson.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value gojson.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return
		}
		if seen[name] {
			e.add(at.name(name), "is given twice")
			continue
		}
		seen[name] = true
		f(name, value)
	}
}

// mustBeQuoted begins the message about a number or a boolean where text should be.
const mustBeQuoted = "must be text: put it in quotes"

func (e *explainer) scalar(raw []byte, t reflect.Type, at *path, shape string) {
	if t.Kind() == reflect.String && raw[0] == '"' {
		return
	}
	if t.Kind() == reflect.String && e.full() {
		e.more++
		return
	}
	v := reflect.New(t)
	if gojson.Unmarshal(raw, v.Interface()) == nil {
		return
	}
	switch t.Kind() {
	case reflect.String:
		msg := "must be text"
		if raw[0] != '{' && raw[0] != '[' && typeHint(shape, raw) == "" {
			msg = fmt.Sprintf(`%s, "%s"`, mustBeQuoted, e.written.text(at, raw))
		}
		e.wrongType(raw, at, shape, msg)
	case reflect.Bool:
		e.wrongType(raw, at, shape, "must be true or false")
	case reflect.Int32, reflect.Int64, reflect.Int:
		msg := "must be a whole number"
		if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			msg = "is out of range"
		}
		e.wrongType(raw, at, shape, msg)
	case reflect.Float64:
		e.wrongType(raw, at, shape, "must be a number")
	default:
		e.wrongType(raw, at, shape, "cannot be read")
	}
}

// wrongType reports a value of the wrong type, with what explains the mistake.
func (e *explainer) wrongType(raw []byte, at *path, shape, message string) {
	if hint := typeHint(shape, raw); hint != "" {
		message += "; " + hint
	}
	e.add(at, "%s", message)
}

// unknown reports a field that does not exist, with the field that was probably meant.
func (e *explainer) unknown(fields []structField, at *path, shape, name string) {
	if e.full() {
		e.more++
		return
	}
	msg := "unknown field"
	if hint := unknownHint(e.root, shape, name); hint != "" {
		msg += "; " + hint
	} else if near := nearest(fields, name); near != "" {
		msg += fmt.Sprintf("; did you mean %s?", near)
	} else if here := e.elsewhere(name, join(shape, name)); here != "" {
		msg += "; there is " + here
	} else if len(fields) <= 12 {
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.name
		}
		msg += "; there are " + strings.Join(names, ", ")
	}
	e.add(at.name(name), "%s", msg)
}

// elsewhere finds a field of that name in another place: the indentation may be wrong.
func (e *explainer) elsewhere(name, not string) string {
	for _, place := range []string{"", "metadata", "spec", "spec.task", "spec.task.resources", "spec.task.container", "spec.retries"} {
		target := join(place, name)
		if target != not && hasField(e.root, target) {
			return target
		}
	}
	return ""
}

type structField struct {
	name string
	typ  reflect.Type
}

// fieldsOf lists a struct's fields by their JSON names, those of inlined structs among them.
func fieldsOf(t reflect.Type) []structField {
	var fields []structField
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && f.Anonymous:
			fields = append(fields, fieldsOf(f.Type)...)
		case name != "":
			fields = append(fields, structField{name, f.Type})
		}
	}
	return fields
}

func firstFields(t reflect.Type, n int) []string {
	if t == reflect.TypeFor[metav1.ObjectMeta]() {
		return []string{"name", "namespace", "labels", "annotations"}
	}
	var names []string
	for _, f := range fieldsOf(t) {
		if len(names) < n {
			names = append(names, f.name)
		}
	}
	return names
}

// hasField reports whether a path without indices names a field below t.
func hasField(t reflect.Type, path string) bool {
next:
	for name := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		for _, f := range fieldsOf(t) {
			if f.name == name {
				t = f.typ
				continue next
			}
		}
		return false
	}
	return true
}

// nearest returns the field whose name differs from the given one only in case or by two letters at most.
func nearest(fields []structField, name string) string {
	best, bestDistance := "", 3
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			return f.name
		}
		if d := distance(f.name, name); d < bestDistance && d*2 < len(f.name) {
			best, bestDistance = f.name, d
		}
	}
	return best
}

// distance returns the number of letters to change, add or drop to turn a into b (Levenshtein).
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
