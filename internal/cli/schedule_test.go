package cli

import (
	"strings"
	"testing"
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
