// Package messages has what the messages that users read have in common. It is a leaf. The run controller, placement and
// internal/story use it.
package messages

import (
	"strings"
	"time"
)

// Instant writes a time in UTC, with its milliseconds if it has some.
func Instant(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// Join puts a colon between two texts, unless one of them is empty.
func Join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}

// FirstLine returns the first line of a text that says something.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	return strings.TrimRight(line, " \t\r")
}
