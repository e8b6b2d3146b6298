package robustness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"horae/test/robustness/check"
	"horae/test/robustness/history"
)

// report prints what happened and what came of it.
func report(t *testing.T, s *site, h *history.History, strict check.StrictResult, compatible check.CompatibilityResult, revived []string) {
	t.Helper()
	ops, outcomes := map[string]int{}, map[string]int{}
	for _, op := range h.Ops {
		ops[string(op.Kind)]++
		outcomes[string(op.Outcome)]++
	}
	injected, there := map[string]int{}, time.Duration(0)
	for _, f := range h.Faults {
		injected[f.Kind]++
		there += f.To.Sub(f.From)
	}
	died := []string{}
	for _, m := range append(slices.Clone(s.managers), s.cluster) {
		for _, how := range m.died {
			died = append(died, m.name+" ("+how+")")
		}
	}
	satisfied, targets := compatible.Satisfied()
	verdict := "VALID"
	if len(strict.Findings) > 0 {
		verdict = "NOT VALID"
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "\n  %-12s %s", name, fmt.Sprintf(format, args...))
	}
	line("ran", "for %s; final read at %s", h.Read.Sub(h.Began).Round(time.Second), h.Read.UTC().Format(time.TimeOnly))
	line("faults", "%d, %s in all: %s", len(h.Faults), there.Round(time.Second), counts(injected))
	line("clients", "%d operations (%s): %s", len(h.Ops), counts(outcomes), counts(ops))
	line("tasks", "%d of %d Runs; %d incomplete, %d attempts made up for one, %d killed before their first line",
		len(h.Witnesses), len(h.Records), strict.Incomplete, strict.Retried, h.Unreadable)
	line("occurrences", "%d were due and required: %d ran, %d were recorded as not run (%s)", strict.Occurrences, strict.Ran, strict.NotRun, counts(strict.NotRunFor))
	line("beside", "%d Runs followed %d others; %d Backfills made %d Runs", strict.Joins, strict.Consumed, strict.Backfills, strict.Backfilled)
	line("lateness", "%s", &strict.Lateness)
	line("latest", "%s", strict.Lateness.Worst(5))
	line("recovery", "%s", recovered(died, revived))
	line("jepsen", "%d of %d targets satisfied in time, %d extra: valid %t", satisfied, targets, compatible.Extra(), compatible.Valid)
	line("strict", "%s: %s", strict.Counts(), verdict)
	t.Log(b.String())
}

func recovered(died, revived []string) string {
	switch {
	case len(revived) > 0:
		return "needed a resurrection of " + strings.Join(revived, ", ") + "; ended by themselves: " + strings.Join(died, ", ")
	case len(died) > 0:
		return "ended by themselves: " + strings.Join(died, ", ")
	}
	return "by itself: nothing had to be resurrected"
}

// counts lists numbers by name.
func counts(of map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
