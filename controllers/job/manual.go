package job

import (
	"slices"
	"time"

	v1 "horae/api/v1"
)

// Retry returns a new Run that repeats one that has ended. It has that Run's task, policy, arguments and scheduled
// time, or, if t asks for that, the task and the policy of the Job as it is now. id distinguishes its name.
func Retry(old *v1.Run, job *v1.Job, id string, t v1.Retry, now time.Time) *v1.Run {
	run := NewRun(job, Manual(id), RunOptions{Args: old.Spec.Args, Env: old.Spec.Env}, now)
	if !t.JobTask {
		run.Labels = old.DeepCopy().Labels
		if run.Labels == nil {
			run.Labels = map[string]string{}
		}
		run.Labels[v1.LabelJob] = job.Name
		run.Spec.Owner = old.Spec.Owner
		run.Spec.RunPolicy = *old.Spec.RunPolicy.DeepCopy()
		run.Spec.Task = *old.Spec.Task.DeepCopy()
	}
	run.Spec.ScheduledTime = old.Spec.ScheduledTime.DeepCopy()
	run.Spec.Parents = slices.Clone(old.Spec.Parents)
	run.Spec.NoDependents = old.Spec.NoDependents || t.NoDependents
	run.Spec.RetryOf = old.Name
	run.Spec.Note = t.Note
	return run
}

// Mark returns a Run without a task that succeeds at once. If it takes the place of an occurrence (named), its name is
// the occurrence's, so that the schedule makes no other Run of it (I3); otherwise id distinguishes its name.
func Mark(job *v1.Job, id string, t v1.Succeed, named bool, now time.Time) *v1.Run {
	run := NewRun(job, Manual(id), RunOptions{}, now)
	if t.At != nil {
		at := v1.NewTime(t.At.Time)
		run.Spec.ScheduledTime = &at
		if named {
			run.Name = OccurrenceName(job.Name, at.Time)
		}
	}
	run.Spec.MarkSucceeded = true
	run.Spec.NoDependents = t.NoDependents
	run.Spec.Note = t.Note
	return run
}

// OccurrenceName returns the name of a Job's Run for an occurrence of its schedule.
func OccurrenceName(job string, at time.Time) string { return Scheduled(at).RunName(job) }

// Occurs reports whether an instant is a scheduled time of the Job: an occurrence of its present schedule, however
// long ago, or one to which an occurrence was moved.
func Occurs(job *v1.Job, at time.Time) (bool, error) {
	is := func(t v1.Time) bool { return t.Equal(at) }
	if slices.ContainsFunc(job.Status.Moved, is) || slices.ContainsFunc(job.Status.Waiting, is) {
		return true, nil
	}
	present := ScheduleOf(job, at.Truncate(time.Second))
	if present.Expression == "" {
		return false, nil
	}
	occurrences, err := AnchorOf(job.Namespace, job.Name, present).Parse()
	if err != nil {
		return false, err
	}
	last, ok := occurrences.Prev(at)
	return ok && last.Equal(at), nil
}
