package job

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func ended(run *store.Run) bool { return run.Object.Status.Phase.Terminal() }

// countRuns finds the Runs that are active and counts those that ended since the status was last written. A Run is counted when it
// leaves status.active, or when it has ended by the time that it is first seen: it is new if it was created after
// status.observedRunRevision. Both are written together with the counts, which makes it exactly once.
func (p *planner) countRuns() {
	known := nameSet(p.next.Active)
	observed := p.next.ObservedRunRevision
	var over []*store.Run
	for _, run := range p.in.Runs {
		switch {
		case p.earlier(run):
			continue
		case run.Rev.SpecCreate > observed:
			p.next.ObservedRunRevision = max(p.next.ObservedRunRevision, run.Rev.SpecCreate)
		case !known(run.Key.Name):
			continue
		}
		if ended(run) {
			over = append(over, run)
		} else {
			p.active = append(p.active, run)
		}
	}
	if !slices.EqualFunc(p.active, p.next.Active, func(run *store.Run, name string) bool { return run.Key.Name == name }) {
		p.next.Active = nil
		for _, run := range p.active {
			p.next.Active = append(p.next.Active, run.Key.Name)
		}
	}
	if len(over) > 1 { // Failures in a row are a matter of who ended first, not of who began first.
		slices.SortStableFunc(over, func(a, b *store.Run) int { return finishOf(a).Compare(finishOf(b)) })
	}
	for _, run := range over {
		p.count(run)
	}
}

// nameSet answers whether a name is in the list, quickly for long lists and without allocation for short ones.
func nameSet(names []string) func(string) bool {
	if len(names) <= 16 {
		return func(name string) bool { return slices.Contains(names, name) }
	}
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return func(name string) bool { _, ok := set[name]; return ok }
}

// count adds one ended Run to the status.
func (p *planner) count(run *store.Run) {
	s := &p.next
	status := &run.Object.Status
	switch status.Phase {
	case v1.RunSucceeded:
		s.Succeeded++
		s.ConsecutiveFailures = 0
		s.LastSuccessfulTime = later(s.LastSuccessfulTime, status.FinishTime)
		p.condition(v1.JobHealthy, metav1.ConditionTrue, v1.ReasonLastRunSucceeded, "")
	case v1.RunFailed, v1.RunLost:
		s.Failed++
		if r := run.Object.Spec.Reason; r != v1.ReasonManual && r != v1.ReasonBackfill {
			s.ConsecutiveFailures++
		}
		s.LastFailureTime = later(s.LastFailureTime, status.FinishTime)
		p.condition(v1.JobHealthy, metav1.ConditionFalse, v1.ReasonLastRunFailed,
			v1.Short(run.Key.Name+" "+string(status.Phase)+": "+cmp.Or(status.Message, status.Reason)))
	case v1.RunMissed:
		s.Missed++
	case v1.RunSkipped:
		s.Skipped++
	}
}

// finishOf is when the Run ended; zero if that is not known.
func finishOf(run *store.Run) time.Time {
	if t := run.Object.Status.FinishTime; t != nil {
		return t.Time
	}
	return time.Time{}
}

// later is the later of two times; nil counts as earlier than any.
func later(a, b *v1.Time) *v1.Time {
	if a == nil || b != nil && b.After(a.Time) {
		return b
	}
	return a
}
