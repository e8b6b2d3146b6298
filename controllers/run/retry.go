package run

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/backoff"
	"horae/internal/messages"
)

// This file decides when the next attempt of a Run may start. Whether an ended attempt counts, and how many are
// free, is in outcome.go.

// retry lets the Run wait for its next attempt, unless its deadline would come first.
func (p *plan) retry(a *v1.Attempt, e ending) {
	at := p.now.Add(p.retryAfter(a))
	if t := p.deadline(); !t.IsZero() && !at.Before(t) {
		p.end(endPhase(e.phase), e.word, messages.Join(e.text, "the deadline leaves no time for another attempt"))
		return
	}
	p.status.Phase = v1.RunPending
	p.status.RetryTime = v1.NewTimePtr(at)
	p.report(reasonRetrying, fmt.Sprintf("%s; the next attempt may start at %s", p.failed(a, e), messages.Instant(at)))
}

// agentsToAvoid returns the agents on which the last attempts, one after another, could not start.
func agentsToAvoid(attempts []v1.Attempt) (ids []string) {
	for i := len(attempts) - 1; i >= 0 && couldNotStart(&attempts[i]); i-- {
		if id := attempts[i].AgentID; !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// couldNotStart reports whether an attempt ended because its agent did not start its container or lost its executor.
func couldNotStart(a *v1.Attempt) bool {
	return a.State.Terminal() && (abortedBy(a.Reason) || a.Reason == mesosLaunchFailed)
}

// retryAfter is the delay between the last attempt and the next.
func (p *plan) retryAfter(last *v1.Attempt) time.Duration {
	if last.NotStarted {
		return backoff.Policy{First: unstartedMin, Max: unstartedMax}.Bound(max(p.unstartedInARow()-1, 0))
	}
	return retryDelay(&p.run.Spec.Retries, p.counted(), last.TaskID)
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

// aborts is how many attempts did not count because their executors ended.
func (p *plan) aborts() int {
	n := 0
	for i := range p.status.Attempts {
		if a := &p.status.Attempts[i]; a.NotStarted && abortedBy(a.Reason) {
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

func retryLimit(r *v1.Retries) int {
	if r.Limit == nil {
		return v1.DefaultRetryLimit
	}
	return int(*r.Limit)
}

// retryDelay is the delay before the n-th retry, from 1. With jitter it is between zero and the whole, by a
// hash of the failed task's id, so that planning again gives the same.
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
	d := backoff.Policy{First: min(delay, most), Max: most, Factor: factor}.Bound(max(n-1, 0))
	if r.Jitter {
		return time.Duration(float64(d) * fraction(taskID))
	}
	return d
}

// exitCodeForbids reports whether the rules make this exit code a permanent failure. An attempt that has none,
// because a signal or Mesos ended it, is not subject to them.
func exitCodeForbids(r *v1.RetryExitCodes, code *int32) bool {
	switch {
	case r == nil || code == nil:
		return false
	case len(r.Only) > 0:
		return !slices.Contains(r.Only, *code)
	}
	return slices.Contains(r.Never, *code)
}

// fraction hashes a text to a number in [0, 1).
func fraction(text string) float64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	x := h.Sum64()
	// FNV's low bits carry the last bytes: mix them into the high ones.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
