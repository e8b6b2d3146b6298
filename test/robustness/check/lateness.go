package check

import (
	"fmt"
	"slices"
	"time"

	"horae/test/robustness/history"
)

// Lateness says how late tasks started.
type Lateness struct {
	// Starts are the first tasks of scheduled Runs, by how late they were.
	Starts []Start
	// Late of them were later than their Job's epsilon; Unexplained of these were due outside of every fault and the time after it.
	Late, Unexplained int
}

// Start of an occurrence's first task.
type Start struct {
	Nominal, Start time.Time
	Late           bool
}

func (s Start) by() time.Duration { return s.Start.Sub(s.Nominal) }

func (v *view) lateness() {
	for _, name := range v.jobs {
		j := v.h.Jobs[name]
		for _, r := range v.ofJob[name] {
			if first := v.byRun[r.Name]; scheduled(r) && len(first) > 0 {
				s := Start{Nominal: r.Nominal, Start: first[0].Start}
				s.Late = s.by() > j.Epsilon
				v.result.Lateness.Starts = append(v.result.Lateness.Starts, s)
			}
		}
	}
	slices.SortFunc(v.result.Lateness.Starts, func(a, b Start) int { return int(a.by() - b.by()) })
}

// attribute puts late starts down to faults: those that were there, or had ended less than recovery ago, between the occurrence and
// its start.
func (l *Lateness) attribute(faults []history.Fault, recovery time.Duration) {
	for _, s := range l.Starts {
		if !s.Late {
			continue
		}
		l.Late++
		if !slices.ContainsFunc(faults, func(f history.Fault) bool { return !f.From.After(s.Start) && !f.To.Add(recovery).Before(s.Nominal) }) {
			l.Unexplained++
		}
	}
}

// Percentile of the lateness, p from 0 to 100; zero without starts.
func (l *Lateness) Percentile(p float64) time.Duration {
	if len(l.Starts) == 0 {
		return 0
	}
	return l.Starts[min(int(p/100*float64(len(l.Starts))), len(l.Starts)-1)].by()
}

func (l *Lateness) String() string {
	text := ""
	for _, p := range []float64{50, 90, 99, 100} {
		text += fmt.Sprintf("p%g %s, ", p, l.Percentile(p).Round(time.Millisecond))
	}
	return fmt.Sprintf("%s%d of %d later than their epsilon, %d of these with no fault about", text, l.Late, len(l.Starts), l.Unexplained)
}
