package job

import (
	v1 "horae/api/v1"
	"horae/internal/condition"
)

// block finds out whether something keeps the schedule from starting Runs, and whether something did until now.
func (p *planner) block() {
	if c := condition.Find(p.next.Conditions, v1.JobScheduled); c != nil {
		switch c.Reason {
		case v1.ReasonNotAccepted, v1.ReasonSuspended, v1.ReasonTooManyFailures:
			p.held = c.Reason
		}
	}
	limit := p.spec.SuspendAfterFailures
	stopped := limit != nil && p.next.ConsecutiveFailures >= int64(*limit)
	resumed := p.held == v1.ReasonSuspended && !p.spec.Suspend
	if (p.held == v1.ReasonTooManyFailures || resumed && stopped) && p.in.Job.Rev.SpecVersion != p.next.ObservedGeneration {
		// A write of the spec is a fresh start. One that ends the user's suspension ends what Runs that failed meanwhile have brought
		// about, too: nobody has to resume twice.
		p.next.ConsecutiveFailures, stopped = 0, false
	}
	switch {
	case p.invalid != "":
		p.blocked = v1.ReasonNotAccepted
	case p.spec.Suspend:
		p.blocked = v1.ReasonSuspended
	case stopped:
		p.blocked = v1.ReasonTooManyFailures
	}
}
