package transition

import v1 "horae/api/v1"

var phaseKinds = map[v1.RunPhase]Kind{
	v1.RunPending: RunPending, v1.RunLaunching: RunLaunched, v1.RunRunning: RunStarted,
	v1.RunSucceeded: RunSucceeded, v1.RunFailed: RunFailed, v1.RunKilled: RunKilled, v1.RunLost: RunLost,
	v1.RunMissed: RunMissed, v1.RunSkipped: RunSkipped,
}

// OfRun returns what happened to a Run. before is nil for a new Run, after for a deleted one.
func OfRun(before, after *v1.Run) []Change {
	switch {
	case after == nil && before == nil:
		return nil
	case after == nil:
		return []Change{{Kind: RunDeleted, Attempt: len(before.Status.Attempts), Reason: before.Status.Reason,
			Message: before.Status.Message}}
	}
	s := &after.Status
	change := func(kind Kind) Change {
		return Change{Kind: kind, Attempt: len(s.Attempts), Reason: s.Reason, Message: s.Message}
	}
	var list []Change
	if before == nil {
		list, before = append(list, change(RunCreated)), &v1.Run{}
	}
	if after.Spec.Cancel && !before.Spec.Cancel {
		list = append(list, change(RunCancelled))
	}
	if s.Phase != before.Status.Phase {
		c := change(phaseKinds[s.Phase])
		c.Phase = s.Phase
		switch {
		case c.Kind == RunStarted && before.Status.StartTime != nil:
			c.Kind = RunStartedAgain
		case c.Kind == RunPending && len(s.Attempts) > 0:
			c.Kind = RunRetried
		}
		if c.Kind != "" {
			list = append(list, c)
		}
	}
	return list
}
