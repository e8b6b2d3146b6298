package placement

import (
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

const (
	// TimeoutGrace is how much longer than its timeout an attempt may take before Horae kills it: Mesos does
	// so by itself, and gives the better reason.
	TimeoutGrace = 15 * time.Second
	// agentGrace is the most time from SIGTERM to SIGKILL that Mesos gives a task without a killGracePeriod: 3
	// s for a command, 5 s for a Docker container and for a custom executor, unless the agent's
	// --executor_shutdown_grace_period differs.
	agentGrace = 5 * time.Second
)

// EndsBy returns when an attempt ends at the latest; false: nothing bounds it. An attempt that has not started
// may start at once.
func EndsBy(r *v1.Run, a *v1.Attempt, now time.Time) (time.Time, bool) {
	grace := agentGrace
	if g := r.Spec.Task.KillGracePeriod; g != nil {
		grace = g.Duration
	}
	var ends []time.Time
	if r.Spec.Cancel {
		ends = append(ends, now)
	}
	if d := r.Spec.Deadline; d != nil && !r.CreationTimestamp.IsZero() {
		ends = append(ends, later(r.CreationTimestamp.Add(d.Duration), now))
	}
	if d := r.Spec.Timeout; d != nil {
		began := now
		if a.StartTime != nil {
			began = a.StartTime.Time
		}
		ends = append(ends, later(began.Add(d.Duration+TimeoutGrace), now))
	}
	if len(ends) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(ends, time.Time.Compare).Add(grace), true
}

// WindowOver reports whether a maintenance window has passed.
func WindowOver(w offer.Window, now time.Time) bool {
	return w.Duration > 0 && !now.Before(w.Start.Add(w.Duration))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
