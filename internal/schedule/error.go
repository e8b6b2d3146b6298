package schedule

import (
	"fmt"
	"strconv"

	v1 "horae/api/v1"
)

// Error says what is wrong with a schedule, where, and what would be right. It is a mistake of the user: nothing
// retries it.
type Error struct {
	// Line is the 1-based line of a schedule of several lines; 0 if the schedule has one line, or if the error is not
	// about a line (a time zone).
	Line int
	// Field is the part of the expression in words, e.g. "hour", "day of week", "period", "start".
	Field string
	// Place says where the field stands, e.g. `field 2 of "0 25 * * *"`; empty where there is only one such place.
	Place string
	// Value is the offending text, as it was written.
	Value string
	// Message says what would be right, e.g. "must be 0-23".
	Message string
}

// Error gives e.g. `hour "25": must be 0-23 (field 2 of "0 25 * * *")`, with "line 2: " before it if there are several
// lines.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Field, quote(e.Value), v1.Shorten(e.Message, 1000))
	if e.Place != "" {
		text += " (" + e.Place + ")"
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return text
}

func errorf(field, value, format string, args ...any) *Error {
	return &Error{Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}

// quote quotes what was written, shortened where it is long.
func quote(text string) string { return strconv.Quote(v1.Shorten(text, 200)) }
