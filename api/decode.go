package api

import (
	"bytes"
	gojson "encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/json"
)

// ErrEmpty: the input holds no document, only white space, comments or empty documents.
var ErrEmpty = errors.New("no document: want at least one with apiVersion, kind, metadata and spec")

// Parse reads every document of a YAML or JSON input; apiVersion and kind select the type. It returns what the user
// wrote, which is what is stored; defaults are applied on every read (DecodeOne, SetDefaults).
//
// It is strict: unknown fields, duplicate keys, wrong types and names in the wrong case are errors. A List (as
// kubectl get writes it) counts as its items. All mistakes of a document are reported at once, up to MaxMistakes;
// errors.As finds them as an *Error. An input without a document returns ErrEmpty. What an input may cost is bounded
// (limits.go).
func Parse(data []byte) ([]runtime.Object, error) {
	trimmed := trim(data)
	if len(trimmed) == 0 {
		return nil, ErrEmpty
	}
	if trimmed[0] != '{' {
		return parseYAML(data) // untrimmed: white space means something in YAML
	}
	if obj, err := parseJSON(trimmed, nil, 0); !errors.Is(err, errSyntax) {
		return obj, err
	}
	return parseOtherJSON(data)
}

// ParseOne is Parse for an input that must hold exactly one object.
func ParseOne(data []byte) (runtime.Object, error) {
	objs, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if len(objs) != 1 {
		return nil, fmt.Errorf("want one object, got %d", len(objs))
	}
	return objs[0], nil
}

// DecodeOne is ParseOne with the defaults set: the object as the controllers use it.
func DecodeOne(data []byte) (runtime.Object, error) {
	obj, err := ParseOne(data)
	if err != nil {
		return nil, err
	}
	SetDefaults(obj)
	return obj, nil
}

// ParseLenient is ParseOne for a client that asks for it: what no field of the object takes is left out, and of duplicate
// keys in JSON the last one counts. Mistakes of these sorts are the *Error that comes with the object; nil: there are none.
func ParseLenient(data []byte) (obj runtime.Object, mistakes error, err error) {
	raw := trim(data)
	if len(raw) == 0 || raw[0] != '{' || !gojson.Valid(raw) {
		if raw, err = YAMLToJSON(data); err != nil {
			return nil, nil, err
		}
	}
	meta, ok := peekTypeMeta(raw)
	if !ok || meta.list() || meta.check() != nil {
		obj, err = ParseOne(data)
		return obj, nil, err
	}
	if err := checkObject(raw); err != nil {
		return nil, nil, err
	}
	obj = KindFor(meta.APIVersion, meta.Kind).New()
	strict, err := json.UnmarshalStrict(raw, obj)
	switch {
	case err != nil:
		return nil, nil, explain(raw, obj, err, strict, nil)
	case !utf8.Valid(raw):
		return nil, nil, errNotUTF8
	case len(strict) > 0:
		mistakes = explain(raw, obj, nil, strict, nil)
	}
	return obj, mistakes, nil
}

// Unmarshal reads one YAML or JSON document that is not an object, such as the body of a request, as strictly as Parse
// reads objects.
func Unmarshal(data []byte, v any) error {
	raw, err := YAMLToJSON(data)
	if err != nil {
		return err
	}
	if err := checkObject(raw); err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(raw, v)
	if err != nil || len(strict) > 0 {
		return explain(raw, v, err, strict, nil)
	}
	return nil
}

// SetDefaults fills in what the user left open, in place.
func SetDefaults(obj runtime.Object) {
	if k := KindOf(obj); k != nil {
		k.SetDefaults(obj.(Object))
	}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// trim removes a byte order mark and the white space around the input.
func trim(data []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(data, byteOrderMark))
}

// errSyntax: the bytes are not one JSON value; they may still be YAML.
var errSyntax = errors.New("not JSON")

