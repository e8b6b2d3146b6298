package v1

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShortKeepsTextsWithinAStatus(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{name: "a text that fits is left alone", text: strings.Repeat("x", 512), want: strings.Repeat("x", 512)},
		{name: "a longer one is cut and says so", text: strings.Repeat("x", 513), want: strings.Repeat("x", 509) + "…"},
		{name: "no character is cut in two", text: strings.Repeat("ü", 300), want: strings.Repeat("ü", 254) + "…"},
		{name: "bytes that are no text do not stop it", text: strings.Repeat("\x80", 600), want: "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Short(tt.text)
			if got != tt.want || len(got) > 512 || utf8.ValidString(tt.text) && !utf8.ValidString(got) {
				t.Errorf("got %q", got)
			}
		})
	}
}
