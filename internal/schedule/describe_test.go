package schedule

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/describe.golden")

// Each block of testdata/describe.golden is: the zone, the expression (its lines joined by " | "), and the words.
func TestDescribeGoldenWords(t *testing.T) {
	const file = "testdata/describe.golden"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		zoneAndText, want, _ := strings.Cut(line, " => ")
		zone, text, ok := strings.Cut(zoneAndText, " : ")
		if !ok {
			t.Fatalf("%s: %q is not zone : expression => words", file, line)
		}
		s := mustParse(t, strings.ReplaceAll(text, " | ", "\n"), zone)
		got := s.Describe()
		if got != want && !*update {
			t.Errorf("%s\n got %s\nwant %s", zoneAndText, got, want)
		}
		out.WriteString(zoneAndText + " => " + got + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
