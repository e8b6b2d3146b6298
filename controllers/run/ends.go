package run

import (
	"fmt"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
)

// This file is the part of Plan that says what follows the end of an attempt.

// Pauses. Each doubles with every further time, up to its bound.
const (
	killPause = 5 * time.Second // before a kill is repeated
	askPause  = 10 * time.Second
	repeatMax = 5 * time.Minute
	// inFlightPause is when a task is looked at again that is to die, but whose ACCEPT is still under way.
	inFlightPause = 250 * time.Millisecond
	unstartedMin  = 250 * time.Millisecond // before an attempt that never began is replaced
	unstartedMax  = time.Minute
	// clockSkew is by how much the clocks of two managers may differ: what another stored may be so far ahead of our time.
	clockSkew = 5 * time.Second
	// keepUnstarted bounds the attempts that never began in a Run's status: there is no bound to how many there are.
	keepUnstarted = 8
)

func killDelay(kills int) time.Duration { return doubled(killPause, kills-1, repeatMax) }
func askDelay(asks int) time.Duration   { return doubled(askPause, asks, repeatMax) }

// doubled is d × 2^n, at most most.
func doubled(d time.Duration, n int, most time.Duration) time.Duration {
	if n = max(n, 0); n > 30 || d > most>>n {
		return most
	}
	return d << n
}

// ending is how an attempt ended and what that means for its Run.
type ending struct {
	class      class
	phase      v1.RunPhase
	word, text string
}

// resolve turns the table's row into an ending: it knows who killed the task.
func (p *plan) resolve(a *v1.Attempt, u offer.Update, m row) ending {
	e := ending{class: m.class, phase: m.phase, word: m.word, text: join(m.text, shorten(u.Message))}
	if m.class != killed {
		return e
	}
	sick := u.Healthy != nil && !*u.Healthy
	switch reason, text := p.mustDieAt(a, u); {
	case reason == reasonDeadline, reason == reasonTimeout:
		return ending{usual, v1.RunFailed, reason, text}
	case reason != "":
		return ending{killed, v1.RunKilled, reason, text}
	case sick:
		return ending{usual, v1.RunFailed, reasonUnhealthy, join("the health check failed", shorten(u.Message))}
	}
	return e
}

// mustDieAt is mustDie without the patience that Mesos gets: a task that was killed after its timeout was killed for it.
func (p *plan) mustDieAt(a *v1.Attempt, u offer.Update) (reason, text string) {
	if reason, text = p.mustDie(a); reason != "" || p.run.Spec.Timeout == nil || a.StartTime == nil {
		return reason, text
	}
	if end := p.within(a, u.Timestamp); end.Sub(a.StartTime.Time) >= p.run.Spec.Timeout.Duration {
		return reasonTimeout, "the attempt took longer than its timeout of " + p.run.Spec.Timeout.String()
	}
	return "", ""
}

// finish ends an attempt and says what follows for the Run.
func (p *plan) finish(a *v1.Attempt, u offer.Update, e ending) {
	p.place(a, u)
	a.State = e.phase
	a.FinishTime = p.within(a, u.Timestamp)
	a.UnreachableTime = nil
	a.ExitCode = u.ExitCode
	a.Message = e.text
	a.NotStarted = e.class == unstarted
	if a.Reason = u.Reason; a.Reason == "" || e.word == reasonTimeout || e.word == reasonDeadline {
		a.Reason = e.word
	}
	p.follow(a, e)
}

// follow says what comes after an attempt's end.
func (p *plan) follow(a *v1.Attempt, e ending) {
	reason, text := p.unwanted()
	retries := &p.run.Spec.Retries
	switch {
	case e.class == done:
		p.end(v1.RunSucceeded, "", "")
	case reason != "":
		p.end(v1.RunKilled, reason, text)
	case e.word == reasonDeadline:
		p.end(v1.RunFailed, e.word, e.text)
	case e.class == killed:
		p.end(v1.RunKilled, e.word, e.text)
	case e.class == unstarted:
		p.retry(a, e)
	case e.class == permanent:
		p.end(v1.RunFailed, e.word, e.text)
	case e.class == lost && retries.OnLost != nil && !*retries.OnLost:
		p.end(v1.RunLost, e.word, e.text)
	case e.class == usual && exitCodeForbids(retries.ExitCodes, a.ExitCode):
		p.end(v1.RunFailed, reasonPermanent, fmt.Sprintf("exit code %d is not retried", *a.ExitCode))
	case p.counted() > retryLimit(retries):
		p.end(endPhase(e.phase), e.word, p.allFailed(e))
	default:
		p.retry(a, e)
	}
}

