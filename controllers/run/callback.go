package run

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/callback"
	"horae/internal/messages"
	"horae/internal/offer"
	"horae/internal/store"
)

// This file decides what callbacks mean for a Run. The managers store what callbacks report in a document beside the
// Run, which this package reads and removes (docs/etcd.md). What is stored first counts: a callback that is stored
// before the end of the attempt decides how it ends.

// progressInterval is the least time between two writes of a status of which only the progress has changed.
const progressInterval = time.Second

// readCallback takes over what callbacks have reported of the live attempt. What is there of another attempt is removed.
func (p *plan) readCallback() {
	c, a := p.in.Callback, p.last()
	if c == nil || a == nil || a.State.Terminal() {
		return
	}
	if c.Err != nil || c.TaskID != a.TaskID {
		p.d.DropCallback = true
		return
	}
	if p.run.Spec.Async != nil && c.Outcome != nil && a.Callback == nil {
		outcome := *c.Outcome
		if outcome.Time.IsZero() || outcome.Time.After(p.now) {
			outcome.Time = v1.NewTime(p.now)
		}
		outcome.Message = shorten(outcome.Message)
		a.Callback = &outcome
	}
}

// last is the last attempt, or nil.
func (p *plan) last() *v1.Attempt {
	if n := len(p.status.Attempts); n > 0 {
		return &p.status.Attempts[n-1]
	}
	return nil
}

// takeProgress has the status report the progress. Progress alone is written at most once in progressInterval.
func (p *plan) takeProgress() {
	c := p.in.Callback
	if a := p.last(); c == nil || a == nil || c.TaskID != a.TaskID || samePtr(c.Progress, p.status.Progress) {
		return
	}
	if next := p.in.ProgressWritten.Add(progressInterval); p.now.Before(next) && !p.now.Before(p.in.ProgressWritten) &&
		sameStatus(&p.run.Status, &p.status) && !p.d.DropCallback {
		p.wake.At(next)
		return
	}
	p.status.Progress = c.Progress
}

// expectCallback notes that the task of an asynchronous attempt has ended well. What it has started may go on.
func (p *plan) expectCallback(a *v1.Attempt, u offer.Update) {
	p.noteSandbox(a, u)
	a.State = v1.RunRunning
	a.TaskFinishTime = p.within(a, u.Timestamp)
	a.UnreachableTime = nil
	a.ExitCode = u.ExitCode
	p.reportAwaiting(a)
}

func (p *plan) reportAwaiting(a *v1.Attempt) {
	p.status.Phase = v1.RunRunning
	text := "the task has ended; its callback is expected"
	if t := p.callbackBy(a); !t.IsZero() {
		text += " by " + messages.Instant(t)
	}
	p.report(reasonAwaitingCallback, text)
}

// callbackBy is when the callback must have come; zero: whenever it comes.
func (p *plan) callbackBy(a *v1.Attempt) time.Time {
	if s := p.run.Spec.Async; s != nil && s.Timeout != nil {
		return a.TaskFinishTime.Add(s.Timeout.Duration)
	}
	return time.Time{}
}

// awaitCallback handles an attempt whose task has ended and whose callback decides.
func (p *plan) awaitCallback() bool {
	a := p.last()
	if a == nil || a.State.Terminal() || a.TaskFinishTime == nil {
		return false
	}
	by, deadline := p.callbackBy(a), p.deadline()
	switch {
	case a.Callback != nil:
		p.conclude(a, callbackEnding(a.Callback))
	case !deadline.IsZero() && !p.now.Before(deadline):
		p.conclude(a, ending{class: usual, phase: v1.RunFailed, word: reasonDeadline,
			text: "the deadline of " + p.run.Spec.Deadline.String() + " has passed, and no callback has come"})
	case !by.IsZero() && !p.now.Before(by):
		p.conclude(a, ending{class: usual, phase: v1.RunFailed, word: reasonCallbackTimeout,
			text: "no callback has come within " + p.run.Spec.Async.Timeout.String() + " of the task's end"})
	default:
		p.reportAwaiting(a)
		p.wake.At(by)
		p.wake.At(deadline)
		return true
	}
	return p.status.Phase.Terminal() // Otherwise another attempt follows.
}

