package run

import (
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/messages"
	"horae/internal/offer"
)

// This file knows when a Run's or an attempt's time is up: its deadline, startBy, queueTimeout and timeout.

// expire ends a Run whose time is up, and otherwise notes when that will be.
func (p *plan) expire() bool {
	if t := p.deadline(); !t.IsZero() {
		if !p.now.Before(t) {
			p.end(v1.RunFailed, reasonDeadline, "the deadline of "+p.run.Spec.Deadline.String()+" has passed"+p.lastMessage())
			return true
		}
		p.wake.At(t)
	}
	if t := p.run.Spec.StartBy; t != nil && !p.everStarted() {
		if !p.now.Before(t.Time) {
			p.end(v1.RunMissed, reasonStartingDeadline, "no attempt had started by "+messages.Instant(t.Time)+p.lastMessage())
			return true
		}
		p.wake.At(t.Time)
	}
	if q := p.run.Spec.QueueTimeout; q != nil {
		t := p.since().Add(q.Duration)
		if !p.now.Before(t) {
			p.end(v1.RunFailed, reasonQueueTimeout, "no offer was found within "+q.String()+p.lastMessage())
			return true
		}
		p.wake.At(t)
	}
	return false
}

// mustDie says why a live attempt must not go on, or "".
func (p *plan) mustDie(a *v1.Attempt) (reason, text string) {
	if reason, text = p.unwanted(); reason != "" {
		return reason, text
	}
	if t := p.deadline(); !t.IsZero() && !p.now.Before(t) {
		return reasonDeadline, "the deadline of " + p.run.Spec.Deadline.String() + " has passed"
	}
	if t := timeoutOf(p.run, a); !t.IsZero() && !p.now.Before(t) {
		return reasonTimeout, "the attempt took longer than its timeout of " + p.run.Spec.Timeout.String()
	}
	return "", ""
}

// mustDieAt is mustDie without TimeoutGrace: a task that was killed after its timeout was killed because of it.
func (p *plan) mustDieAt(a *v1.Attempt, u offer.Update) (reason, text string) {
	if reason, text = p.mustDie(a); reason != "" || p.run.Spec.Timeout == nil || a.StartTime == nil {
		return reason, text
	}
	if end := p.within(a, u.Timestamp); end.Sub(a.StartTime.Time) >= p.run.Spec.Timeout.Duration {
		return reasonTimeout, "the attempt took longer than its timeout of " + p.run.Spec.Timeout.String()
	}
	return "", ""
}

// since is when the Run began to wait.
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
