package run

import (
	"fmt"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/messages"
	"horae/internal/offer"
)

// leavesInTime reports whether a live attempt is bound to be over before a maintenance window begins.
func leavesInTime(r *v1.Run, a *v1.Attempt, w offer.Window, now time.Time) bool {
	over, bound := placement.EndsBy(r, a, now)
	return bound && !over.After(w.Start)
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
			a.Hostname, messages.Instant(w.Start)))
		if w.Duration > 0 {
			p.wake.At(w.Start.Add(w.Duration))
		}
	}
}
