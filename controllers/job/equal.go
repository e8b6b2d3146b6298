package job

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

func equalDistribution(a, b *v1.Distribution) bool { return a == b || a != nil && b != nil && *a == *b }

func equalNotRun(a, b v1.NotRun) bool {
	return a.ScheduledTime.Equal(b.ScheduledTime.Time) && v1.EqualTimes(a.Through, b.Through) &&
		a.Count == b.Count && a.Outcome == b.Outcome && a.Reason == b.Reason && a.Message == b.Message
}

func equalSchedule(a, b *v1.ScheduleStatus) bool {
	return a == b || a != nil && b != nil && a.Expression == b.Expression && a.TimeZone == b.TimeZone && a.Since.Equal(b.Since.Time)
}

// equalStatus compares two statuses without reflection, because it runs in every plan.
func equalStatus(a, b *v1.JobStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration &&
		a.Occurrences == b.Occurrences && a.Missed == b.Missed && a.Skipped == b.Skipped &&
		a.ObservedRunRevision == b.ObservedRunRevision &&
		a.Succeeded == b.Succeeded && a.Failed == b.Failed && a.ConsecutiveFailures == b.ConsecutiveFailures &&
		v1.EqualTimes(a.NextScheduleTime, b.NextScheduleTime) && v1.EqualTimes(a.LastScheduleTime, b.LastScheduleTime) &&
		v1.EqualTimes(a.LastSuccessfulTime, b.LastSuccessfulTime) && v1.EqualTimes(a.LastFailureTime, b.LastFailureTime) &&
		equalSchedule(a.Schedule, b.Schedule) &&
		equalDistribution(a.Duration, b.Duration) &&
		a.ActiveCount == b.ActiveCount && slices.Equal(a.Active, b.Active) &&
		slices.EqualFunc(a.Waiting, b.Waiting, func(x, y v1.Time) bool { return x.Equal(y.Time) }) &&
		slices.EqualFunc(a.Moved, b.Moved, func(x, y v1.Time) bool { return x.Equal(y.Time) }) &&
		condition.EqualLists(a.Conditions, b.Conditions) &&
		slices.EqualFunc(a.NotRun, b.NotRun, equalNotRun) &&
		equalCompletions(a.Completions, b.Completions) && slices.EqualFunc(a.Parents, b.Parents, equalParent)
}

func equalCompletions(a, b *v1.Completions) bool {
	return a == b || a != nil && b != nil && a.Last == b.Last && slices.EqualFunc(a.Ends, b.Ends, func(x, y v1.Completion) bool {
		return x.Run == y.Run && x.Outcome == y.Outcome && x.Revision == y.Revision &&
			v1.EqualTimes(x.ScheduledTime, y.ScheduledTime) && x.FinishTime.Equal(y.FinishTime.Time)
	})
}

func equalParent(a, b v1.ParentStatus) bool {
	return a.Seen == b.Seen && equalButSeen(a, b)
}

func equalButSeen(a, b v1.ParentStatus) bool {
	return a.Job == b.Job && a.Created == b.Created && a.Since == b.Since && a.On == b.On &&
		a.Omitted == b.Omitted && a.Consumed == b.Consumed &&
		slices.EqualFunc(a.Banked, b.Banked, func(x, y v1.BankedEnd) bool {
			return x.Number == y.Number && x.Run == y.Run && x.FinishTime.Equal(y.FinishTime.Time) &&
				v1.EqualTimes(x.ScheduledTime, y.ScheduledTime)
		})
}

// maxUnwrittenSeen is how many ends that do not concern it a Job may have seen without its status saying so. It must
// be well below what parents list.
const maxUnwrittenSeen = maxCompletions / 4

// onlySeen reports whether a status differs from the present one only in that a few more ends of the parents were seen.
func onlySeen(present, next []v1.ParentStatus) bool {
	return len(next) > 0 && slices.EqualFunc(present, next, func(a, b v1.ParentStatus) bool {
		return equalButSeen(a, b) && a.Seen <= b.Seen && b.Seen-a.Seen < maxUnwrittenSeen
	})
}

// onlySums reports whether the statuses differ only in sums about the Job's Runs, which can be computed again.
func onlySums(present, next *v1.JobStatus) bool {
	for _, kind := range []string{v1.JobAccepted, v1.JobScheduled, v1.JobCalendarsFound, v1.JobParentsFound} {
		if !condition.Equal(condition.Find(present.Conditions, kind), condition.Find(next.Conditions, kind)) {
			return false
		}
	}
	same := *present
	same.Conditions = next.Conditions
	same.Active, same.ActiveCount, same.ObservedRunRevision = next.Active, next.ActiveCount, next.ObservedRunRevision
	same.Succeeded, same.Failed, same.ConsecutiveFailures = next.Succeeded, next.Failed, next.ConsecutiveFailures
	same.LastSuccessfulTime, same.LastFailureTime = next.LastSuccessfulTime, next.LastFailureTime
	same.Parents = next.Parents                           // The parents list what was banked until it is written.
	same.Missed, same.Skipped = next.Missed, next.Skipped // If a plan records any, NotRun differs too.
	return equalStatus(&same, next)
}
