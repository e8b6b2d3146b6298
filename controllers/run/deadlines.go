package run

import (
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
)

// This file knows when a Run's or an attempt's time is up.

// since is what the Run has been waiting from.
func (p *plan) since() time.Time {
	if t := p.status.RetryTime; t != nil {
		return t.Time
	}
	return p.created()
}

func (p *plan) created() time.Time {
	if t := p.run.CreationTimestamp; !t.IsZero() {
		return t.Time
	}
	return p.now
}

func (p *plan) deadline() time.Time {
	if d := p.run.Spec.Deadline; d != nil {
		return p.created().Add(d.Duration)
	}
	return time.Time{}
}

// timeoutOf is when we kill the attempt for its timeout; zero: never.
func timeoutOf(r *v1.Run, a *v1.Attempt) time.Time {
	if r.Spec.Timeout == nil || a.StartTime == nil {
		return time.Time{}
	}
	return a.StartTime.Add(r.Spec.Timeout.Duration + placement.TimeoutGrace)
}

func unreachableAfter(u *v1.Unreachable) time.Duration {
	if u.After == nil {
		return v1.DefaultUnreachableAfter
	}
	return u.After.Duration
}
