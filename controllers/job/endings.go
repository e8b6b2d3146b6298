package job

import v1 "horae/api/v1"

// CountsAs returns as what the end of a Run counts for the Jobs that depend on its Job: Succeeded, Failed or Killed;
// false if it concerns none of them. It alone decides this, for every Run alike: scheduled ones, those that follow
// parents, and those that people start, repeat or mark as successful. A Run that is to start nothing has
// spec.noDependents.
func CountsAs(job *v1.JobSpec, run *v1.Run) (v1.RunPhase, bool) {
	if run.Spec.NoDependents {
		return "", false
	}
	switch run.Status.Phase {
	case v1.RunSucceeded:
		return v1.RunSucceeded, true
	case v1.RunFailed, v1.RunLost:
		if job.SoftError {
			return v1.RunSucceeded, true
		}
		return v1.RunFailed, true
	case v1.RunKilled:
		return v1.RunKilled, true
	}
	return "", false // It has not ended, or it never ran: Missed, Skipped.
}

// wants reports whether an end that counts as outcome is one that a Job depends on.
func wants(on v1.DependencyOutcome, outcome v1.RunPhase) bool {
	switch on {
	case v1.OnFinished:
		return true
	case v1.OnFailed:
		return outcome == v1.RunFailed
	default: // Succeeded, which is the default
		return outcome == v1.RunSucceeded
	}
}
