package job

import (
	v1 "horae/api/v1"
	"horae/internal/condition"
)

// block sets p.blocked, the reason why the schedule starts no Runs, and p.held, the reason until now.
func (p *planner) block() {
	if c := condition.Find(p.next.Conditions, v1.JobScheduled); c != nil {
		switch c.Reason {
		case v1.ReasonNotAccepted, v1.ReasonSuspended, v1.ReasonTooManyFailures, v1.ReasonCycle:
			p.held = c.Reason
		}
	}
	limit := p.spec.SuspendAfterFailures
	stopped := limit != nil && p.next.ConsecutiveFailures >= int64(*limit)
	resumed := p.held == v1.ReasonSuspended && !p.spec.Suspend
	if (p.held == v1.ReasonTooManyFailures || resumed && stopped) && p.in.Job.Rev.SpecVersion != p.next.ObservedGeneration {
		// Any write of the spec ends the suspension after failures. One that ends the user's suspension also forgets
		// the failures counted meanwhile, so that nobody has to resume twice.
		p.next.ConsecutiveFailures, stopped = 0, false
	}
	switch {
	case p.invalid != "":
		p.blocked = v1.ReasonNotAccepted
	case p.spec.Suspend:
		p.blocked = v1.ReasonSuspended
	case stopped:
		p.blocked = v1.ReasonTooManyFailures
	case len(p.in.Cycle) > 0:
		p.blocked = v1.ReasonCycle // Each of its Runs would start the next one, without end.
	}
}
