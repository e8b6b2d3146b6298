package api

import (
	"bytes"
	gojson "encoding/json"
	"fmt"
	"strings"

	v1 "horae/api/v1"
)

// typeMeta selects a document's type.
type typeMeta struct {
	APIVersion, Kind string
}

// list reports whether the document is a list of objects: Kubernetes's List or our own.
func (m typeMeta) list() bool {
	return m.APIVersion == "v1" && m.Kind == "List" ||
		KindFor(m.APIVersion, strings.TrimSuffix(m.Kind, "List")) != nil && KindFor(m.APIVersion, m.Kind) == nil
}

// known reports whether there is a kind of that name in horae/v1.
func known(kind string) bool { return KindNamed(kind) != nil }

// complete adds the type to an item of a typed list, where the API leaves it out.
func (m typeMeta) complete(item []byte) []byte {
	item = trim(item)
	has, ok := peekTypeMeta(item)
	if m.Kind == "List" || ok || has != (typeMeta{}) || len(item) < 2 || item[0] != '{' {
		return item
	}
	head := fmt.Sprintf(`{"apiVersion":%q,"kind":%q`, m.APIVersion, strings.TrimSuffix(m.Kind, "List"))
	rest := bytes.TrimSpace(item[1:])
	if rest[0] != '}' {
		head += ","
	}
	return append([]byte(head), rest...)
}

var apiVersion = v1.GroupVersion.String()

// check returns what is wrong with the type, and which types there are.
func (m typeMeta) check() error {
	if KindFor(m.APIVersion, m.Kind) != nil {
		return nil
	}
	var bad []FieldError
	switch {
	case m.APIVersion == "":
		bad = append(bad, FieldError{Path: "apiVersion", Message: "is required: " + apiVersion})
	case m.APIVersion != apiVersion:
		msg := fmt.Sprintf("%q is not known; there is %s", m.APIVersion, apiVersion)
		if strings.HasPrefix(m.APIVersion, "batch/") {
			msg += ", whose Job is what Kubernetes calls a CronJob"
		}
		bad = append(bad, FieldError{Path: "apiVersion", Message: msg})
	}
	switch {
	case known(m.Kind):
	case m.Kind == "":
		bad = append(bad, FieldError{Path: "kind", Message: "is required: " + KindNames("or")})
	default:
		msg := fmt.Sprintf("%q is not known; there are %s", m.Kind, KindNames("and"))
		if m.Kind == "CronJob" {
			msg += " (a Job has a schedule here)"
		}
		bad = append(bad, FieldError{Path: "kind", Message: msg})
	}
	if bad == nil {
		return nil
	}
	return &Error{Fields: bad}
}

// decodeTypeMeta reads the type of a JSON document that is known to be well-formed.
func decodeTypeMeta(data []byte) (typeMeta, error) {
	var fields map[string]gojson.RawMessage
	if err := gojson.Unmarshal(data, &fields); err != nil {
		return typeMeta{}, &Error{Fields: []FieldError{{Message: "a document must be a mapping with apiVersion, kind, metadata and spec"}}}
	}
	if looksLikeChronos(fields) {
		return typeMeta{}, &Error{Fields: []FieldError{{
			Message: "this is a job of Chronos: write it as a Job, with its schedule in spec.schedule and its command in spec.task.shell"}}}
	}
	var m typeMeta
	var bad []FieldError
	for _, f := range []struct {
		name string
		to   *string
	}{{"apiVersion", &m.APIVersion}, {"kind", &m.Kind}} {
		if raw := fields[f.name]; raw != nil && gojson.Unmarshal(raw, f.to) != nil {
			bad = append(bad, FieldError{Path: f.name, Message: "must be text"})
		}
	}
	if bad != nil {
		return m, &Error{Fields: bad}
	}
	return m, nil
}

// looksLikeChronos reports whether a document has no type, but fields of a job of Chronos.
func looksLikeChronos(fields map[string]gojson.RawMessage) bool {
	has := func(name string) bool { _, ok := fields[name]; return ok }
	return !has("apiVersion") && !has("kind") && has("name") && (has("schedule") || has("parents") || has("command"))
}

// peekTypeMeta finds apiVersion and kind among a JSON document's top fields, and reads no further than it must. It
// returns false if it does not find them: then the document must be decoded.
func peekTypeMeta(data []byte) (m typeMeta, ok bool) {
	p := peeker{data: data}
	if !p.eat('{') {
		return m, false
	}
	for m.APIVersion == "" || m.Kind == "" {
		key, ok := p.text()
		if !ok || !p.eat(':') {
			return m, false
		}
		switch string(key) {
		case "apiVersion", "kind":
			value, ok := p.text()
			if !ok {
				return m, false
			}
			if string(key) == "kind" {
				m.Kind = string(value)
			} else {
				m.APIVersion = string(value)
			}
		default:
			if !p.skipValue() {
				return m, false
			}
		}
		if !p.eat(',') {
			break
		}
	}
	return m, m.APIVersion != "" && m.Kind != ""
}

// peeker steps over JSON without checking it.
type peeker struct {
	data []byte
	at   int
}

func (p *peeker) space() {
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.at]) >= 0 {
		p.at++
	}
}

func (p *peeker) eat(c byte) bool {
	p.space()
	if p.at >= len(p.data) || p.data[p.at] != c {
		return false
	}
	p.at++
	return true
}

// text reads a string without escapes.
func (p *peeker) text() ([]byte, bool) {
	if !p.eat('"') {
		return nil, false
	}
	start := p.at
	for ; p.at < len(p.data); p.at++ {
		switch p.data[p.at] {
		case '\\':
			return nil, false
		case '"':
			p.at++
			return p.data[start : p.at-1], true
		}
	}
	return nil, false
}

// skipValue steps over one value by counting brackets outside of strings.
func (p *peeker) skipValue() bool {
	depth := 0
	for p.space(); p.at < len(p.data); p.at++ {
		switch p.data[p.at] {
		case '"':
			if !p.skipText() {
				return false
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			depth--
		case ',':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// skipText moves from a string's first quote to its last.
func (p *peeker) skipText() bool {
	for p.at++; p.at < len(p.data); p.at++ {
		switch p.data[p.at] {
		case '\\':
			p.at++
		case '"':
			return true
		}
	}
	return false
}
