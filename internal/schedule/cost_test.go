package schedule

import (
	"strings"
	"testing"
	"time"

	"horae/internal/costtest"
)

func TestNoScheduleCostsMoreThanItsSizeAllows(t *testing.T) {
	const n = 500_000
	for _, text := range []string{
		"R999999999999/2026-01-01/P1D", "R2147483647/2026-01-01/PT1S", "R1/2026-01-01/P999999999999D", "R/2026-01-01/PT0.000001S", "R/0001-01-01/9999-12-31",
		"R" + strings.Repeat("9", n) + "/2026-01-01/P1D", "R1/" + strings.Repeat("9", n) + "/P1D", "R1/2026-01-01/P" + strings.Repeat("9", n) + "D",
		"R1/2026-01-01/PT0." + strings.Repeat("1", n) + "S", "R1/2026-01-01/P" + strings.Repeat("1D", n/2), "@every " + strings.Repeat("9", n) + "h", "@at " + strings.Repeat("9", n),
		"@every " + strings.Repeat("1h", n/2), strings.Repeat("9", n) + " * * * *", strings.Repeat("0,", n/2) + "0 * * * *", "* " + strings.Repeat("*/1,", n/4) + "* * * *",
		"0 0 * * " + strings.Repeat("MON,", n/4) + "MON", "0 0 " + strings.Repeat("L,", n/2) + "1 * *", strings.Repeat("0 0 1 1 *\n", n/10), strings.Repeat("\n", n),
		strings.Repeat("* ", n/2), strings.Repeat("H(", n/2), strings.Repeat("x", n), "0 0 29 2 SUN#5", "0 0 31 2 *", "0 0 30 2 MON",
	} {
		name := text
		if len(name) > 40 {
			name = name[:20] + "..." + name[len(name)-20:]
		}
		t.Run(name, func(t *testing.T) { walkCheaply(t, text) })
	}
}

// walkCheaply reads a schedule, and asks it a few things, at a cost that its size is worth.
func walkCheaply(t *testing.T, text string) {
	costtest.Check(t, len(text), func() {
		s, err := Parse(text, Options{Location: time.UTC, HashKey: "a"})
		if err != nil {
			if len(err.Error()) > 3000 { // however long the text is
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		at := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
		s.Describe()
		for range 3 {
			next, ok := s.Next(at)
			if !ok {
				return
			}
			s.Prev(next)
			s.Count(at, next)
			at = next
		}
	})
}

func FuzzCost(f *testing.F) {
	for _, seed := range []string{"H 2 * * MON-FRI", "R5/2026-01-01/P1M", "@every 1h\n0 0 31 2 *", "R1/2026-01-01/PT0.1S", "*/7,1-5/2 L 29 2 FRI#5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { walkCheaply(t, text) })
}
