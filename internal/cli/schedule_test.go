package cli

import (
	"strings"
	"testing"
	"time"
)

func TestScheduleWarnsOnTheErrorOutputWhateverTheOutput(t *testing.T) {
	h := build(t)
	for _, flags := range []string{"", " -o json"} {
		r := h.run("schedule --time-zone America/Los_Angeles"+flags, "R/2026-03-01T13:00:00-04:00/P1D")
		if r.code != 0 || strings.Count(r.err, "Warning: start") != 1 || strings.Contains(r.out, "Warning") {
			t.Errorf("schedule%s: %+v", flags, r)
		}
	}
}

// TestAnExpressionIsOfAJobThatIsMadeNow: the first occurrence of R//period is its creation.
func TestAnExpressionIsOfAJobThatIsMadeNow(t *testing.T) {
	h := build(t)
	for _, tt := range []struct {
		line, want string
		times      int
	}{
		{"schedule R1//P -o json", now.UTC().Format(time.RFC3339), 1},
		{"schedule R//PT1H -o json --count 2", now.UTC().Format(time.RFC3339), 2},
		{"schedule R1//P -o json --after " + now.UTC().Format(time.RFC3339), "", 0},
	} {
		out := h.ok(tt.line)
		if !strings.Contains(out, tt.want) || strings.Count(out, "T") != tt.times {
			t.Errorf("%s: %s", tt.line, out)
		}
	}
}
