package transition

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// OfJob returns what happened to a Job. before is nil for a new Job, after for a deleted one.
func OfJob(before, after *v1.Job) []Change {
	switch {
	case after == nil && before == nil:
		return nil
	case after == nil:
		return []Change{{Kind: JobDeleted}}
	}
	var list []Change
	switch {
	case before == nil:
		list, before = append(list, Change{Kind: JobCreated}), &v1.Job{}
	case before.UID != after.UID:
		// It was deleted and created again between the two.
		list, before = append(list, Change{Kind: JobDeleted}, Change{Kind: JobCreated}), &v1.Job{}
	case before.Generation != after.Generation:
		list = append(list, Change{Kind: JobChanged})
	}
	for _, condition := range conditions {
		old := meta.FindStatusCondition(before.Status.Conditions, condition.name)
		now := meta.FindStatusCondition(after.Status.Conditions, condition.name)
		if now == nil {
			continue
		}
		if kind := condition.change(old, now); kind != "" {
			list = append(list, Change{Kind: kind, Reason: now.Reason, Message: now.Message})
		}
	}
	return append(list, ofOccurrences(&before.Status, &after.Status)...)
}

// conditions of a Job and what their changes mean. old is nil for a condition that did not exist. An empty kind means
// that nothing happened.
var conditions = []struct {
	name   string
	change func(old, now *metav1.Condition) Kind
}{
	{v1.JobAccepted, func(old, now *metav1.Condition) Kind {
		switch {
		case now.Status == metav1.ConditionTrue && !is(old, metav1.ConditionTrue):
			return JobAccepted
		case now.Status == metav1.ConditionFalse && (!is(old, metav1.ConditionFalse) || old.Message != now.Message):
			return JobNotAccepted
		}
		return ""
	}},
	{v1.JobScheduled, func(old, now *metav1.Condition) Kind {
		was := Kind("")
		if old != nil {
			was = blockedBy[old.Reason]
		}
		switch is := blockedBy[now.Reason]; {
		case is == was:
			return ""
		case is == "" && was == JobExhausted:
			return ""
		case is == "" && now.Reason != v1.ReasonNotAccepted, is == JobExhausted && was != "":
			return JobResumed
		default:
			return is
		}
	}},
	{v1.JobHealthy, func(old, now *metav1.Condition) Kind {
		switch {
		case now.Status == metav1.ConditionFalse && !is(old, metav1.ConditionFalse):
			return JobFailing
		case now.Status == metav1.ConditionTrue && is(old, metav1.ConditionFalse):
			return JobRecovered
		}
		return ""
	}},
	{v1.JobParentsFound, func(old, now *metav1.Condition) Kind {
		switch {
		case now.Status == metav1.ConditionFalse && (!is(old, metav1.ConditionFalse) || old.Message != now.Message):
			return ParentsMissing
		case now.Status == metav1.ConditionTrue && is(old, metav1.ConditionFalse):
			return ParentsFound
		}
		return ""
	}},
	{v1.JobCalendarsFound, func(old, now *metav1.Condition) Kind {
		switch {
		case now.Status == metav1.ConditionFalse && (!is(old, metav1.ConditionFalse) || old.Message != now.Message):
			return CalendarsMissing
		case now.Status == metav1.ConditionTrue && is(old, metav1.ConditionFalse):
			return CalendarsFound
		}
		return ""
	}},
}

// blockedBy are the reasons of the condition Scheduled for which no Run starts.
var blockedBy = map[string]Kind{
	v1.ReasonSuspended: JobSuspended, v1.ReasonTooManyFailures: JobStopped, v1.ReasonExhausted: JobExhausted,
}

func is(c *metav1.Condition, status metav1.ConditionStatus) bool {
	return c != nil && c.Status == status
}

// ofOccurrences returns how many occurrences were missed and skipped, each with the latest reason.
func ofOccurrences(before, after *v1.JobStatus) []Change {
	var list []Change
	for _, c := range []struct {
		kind    Kind
		outcome v1.RunPhase
		count   int64
	}{
		{OccurrencesMissed, v1.RunMissed, after.Missed - before.Missed},
		{OccurrencesSkipped, v1.RunSkipped, after.Skipped - before.Skipped},
	} {
		if c.count <= 0 {
			continue
		}
		change := Change{Kind: c.kind, Count: c.count}
		for _, n := range after.NotRun {
			if n.Outcome == c.outcome {
				change.Reason, change.Message = n.Reason, n.Message
				break
			}
		}
		list = append(list, change)
	}
	return list
}
