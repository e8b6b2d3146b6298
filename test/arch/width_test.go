package arch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns of a line of Go, with four for a tab: longer ones are hard to read in a review, and beside another file. The goal is
// 120. test/docs limits lines of Markdown.
const maxColumns = 140

// TestLinesAreShort leaves out tests, whose tables hold whole documents in a row, and markers for generators, which cannot be broken.
func TestLinesAreShort(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				columns := utf8.RuneCountInString(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    "))
				if columns > maxColumns && !strings.HasPrefix(strings.TrimSpace(line), "// +") && !strings.HasPrefix(name, "zz_generated") {
					t.Errorf("%s:%d: %d columns, at most %d", path, number, columns, maxColumns)
				}
			}
		}
	}
}
