package api

import (
	"errors"
	"fmt"
	"strings"
)

// FieldError is one mistake in a document.
type FieldError struct {
	// Path of the field as spec.task.env[0].name; empty: the document as a whole.
	Path string
	// Message says what is wrong and what would be right.
	Message string
}

// Error says it as "path: message".
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
	Line   int
	Fields []FieldError
}

// maxErrorLines keeps a message readable, and small enough for a status.
const maxErrorLines = 50

// Error gives one mistake a line, the first ones of very many.
func (e *Error) Error() string {
	var all []string
	for i, f := range e.Fields {
		if i == maxErrorLines {
			all = append(all, fmt.Sprintf("and %d more", len(e.Fields)-i))
			break
		}
		all = append(all, f.Error())
	}
	return documentPrefix(e.Document, e.Line) + strings.Join(all, "\n")
}

func documentPrefix(document, line int) string {
	switch {
	case document == 0:
		return ""
	case line == 0:
		return fmt.Sprintf("document %d: ", document)
	}
	return fmt.Sprintf("document %d (line %d): ", document, line)
}

// inItem says which item of a list an error is about.
func inItem(err error, i int) error {
	item := fmt.Sprintf("items[%d]", i)
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", item, err)
	}
	moved := &Error{}
	for _, f := range e.Fields {
		moved.Fields = append(moved.Fields, FieldError{Path: strings.TrimSuffix(item+"."+f.Path, "."), Message: f.Message})
	}
	return moved
}

// inDocument says which document of several an error is about.
func inDocument(err error, document, line int, several bool) error {
	if !several {
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		return &Error{Document: document, Line: line, Fields: e.Fields}
	}
	return fmt.Errorf("%s%w", documentPrefix(document, line), err)
}
