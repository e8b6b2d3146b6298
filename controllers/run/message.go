package run

import (
	"strings"
	"time"
)

// This file has what messages for users have in common.

func format(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.999Z07:00")
}

// join puts what is not empty behind each other.
func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}

// longestMessage is how much of a message of Mesos is kept, in bytes: an agent may send a whole log.
const longestMessage = 1024

// shorten keeps the beginning of a long text.
func shorten(text string) string { return cut(text, longestMessage) }

// oneLine keeps the first line of a text that says something, and no more of it than shorten does: agents put
// statistics behind it.
func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	return shorten(strings.TrimRight(line, " \t\r"))
}

// cut keeps at most so many bytes of a text, and valid UTF-8.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
