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

// longestMessage is how much of Mesos's own words is kept, in bytes: an agent may send a whole log.
const longestMessage = 1024

// shorten keeps the beginning of a long text, and valid UTF-8.
func shorten(text string) string {
	if len(text) <= longestMessage {
		return text
	}
	return strings.ToValidUTF8(text[:longestMessage], "") + "..."
}
