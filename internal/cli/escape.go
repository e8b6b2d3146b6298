package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escaper writes control characters as their escapes (\u001b), but for line ends and tabs. The text of
// tasks and manifests must not control the terminal: it could hide lines, or change its title and its keys. The escapes are JSON's,
// so JSON keeps its meaning.
type escaper struct {
	w io.Writer
	// half is the first byte of a two-byte character if a write has ended behind it.
	half []byte
}

func (e *escaper) Write(b []byte) (int, error) {
	text := append(e.half, b...)
	e.half = nil
	if n := len(text); n > 0 && text[n-1] == 0xc2 { // the control characters from U+0080 on begin with it
		text, e.half = text[:n-1], []byte{0xc2}
	}
	if _, err := io.WriteString(e.w, escapeControls(string(text))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func escapeControls(s string) string {
	special := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if strings.IndexFunc(s, special) < 0 {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if special(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteString(s[:n]) // invalid UTF-8 too
		}
		s = s[n:]
	}
	return out.String()
}

// cell is a text for a column of a table: on one line, and without tabs, which would begin the next column.
func cell(s string) string {
	return escapeControls(strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\t", " ").Replace(s))
}