// retry lets the Run wait for its next attempt, unless its deadline would come first.
func (p *plan) retry(a *v1.Attempt, e ending) {
	at := p.now.Add(p.retryAfter(a))
	if t := p.deadline(); !t.IsZero() && !at.Before(t) {
		p.end(endPhase(e.phase), e.word, join(e.text, "the deadline leaves no time for another attempt"))
		return
	}
	p.status.Phase = v1.RunPending
	p.status.RetryTime = v1.NewTimePtr(at)
	p.say(reasonRetrying, fmt.Sprintf("%s; the next attempt may start at %s", p.failed(a, e), format(at)))
}

// retryAfter is the delay between the last attempt and the next.
func (p *plan) retryAfter(last *v1.Attempt) time.Duration {
	if last.NotStarted {
		return doubled(unstartedMin, p.unstartedInARow()-1, unstartedMax)
	}
	return retryDelay(&p.run.Spec.Retries, p.counted(), last.TaskID)
}

func (p *plan) end(phase v1.RunPhase, reason, message string) {
	p.status.Phase = phase
	p.status.FinishTime = v1.NewTimePtr(p.now)
	if n := len(p.status.Attempts); n > 0 {
		if t := p.status.Attempts[n-1].FinishTime; t != nil && phase != v1.RunMissed && reason != reasonQueueTimeout && reason != reasonDeadline {
			p.status.FinishTime = t
		}
	}
	p.status.RetryTime = nil
	p.say(reason, message)
	p.d.Next = time.Time{}
}

// replaceUnreachable gives up an attempt whose agent has been cut off for longer than the Run allows. The task may still be
// running: whoever asks for Replace is told so.
func (p *plan) replaceUnreachable() {
	a, u := p.live(), p.run.Spec.Unreachable
	if a == nil || a.UnreachableTime == nil || u == nil || u.Then != v1.UnreachableReplace {
		return
	}
	if after := unreachableAfter(u); !p.now.Before(a.UnreachableTime.Add(after)) {
		text := fmt.Sprintf("agent %s has been unreachable for %s; the task may still be running there", a.Hostname, v1.Duration{Duration: after})
		p.finish(a, offer.Update{TaskID: a.TaskID}, ending{lost, v1.RunLost, reasonUnreachable, text})
	}
}

// counted is the number of attempts that count against retries.limit, the first one included.
func (p *plan) counted() int {
	n := 0
	for i := range p.status.Attempts {
		if !p.status.Attempts[i].NotStarted {
			n++
		}
	}
	return n
}

func (p *plan) unstartedInARow() int {
	n := 0
	for i := len(p.status.Attempts) - 1; i >= 0 && p.status.Attempts[i].NotStarted; i-- {
		n++
	}
	return n
}

func (p *plan) everStarted() bool {
	return slices.ContainsFunc(p.status.Attempts, func(a v1.Attempt) bool { return !a.NotStarted })
}

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

func retryLimit(r *v1.Retries) int {
	if r.Limit == nil {
		return v1.DefaultRetryLimit
	}
	return int(*r.Limit)
}

// retryDelay is the pause before the extra attempt number n, from 1. With jitter it is drawn evenly from zero to the whole, by the
// id of the task that failed, so that planning again draws the same.
func retryDelay(r *v1.Retries, n int, taskID string) time.Duration {
	delay, factor, most := v1.DefaultRetryDelay, v1.DefaultRetryFactor, v1.DefaultRetryMaxDelay
	if r.Delay != nil {
		delay = r.Delay.Duration
	}
	if r.Factor != nil {
		factor = *r.Factor
	}
	if r.MaxDelay != nil {
		most = r.MaxDelay.Duration
	}
	d := float64(delay)
	for range min(n-1, 100) {
		if d *= factor; d >= float64(most) {
			break
		}
	}
	d = min(d, float64(most))
	if r.Jitter {
		d *= fraction(taskID)
	}
	return time.Duration(d)
}

// exitCodeForbids reports whether the rules make this exit code a permanent failure. An attempt that has none, because a signal
// or Mesos ended it, is not subject to them.
func exitCodeForbids(r *v1.RetryExitCodes, code *int32) bool {
	switch {
	case r == nil || code == nil:
		return false
	case len(r.Only) > 0:
		return !slices.Contains(r.Only, *code)
	}
	return slices.Contains(r.Never, *code)
}

// endPhase is the phase of a Run whose last attempt ended so.
func endPhase(attempt v1.RunPhase) v1.RunPhase {
	if attempt == v1.RunLost {
		return v1.RunLost
	}
	return v1.RunFailed
}
