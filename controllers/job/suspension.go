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
	if p.held == v1.ReasonTooManyFailures && p.in.Job.Rev.SpecVersion != p.next.ObservedGeneration {
		p.next.ConsecutiveFailures = 0 // The user has seen to it: a fresh start.
	}
	limit := p.spec.SuspendAfterFailures
	switch {
	case p.invalid != "":
		p.blocked = v1.ReasonNotAccepted
	case p.spec.Suspend:
		p.blocked = v1.ReasonSuspended
	case limit != nil && p.next.ConsecutiveFailures >= int64(*limit):
		p.blocked = v1.ReasonTooManyFailures
	}
}
