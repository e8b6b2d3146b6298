package schedule

import (
	"os"
	"strings"
	"testing"
)

// The lists of docs/schedule.md say what the program says.
func TestTheDocumentationIsRight(t *testing.T) {
	data, err := os.ReadFile("../../docs/schedule.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, block := range strings.Split(string(data), "```schedule\n")[1:] {
		list, _, _ := strings.Cut(block, "```")
		for line := range strings.Lines(list) {
			text, want, ok := strings.Cut(strings.TrimSpace(line), "=>")
			if !ok {
				t.Fatalf("%q is not expression => words", line)
			}
			s, err := Parse(strings.TrimSpace(text), Options{Location: mustLoad(t, "Europe/Berlin"), Created: created, HashKey: "default/backup"})
			if err != nil {
				t.Errorf("%s: %v", text, err)
			} else if got := s.Describe(); got != strings.TrimSpace(want) {
				t.Errorf("%s\n got %s\nwant %s", text, got, want)
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("%d expressions in docs/schedule.md, want all", checked)
	}
}
