package api

import (
	"bytes"
	gojson "encoding/json"
	"fmt"
	"slices"

	v1 "horae/api/v1"
)

// Bounds of a document. They are checked before it is decoded, so that a few bytes cannot cost a manager its memory or
// minutes of its time. No object that can be stored comes near them.
const (
	// MaxDocument is the size of the largest document that is read; etcd stores no larger one.
	MaxDocument = 3 << 19
	// maxDocuments in one input.
	maxDocuments = 10_000
	// maxDepth is deeper than any object, a List of them included.
	maxDepth = 100
	// maxMappings bounds the mappings of one document: a mapping of two bytes may become a struct of several hundred.
	maxMappings = 20_000
	// maxName is longer than any field or label.
	maxName = 1024
	// maxNumber is the length of a number's text: reading a number takes time that grows with the square of its
	// length.
	maxNumber = 64
)

// quantitiesIn is the path below which quantities are: reading one may take time that is exponential in its length.
var quantitiesIn = []string{"spec", "task", "resources"}

// CheckJSON refuses JSON that is nested deeper than depth, or has names or numbers beyond the bounds. It does not
// check that the bytes are JSON.
func CheckJSON(data []byte, depth int) error { return checkJSON(data, depth, len(data)) }

// checkObject is CheckJSON for a document that is decoded into an object.
func checkObject(data []byte) error { return checkJSON(data, maxDepth, maxMappings) }

func checkJSON(data []byte, depth, mappings int) error {
	l := limiter{data: data, maxDepth: depth, maxMappings: mappings}
	if l.run() {
		return nil
	}
	return &Error{Fields: []FieldError{l.bad}}
}

// limiter steps over JSON once, from the first byte to the last, and keeps the path of the current value.
type limiter struct {
	data        []byte
	at          int
	maxDepth    int
	maxMappings int
	frames      []frame
	mappings    int
	bad         FieldError
}

// frame is a mapping or list that contains the current value.
type frame struct {
	mapping bool
	name    []byte // of the current member, with its quotes; nil: a name comes next
	index   int    // of the current element
	matched int    // how many names of quantitiesIn are the path to here; -1: other names are
}

// run returns false if the document exceeds a bound.
func (l *limiter) run() bool {
	for l.at < len(l.data) {
		ok := true
		switch c := l.data[l.at]; c {
		case '{', '[':
			ok = l.open(c == '{')
		case '}', ']':
			if len(l.frames) > 0 {
				l.frames = l.frames[:len(l.frames)-1]
			}
		case ',':
			if len(l.frames) > 0 {
				f := &l.frames[len(l.frames)-1]
				f.name = nil
				f.index++
			}
		case '"':
			ok = l.text()
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			ok = l.number()
		}
		if !ok {
			return false
		}
		l.at++
	}
	return true
}

func (l *limiter) open(mapping bool) bool {
	matched := -1
	if n := len(l.frames); n == 0 {
		matched = 0
	} else if f := l.frames[n-1]; f.matched >= 0 && f.matched < len(quantitiesIn) && plain(f.name) == quantitiesIn[f.matched] {
		matched = f.matched + 1
	}
	if len(l.frames) == l.maxDepth {
		return l.fail("is nested more than %d levels deep", l.maxDepth)
	}
	if mapping {
		if l.mappings++; l.mappings > l.maxMappings {
			return l.fail("the document has more than %d mappings", l.maxMappings)
		}
	}
	l.frames = append(l.frames, frame{mapping: mapping, matched: matched})
	return true
}

// text steps to a string's last quote.
func (l *limiter) text() bool {
	start := l.at
	for l.at++; ; l.at++ {
		next := bytes.IndexAny(l.data[l.at:], `"\`)
		if next < 0 {
			l.at = len(l.data)
			break
		}
		if l.at += next; l.data[l.at] == '"' {
			break
		}
		l.at++ // what is escaped
		if l.at >= len(l.data) {
			break
		}
	}
	token := l.data[start:min(l.at+1, len(l.data))]
	if len(l.frames) == 0 {
		return true
	}
	if f := &l.frames[len(l.frames)-1]; f.mapping && f.name == nil {
		if len(token) > maxName+2 {
			return l.fail("a name has more than %d bytes: %s", maxName, shorten(string(token), 64))
		}
		f.name = token
		return true
	}
	return l.quantity(token)
}

func (l *limiter) number() bool {
	start := l.at
	for l.at+1 < len(l.data) && bytes.IndexByte([]byte("+-.0123456789eE"), l.data[l.at+1]) >= 0 {
		l.at++
	}
	token := l.data[start : l.at+1]
	if len(token) > maxNumber {
		return l.fail("a number must have at most %d characters", maxNumber)
	}
	return len(l.frames) == 0 || l.quantity(token)
}

// quantity checks a value in the place of a quantity.
func (l *limiter) quantity(token []byte) bool {
	if l.frames[len(l.frames)-1].matched != len(quantitiesIn) {
		return true
	}
	if err := v1.CheckQuantity(plain(token)); err != nil {
		return l.fail("%v", err)
	}
	return true
}

// plain returns a string without its quotes, or another token as it is.
func plain(token []byte) string {
	if len(token) < 2 || token[0] != '"' {
		return string(token)
	}
	if bytes.IndexByte(token, '\\') < 0 {
		return string(token[1 : len(token)-1])
	}
	var s string
	_ = gojson.Unmarshal(token, &s) // decoding refuses what is not JSON
	return s
}

func (l *limiter) fail(format string, args ...any) bool {
	var at *path
	for _, f := range l.frames {
		if f.mapping && f.name != nil {
			at = at.name(plain(f.name))
		} else if !f.mapping {
			at = at.index(f.index)
		}
	}
	l.bad = FieldError{Path: at.String(), Message: fmt.Sprintf(format, args...)}
	return false
}

// path is the path of a value in a document; nil is the document itself. Its text is made only when a mistake is
// reported: making it for each value would take time that grows with the square of the size of a document with long
// names.
type path struct {
	parent *path
	member string // set unless it is an element
	at     int    // -1 unless it is an element
}

func (p *path) name(member string) *path { return &path{p, member, -1} }
func (p *path) index(i int) *path        { return &path{p, "", i} }

// String returns the path as spec.task.env[0].name.
func (p *path) String() string {
	var steps []*path
	for ; p != nil; p = p.parent {
		steps = append(steps, p)
	}
	var out []byte
	for _, s := range slices.Backward(steps) {
		switch {
		case s.at >= 0:
			out = fmt.Appendf(out, "[%d]", s.at)
		case len(out) > 0:
			out = append(append(out, '.'), shorten(s.member, 128)...)
		default:
			out = append(out, shorten(s.member, 128)...)
		}
	}
	return string(out)
}
