package run

import (
	"strings"

	"horae/internal/messages"
)

// This file has what messages for users have in common.

// longestMessage is how much of a message of Mesos is kept, in bytes: an agent may send a whole log.
const longestMessage = 1024

// shorten keeps the beginning of a long text.
func shorten(text string) string { return cut(text, longestMessage) }

// oneLine keeps the first line of a text that says something, and no more of it than shorten does: agents put
// statistics behind it.
func oneLine(text string) string { return shorten(messages.FirstLine(text)) }

// cut keeps at most so many bytes of a text, and valid UTF-8.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