// parseJSON reads one JSON document, which is nested in so many Lists. Every read from etcd takes this path: the
// document is scanned once for its kind, which comes first in documents that Horae wrote, once against the bounds,
// and decoded once.
func parseJSON(data []byte, written asWritten, lists int) ([]runtime.Object, error) {
	meta, ok := peekTypeMeta(data)
	if !ok || meta.list() || meta.check() != nil {
		return parseUncommon(data, lists)
	}
	if err := checkObject(data); err != nil {
		return nil, err
	}
	obj := KindFor(meta.APIVersion, meta.Kind).New()
	strict, err := json.UnmarshalStrict(data, obj)
	if syntax, _ := json.SyntaxErrorOffset(err); syntax {
		return nil, errSyntax
	}
	if err != nil || len(strict) > 0 {
		return nil, explain(data, obj, err, strict, written)
	}
	if !utf8.Valid(data) {
		return nil, errNotUTF8
	}
	return []runtime.Object{obj}, nil
}

var errNotUTF8 = errors.New("the document is not UTF-8 text")

// maxLists bounds the Lists within each other: each is scanned once for every List around it.
const maxLists = 4

// parseUncommon reads a JSON document whose type is missing, unknown, or a list.
func parseUncommon(data []byte, lists int) ([]runtime.Object, error) {
	if !gojson.Valid(data) {
		return nil, errSyntax
	}
	if err := CheckJSON(data, maxDepth); err != nil {
		return nil, err
	}
	meta, err := decodeTypeMeta(data)
	if err != nil {
		return nil, err
	}
	if !meta.list() {
		if err := meta.check(); err != nil {
			return nil, shortened(err)
		}
		return nil, fmt.Errorf("decode %s: %w", meta.Kind, errSyntax)
	}
	if lists == maxLists {
		return nil, &Error{Fields: []FieldError{
			{Path: "items", Message: fmt.Sprintf("there are more than %d Lists in each other", maxLists)}}}
	}
	var list struct {
		Items []gojson.RawMessage `json:"items"`
	}
	if err := gojson.Unmarshal(data, &list); err != nil {
		return nil, &Error{Fields: []FieldError{{Path: "items", Message: "must be a list of objects"}}}
	}
	var objs []runtime.Object
	for i, item := range list.Items {
		some, err := parseJSON(meta.complete(item), nil, lists+1)
		if err != nil {
			return nil, inItem(err, i)
		}
		objs = append(objs, some...)
	}
	return objs, nil
}

// parseOtherJSON reads an input that begins like JSON but is not one JSON document: several of them one after the
// other, or YAML in flow style. If it is neither, a quote after the brace means that the user meant JSON.
func parseOtherJSON(data []byte) ([]runtime.Object, error) {
	trimmed := trim(data)
	if objs, err := parseJSONStream(trimmed); !errors.Is(err, errSyntax) {
		return objs, err
	}
	objs, err := parseYAML(data)
	return objs, asJSONError(data, err)
}

// asJSONError replaces an error about YAML by one about JSON if a quote after the brace means that the user meant
// JSON.
func asJSONError(data []byte, err error) error {
	trimmed := trim(data)
	var syntax *yamlSyntaxError
	if errors.As(err, &syntax) && len(trimmed) > 0 && trimmed[0] == '{' && bytes.HasPrefix(bytes.TrimSpace(trimmed[1:]), []byte(`"`)) {
		return jsonSyntaxError(bytes.TrimPrefix(data, byteOrderMark))
	}
	return err
}

func parseJSONStream(data []byte) ([]runtime.Object, error) {
	var docs []gojson.RawMessage
	for d := gojson.NewDecoder(bytes.NewReader(data)); ; {
		var doc gojson.RawMessage
		if err := d.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, errSyntax
		}
		docs = append(docs, doc)
	}
	var objs []runtime.Object
	for i, doc := range docs {
		some, err := parseJSON(trim(doc), nil, 0)
		if err != nil {
			return nil, inDocument(err, i+1, 0, len(docs) > 1)
		}
		objs = append(objs, some...)
	}
	return objs, nil
}

// jsonSyntaxError returns an error with the place of the first mistake in the JSON.
func jsonSyntaxError(data []byte) error {
	var v any
	err := gojson.Unmarshal(data, &v)
	var syntax *gojson.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("read JSON: %w", err)
	}
	before := data[:min(int(syntax.Offset), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: not JSON: %w", line, max(column, 1), err)
}