// conclude ends an attempt whose task has ended before.
func (p *plan) conclude(a *v1.Attempt, e ending) {
	end := p.now
	if a.Callback != nil && a.Callback.Time.Before(end) {
		end = a.Callback.Time.Time
	}
	if end.Before(a.TaskFinishTime.Time) {
		end = a.TaskFinishTime.Time
	}
	a.State, a.FinishTime = e.phase, v1.NewTimePtr(end)
	a.Message, a.Reason = cmp.Or(e.detail, e.text), e.word
	p.follow(a, e)
}

// callbackEnding is how an attempt has ended according to its callback.
func callbackEnding(c *v1.CallbackOutcome) ending {
	if c.Phase == v1.RunSucceeded {
		return ending{class: done, phase: v1.RunSucceeded}
	}
	return ending{class: usual, phase: v1.RunFailed, word: reasonCallbackFailed, text: "the callback reported a failure"}.with(c.Message)
}

// byExit reports whether an attempt ended so has an exit code that means something for retries.
func (e ending) byExit() bool {
	return e.word != reasonCallbackFailed && e.word != reasonCallbackTimeout
}

// cancelAwaited ends the attempt of a Run that is cancelled while it waits for its callback: there is no task to kill.
func (p *plan) cancelAwaited() bool {
	a := p.last()
	if a == nil || a.State.Terminal() || a.TaskFinishTime == nil || a.Callback != nil {
		return false
	}
	p.conclude(a, ending{class: killed, phase: v1.RunKilled, word: reasonCancelled,
		text: "the run was cancelled while it waited for its callback; what the task has started may go on"})
	p.report(reasonCancelled, a.Message)
	return true
}

// endsAsync reports whether the plan ends an asynchronous attempt that was alive: only what callbacks were seen to have
// reported may have gone into that.
func (p *plan) endsAsync() bool {
	before := p.run.Status.Attempts
	n := len(before)
	return p.run.Spec.Async != nil && n > 0 && n <= len(p.status.Attempts) &&
		!before[n-1].State.Terminal() && p.status.Attempts[n-1].State.Terminal()
}

// callbackAccess gives the tasks the address and the token of their callbacks.
type callbackAccess struct {
	cache interface{ CallbackKeys() ([][]byte, error) }
	// url is that of a manager, as tasks reach it.
	url string
}

// of returns the address for an attempt of the Run, and its token. A failure means that no token can be made now.
func (c *callbackAccess) of(run store.Key, taskID string) (url, token string, err error) {
	keys, err := c.cache.CallbackKeys()
	if err != nil {
		return "", "", fmt.Errorf("make the callback token: %w", err)
	}
	return fmt.Sprintf("%s/apis/%s/namespaces/%s/%s/%s/callback", c.url, v1.GroupVersion, run.Namespace, run.Kind, run.Name),
		callback.Token(keys[0], taskID), nil
}

// addCallback gives a task the variables for its callbacks. The token is a secret where Mesos resolves secrets, which
// its Docker containerizer does not.
func addCallback(t *offer.Task, url, token string) {
	t.Env = append(slices.Clip(t.Env), v1.EnvVar{Name: "HORAE_CALLBACK_URL", Value: url})
	secret := v1.EnvVar{Name: "HORAE_CALLBACK_TOKEN", Value: token}
	if c := t.Spec.Container; c != nil && c.Type == v1.ContainerDocker {
		t.Env = append(t.Env, secret)
		return
	}
	t.SecretEnv = append(t.SecretEnv, secret)
}

// CalledBack has a Run reconciled because of what a callback has reported.
func (c *Controller) CalledBack(run store.Key) { c.cfg.Enqueue(run) }
