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

// maxActive bounds the names in status.active.
const maxActive = 100

// countRuns finds the Runs that are active and counts those that ended since the status was last written. It counts a
// Run that has ended if
//   - status.active named it,
//   - or it is new: it was created after status.observedRunRevision,
//   - or there were more active Runs than status.active names, and it ended after that revision.
//
// The names and the revision are written in one transaction with the counts, so each Run is counted exactly once.
func (p *planner) countRuns() {
	known := nameSet(p.next.Active)
	observed := p.next.ObservedRunRevision
	unnamed := p.next.ActiveCount > int64(len(p.next.Active))
	var over []*store.Run
	for _, run := range p.in.Runs {
		if p.earlier(run) {
			continue
		}
		p.next.ObservedRunRevision = max(p.next.ObservedRunRevision, run.Rev.SpecCreate)
		switch {
		case !ended(run):
			p.active = append(p.active, run)
		case known(run.Key.Name), run.Rev.SpecCreate > observed, unnamed && run.Rev.StatusMod > observed:
			over = append(over, run)
		}
	}
	p.nameActive()
	if len(over) > 1 { // Failures in a row depend on the order in which Runs ended, not on that in which they began.
		slices.SortStableFunc(over, func(a, b *store.Run) int { return finishOf(a).Compare(finishOf(b)) })
	}
	for _, run := range over {
		p.count(run)
	}
	p.counted = over
}

// nameActive sets status.active and status.activeCount. With more active Runs than are named, observedRunRevision
// moves past the ends of all Runs that have ended: they have been counted by now.
func (p *planner) nameActive() {
	p.next.ActiveCount = int64(len(p.active))
	named := p.active
	if len(named) > maxActive {
		for _, run := range p.in.Runs {
			if !p.earlier(run) && ended(run) {
				p.next.ObservedRunRevision = max(p.next.ObservedRunRevision, run.Rev.StatusMod)
			}
		}
		// Runs whose spec is gone or cannot be decoded come first: only status.active shows that they are this Job's.
		nameless := func(run *store.Run) bool { return run.Rev.Deleted() || run.Err != nil }
		named = slices.SortedStableFunc(slices.Values(named), func(a, b *store.Run) int {
			switch {
			case nameless(a) == nameless(b):
				return 0
			case nameless(a):
				return -1
			}
			return 1
		})[:maxActive]
	}
	if !slices.EqualFunc(named, p.next.Active, func(run *store.Run, name string) bool { return run.Key.Name == name }) {
		p.next.Active = nil
		for _, run := range named {
			p.next.Active = append(p.next.Active, run.Key.Name)
		}
	}
}

// nameSet returns a function that reports whether a name is in the list. It is fast for long lists, and does not
// allocate a set for short ones.
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
	p.publish(run)
	s := &p.next
	status := &run.Object.Status
	if run.Object.Spec.Reason == v1.ReasonBackfill {
		p.countBackfilled(status.Phase)
		return
	}
	switch status.Phase {
	case v1.RunSucceeded:
		s.Succeeded++
		s.ConsecutiveFailures = 0
		s.LastSuccessfulTime = later(s.LastSuccessfulTime, status.FinishTime)
		p.condition(v1.JobHealthy, metav1.ConditionTrue, v1.ReasonLastRunSucceeded, "")
	case v1.RunFailed, v1.RunLost:
		s.Failed++
		if run.Object.Spec.Reason != v1.ReasonManual {
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

// countBackfilled adds the end of a Run that a Backfill made. It tells nothing of how the Job fares at present.
func (p *planner) countBackfilled(phase v1.RunPhase) {
	switch phase {
	case v1.RunSucceeded:
		p.next.Succeeded++
	case v1.RunFailed, v1.RunLost:
		p.next.Failed++
	}
}

// finishOf returns when the Run ended; zero if that is not known.
func finishOf(run *store.Run) time.Time {
	if t := run.Object.Status.FinishTime; t != nil {
		return t.Time
	}
	return time.Time{}
}

// later returns the later of two times; nil is earlier than any.
func later(a, b *v1.Time) *v1.Time {
	if a == nil || b != nil && b.After(a.Time) {
		return b
	}
	return a
}
