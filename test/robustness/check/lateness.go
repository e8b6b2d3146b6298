package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"horae/test/robustness/history"
)

// Lateness says how late tasks started.
type Lateness struct {
	// Starts are the first tasks of scheduled Runs, by how late they were, without those that a suspension may have held up.
	Starts []Start
	// Late of them were later than their Job's epsilon; Unexplained of these were due outside of every fault and the time after it.
	Late, Unexplained int
}

// Start of an occurrence's first task.
type Start struct {
	Run            string
	Nominal, Start time.Time
	Late           bool
}

func (s Start) by() time.Duration { return s.Start.Sub(s.Nominal) }

func (v *view) lateness() {
	for _, name := range v.jobs {
		j := v.h.Jobs[name]
		for _, r := range v.ofJob[name] {
			if first := v.byRun[r.Name]; scheduled(r) && len(first) > 0 && !v.mayBeSuspended(name, r.Nominal, first[0].Start) {
				s := Start{Run: r.Name, Nominal: r.Nominal, Start: first[0].Start}
				s.Late = s.by() > j.Epsilon
				v.result.Lateness.Starts = append(v.result.Lateness.Starts, s)
			}
		}
	}
	slices.SortFunc(v.result.Lateness.Starts, func(a, b Start) int { return int(a.by() - b.by()) })
}

// mayBeSuspended reports whether the Job was perhaps suspended at some time between the two instants.
func (v *view) mayBeSuspended(job string, from, to time.Time) bool {
	var since time.Time // zero: it is not suspended
	for _, op := range v.ops[job] {
		switch {
		case op.Kind == history.Suspend && op.Outcome != history.Failed && since.IsZero():
			since = op.Invoked
		case op.Kind == history.Resume && op.Outcome == history.OK && !since.IsZero():
			if since.Before(to) && op.Completed.After(from) {
				return true
			}
			since = time.Time{}
		}
	}
	return !since.IsZero() && since.Before(to)
}

// Worst are the n latest starts, for people to look at.
func (l *Lateness) Worst(n int) (text string) {
	for i := len(l.Starts) - 1; i >= max(0, len(l.Starts)-n); i-- {
		text += fmt.Sprintf("%s %s, ", l.Starts[i].Run, l.Starts[i].by().Round(time.Millisecond))
	}
	return strings.TrimSuffix(text, ", ")
}

// attribute puts late starts down to faults: those that were there, or had ended less than recovery ago, between the occurrence and
// its start.
func (l *Lateness) attribute(faults []history.Fault, recovery time.Duration) {
	for _, s := range l.Starts {
		if !s.Late {
			continue
		}
		l.Late++
		if !slices.ContainsFunc(faults,
			func(f history.Fault) bool { return !f.From.After(s.Start) && !f.To.Add(recovery).Before(s.Nominal) }) {
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
