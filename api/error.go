package api

import (
	"errors"
	"fmt"
	"strings"

	v1 "horae/api/v1"
)

// FieldError is one mistake in a document.
type FieldError struct {
	// Path of the field as spec.task.env[0].name; empty: the document as a whole.
	Path string
	// Message is what is wrong and what would be right.
	Message string
}

// Error returns "path: message".
func (e FieldError) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Error lists all mistakes of form in one document, in the document's order.
type Error struct {
	// Document counts from 1; 0: the input has only one.
	Document int
	// Line in which the document begins; 0: not known.
	Line int
	// Fields are the first mistakes; More is how many others there are.
	Fields []FieldError
	More   int
}

// MaxMistakes bounds the mistakes that are listed of one document, so that a message stays readable, and small enough
// for a status.
const MaxMistakes = 50

// Error returns one line for each mistake.
func (e *Error) Error() string {
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Error())
	}
	if e.More > 0 {
		all = append(all, v1.AndMore(e.More))
	}
	return documentPrefix(e.Document, e.Line) + strings.Join(all, "\n")
}

// mistakes collects the mistakes of a document. Mistakes beyond MaxMistakes are only counted: explaining each of a
// million would take minutes.
type mistakes struct {
	fields []FieldError
	more   int
}

// full reports whether further mistakes are only counted.
func (m *mistakes) full() bool { return len(m.fields) == MaxMistakes }

// maxMessage bounds the message of one mistake, which may quote what was written.
const maxMessage = 1000

func (m *mistakes) add(at *path, format string, args ...any) {
	if m.full() {
		m.more++
		return
	}
	m.fields = append(m.fields, FieldError{Path: at.String(), Message: shorten(fmt.Sprintf(format, args...), maxMessage)})
}

func (m *mistakes) err() error {
	if len(m.fields) == 0 {
		return nil
	}
	return &Error{Fields: m.fields, More: m.more}
}

// shorten leaves out the middle of a long text.
func shorten(s string, n int) string { return v1.Shorten(s, n) }

func documentPrefix(document, line int) string {
	switch {
	case document == 0:
		return ""
	case line == 0:
		return fmt.Sprintf("document %d: ", document)
	}
	return fmt.Sprintf("document %d (line %d): ", document, line)
}

// inItem adds to an error the item of a list that it is about.
func inItem(err error, i int) error {
	item := fmt.Sprintf("items[%d]", i)
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", item, err)
	}
	moved := &Error{More: e.More}
	for _, f := range e.Fields {
		moved.Fields = append(moved.Fields, FieldError{Path: strings.TrimSuffix(item+"."+f.Path, "."), Message: f.Message})
	}
	return moved
}

// inDocument adds to an error which document of several it is about.
func inDocument(err error, document, line int, several bool) error {
	if !several {
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		return &Error{Document: document, Line: line, Fields: e.Fields, More: e.More}
	}
	return fmt.Errorf("%s%w", documentPrefix(document, line), err)
}

// shortened cuts what an error quotes to a length that can be read.
func shortened(err error) error {
	var e *Error
	if errors.As(err, &e) {
		for i := range e.Fields {
			e.Fields[i].Message = shorten(e.Fields[i].Message, maxMessage)
		}
	}
	return err
}
