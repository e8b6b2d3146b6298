package run

import (
	"cmp"
	"fmt"
	"strings"

	v1 "horae/api/v1"
	"horae/internal/messages"
	"horae/internal/offer"
	"horae/internal/reconcile"
)

// This file decides what the end of an attempt means for its Run, and whether it counts against retries.limit.
// What each task state and reason of Mesos means is the table in taskstates.go; when the next attempt may start is in retry.go.

// freeAborts is how many attempts of a Run may be aborted before they count against retries.limit. Attempts of
// class unstarted never count.
const freeAborts = 5

// ending is how an attempt ended and what that means for its Run.
type ending struct {
	class class
	phase v1.RunPhase
	word  string
	// text is one line for the Run's status; detail, if there is more, is for the attempt's.
	text, detail string
}

// with appends the message of Mesos: its first line to the text, and all of it, up to a bound, to the detail.
func (e ending) with(message string) ending {
	e.text, e.detail = messages.Join(e.text, oneLine(message)), messages.Join(e.text, shorten(message))
	return e
}

// resolve turns a row of the table into an ending. Who killed the task, and how many attempts were aborted,
// depends on the Run.
func (p *plan) resolve(a *v1.Attempt, u offer.Update, m row) ending {
	if m.class == aborted && p.aborts() >= freeAborts {
		m = meaning(u.State, u.Reason, started)
	}
	e := ending{class: m.class, phase: m.phase, word: m.word, text: m.text}.with(u.Message)
	if cause := p.likelyCause(u); cause != "" {
		e.text, e.detail = e.text+"; "+cause, e.detail+"; "+cause
	}
	switch m.class {
	case aborted:
		e.class = unstarted
	case killed:
		return p.resolveKill(a, u, e)
	}
	return e
}

// resolveKill returns the ending of an attempt whose task was killed; e, if the Run gave no reason to kill it.
func (p *plan) resolveKill(a *v1.Attempt, u offer.Update, e ending) ending {
	sick := u.Healthy != nil && !*u.Healthy
	switch reason, text := p.mustDieAt(a, u); {
	case reason == reasonDeadline, reason == reasonTimeout:
		return ending{class: usual, phase: v1.RunFailed, word: reason, text: text}
	case reason != "":
		return ending{class: killed, phase: v1.RunKilled, word: reason, text: text}
	case sick:
		return ending{class: usual, phase: v1.RunFailed, word: reasonUnhealthy, text: "the health check failed"}.with(u.Message)
	}
	return e
}

// likelyCause explains the message of an agent that lacks what the task's container needs; "": the message is
// another.
func (p *plan) likelyCause(u offer.Update) string {
	c := p.run.Spec.Task.Container
	switch {
	case c == nil:
	case c.Type == v1.ContainerDocker && strings.Contains(u.Message, "unknown container"):
		return "the agent may not run Docker containers (its --containerizers)"
	case strings.Contains(u.Message, "Unsupported container image"),
		strings.Contains(u.Message, "in ContainerInfo is not supported"):
		return "the agent may lack an isolator that the container needs (its --isolation and --image_providers)"
	}
	return ""
}

// finish ends an attempt and decides what follows for the Run.
func (p *plan) finish(a *v1.Attempt, u offer.Update, e ending) {
	switch {
	case a.Callback != nil:
		e = callbackEnding(a.Callback)
	case p.run.Spec.Async != nil && e.class == done:
		p.expectCallback(a, u)
		return
	}
	p.noteSandbox(a, u)
	a.State = e.phase
	a.FinishTime = p.within(a, u.Timestamp)
	a.UnreachableTime = nil
	a.ExitCode = u.ExitCode
	a.Message = cmp.Or(e.detail, e.text)
	a.NotStarted = e.class == unstarted
	if a.Reason = u.Reason; a.Reason == "" || a.Callback != nil || e.word == reasonTimeout || e.word == reasonDeadline {
		a.Reason = e.word
	}
	p.follow(a, e)
}

// follow decides what follows the end of an attempt.
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
	case e.class == usual && e.byExit() && exitCodeForbids(retries.ExitCodes, a.ExitCode):
		p.end(v1.RunFailed, reasonPermanent, fmt.Sprintf("exit code %d is not retried", *a.ExitCode))
	case p.counted() > retryLimit(retries):
		p.end(endPhase(e.phase), e.word, p.allFailed(e))
	default:
		p.retry(a, e)
	}
}

func (p *plan) end(phase v1.RunPhase, reason, message string) {
	p.status.Phase = phase
	p.status.FinishTime = v1.NewTimePtr(p.now)
	if n := len(p.status.Attempts); n > 0 {
		if t := p.status.Attempts[n-1].FinishTime; t != nil && phase != v1.RunMissed &&
			reason != reasonQueueTimeout && reason != reasonDeadline {
			p.status.FinishTime = t
		}
	}
	p.status.RetryTime = nil
	p.report(reason, message)
	p.wake = reconcile.Alarm{}
}

// replaceUnreachable gives up an attempt whose agent has been cut off for longer than the Run allows. The task
// may still be running, which the documentation of Replace says.
func (p *plan) replaceUnreachable() {
	a, u := p.live(), p.run.Spec.Unreachable
	if a == nil || a.UnreachableTime == nil || u == nil || u.Then != v1.UnreachableReplace {
		return
	}
	if after := unreachableAfter(u); !p.now.Before(a.UnreachableTime.Add(after)) {
		text := fmt.Sprintf("agent %s has been unreachable for %s; the task may still be running there",
			a.Hostname, v1.Duration{Duration: after})
		p.finish(a, offer.Update{TaskID: a.TaskID}, ending{class: lost, phase: v1.RunLost, word: reasonUnreachable, text: text})
	}
}

// endPhase is the phase of a Run whose last attempt ended so.
func endPhase(attempt v1.RunPhase) v1.RunPhase {
	if attempt == v1.RunLost {
		return v1.RunLost
	}
	return v1.RunFailed
}

// failed is the message about one attempt that ended.
func (p *plan) failed(a *v1.Attempt, e ending) string {
	what := "failed"
	switch e.class {
	case lost:
		what = "was lost"
	case unstarted:
		what = "did not start"
	}
	number := len(p.status.Attempts)
	if id, ok := ParseTaskID(a.TaskID); ok {
		number = id.Attempt
	}
	return messages.Join(fmt.Sprintf("attempt %d %s", number, what), e.text)
}

// allFailed is the message when no attempt is left.
func (p *plan) allFailed(e ending) string {
	if n := p.counted(); n > 1 {
		return messages.Join(fmt.Sprintf("%d attempts failed, the last one", n), e.text)
	}
	return e.text
}

// lastMessage is the message of the last attempt, or why the Run waits, to be appended to another message.
func (p *plan) lastMessage() string {
	n := len(p.status.Attempts)
	if n == 0 {
		if w := p.in.Why.Message; w != "" {
			return ": " + w
		}
		return ""
	}
	if m := p.status.Attempts[n-1].Message; m != "" {
		return "; the last attempt: " + oneLine(m)
	}
	return ""
}
