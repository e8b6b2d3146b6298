package run

import (
	"fmt"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
)

// leavesInTime reports whether a live attempt is bound to be over before a maintenance window begins.
func leavesInTime(r *v1.Run, a *v1.Attempt, w offer.Window, now time.Time) bool {
	over, bound := placement.EndsBy(r, a, now)
	return bound && !over.After(w.Start)
}

// answerHolds is how long an answer holds. The nearer the window, the sooner Mesos asks again.
func answerHolds(w offer.Window, now time.Time) time.Duration {
	return min(max(w.Start.Sub(now)/2, answerHoldsMin), answerHoldsMax)
}

// reportMaintenance reports in the Run's status that its agent goes into maintenance before the attempt has to
// end, and takes that back when it is known to be over.
func (p *plan) reportMaintenance(a *v1.Attempt) {
	w := p.in.Maintenance
	switch reason := p.status.Reason; {
	case w == nil || reason != "" && reason != reasonMaintenance:
		// Nothing is known, or the status reports something more important.
	case w.Start.IsZero() || placement.WindowOver(*w, p.now) || leavesInTime(p.run, a, *w, p.now):
		if reason == reasonMaintenance {
			p.report("", "")
		}
	default:
		p.report(reasonMaintenance, fmt.Sprintf("agent %s goes into maintenance at %s; the task may be ended then",
			a.Hostname, format(w.Start)))
		if w.Duration > 0 {
			p.lookAgain(w.Start.Add(w.Duration))
		}
	}
}

// resident is a live attempt on an agent.
type resident struct {
	run     *v1.Run
	attempt *v1.Attempt
}

// verdict is one answer, for all inverse offers that get the same.
type verdict struct {
	accept bool
	holds  time.Duration
}

// judge answers one inverse offer; stays is a Run that may not end in time.
func judge(i offer.InverseOffer, residents []resident, now time.Time) (v verdict, stays *v1.Run) {
	for _, r := range residents {
		if (i.AgentID == "" || r.attempt.AgentID == i.AgentID) && !leavesInTime(r.run, r.attempt, i.Unavailable, now) {
			return verdict{false, answerHolds(i.Unavailable, now)}, r.run
		}
	}
	return verdict{true, answerHolds(i.Unavailable, now)}, nil
}
