package job

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// accept decides whether the spec may be acted upon. A spec that was accepted in this generation stays so.
func (p *planner) accept() {
	entry := p.in.Job
	accepted := findCondition(p.next.Conditions, v1.JobAccepted)
	switch {
	case entry.Err != nil:
		p.invalid = v1.Short(entry.Err.Error())
	case accepted == nil || accepted.Status != metav1.ConditionTrue || p.next.ObservedGeneration != entry.Rev.SpecVersion:
		if errs := Validate(entry.Object); len(errs) > 0 {
			p.invalid = v1.Short(errs.ToAggregate().Error())
		}
	}
}

// outlook says what comes next, in status.nextScheduleTime and the conditions.
func (p *planner) outlook() {
	p.next.ObservedGeneration = p.in.Job.Rev.SpecVersion
	if p.invalid != "" {
		p.condition(v1.JobAccepted, metav1.ConditionFalse, v1.ReasonInvalid, p.invalid)
	} else {
		p.condition(v1.JobAccepted, metav1.ConditionTrue, v1.ReasonValid, p.warned)
	}
	p.calendarsFound()
	next, ok := p.following()
	if !ok {
		p.next.NextScheduleTime = nil
	} else if at := p.next.NextScheduleTime; at == nil || !at.Equal(next) {
		p.next.NextScheduleTime = v1.NewTimePtr(next)
	}
	p.condition(p.scheduled(ok))
}

// following is the next occurrence that will be handled when it is due. The plan wakes up then.
func (p *planner) following() (time.Time, bool) {
	if p.schedule == nil || p.blocked != "" {
		return time.Time{}, false
	}
	next, ok := p.schedule.Next(cursor(p.next.Schedule, p.next.LastScheduleTime))
	if ok {
		p.wakeAt(p.dueAt(next))
	}
	for _, t := range p.next.Moved {
		p.wakeAt(p.dueAt(t.Time))
	}
	p.wakeForOff()
	if moved, found := p.followingMoved(); found && (!ok || moved.Before(next)) {
		next, ok = moved, true
	}
	return next, ok
}

// scheduled is the condition of that name.
func (p *planner) scheduled(more bool) (kind string, status metav1.ConditionStatus, reason, message string) {
	last := p.next.LastScheduleTime
	no := func(reason, message string) (string, metav1.ConditionStatus, string, string) {
		return v1.JobScheduled, metav1.ConditionFalse, reason, message
	}
	switch {
	case p.blocked == v1.ReasonNotAccepted:
		return no(p.blocked, "the spec is not valid: see the condition Accepted")
	case p.blocked == v1.ReasonSuspended:
		return no(p.blocked, "spec.suspend is true; a manual trigger still runs")
	case p.blocked == v1.ReasonTooManyFailures:
		return no(p.blocked, fmt.Sprintf("%d Runs failed in a row; edit the Job, or have a manual Run succeed, to go on", *p.spec.SuspendAfterFailures))
	case p.schedule == nil:
		return no(v1.ReasonNoSchedule, "runs when it is triggered")
	case !more && p.days != nil:
		return no(v1.ReasonExhausted, "no further occurrence is on a day on which the Job's Calendars let it run")
	case !more:
		return no(v1.ReasonExhausted, "the schedule has no further occurrence")
	case last != nil && last.After(p.now.Add(p.in.Settings.MaxLag)):
		return v1.JobScheduled, metav1.ConditionTrue, v1.ReasonClockWentBack,
			"occurrences later than the present time were handled already; a changed schedule starts anew"
	}
	return v1.JobScheduled, metav1.ConditionTrue, v1.ReasonNextOccurrence, ""
}

func findCondition(list []metav1.Condition, kind string) *metav1.Condition {
	for i := range list {
		if list[i].Type == kind {
			return &list[i]
		}
	}
	return nil
}

// condition sets a condition. Its time is when its status last changed.
func (p *planner) condition(kind string, status metav1.ConditionStatus, reason, message string) {
	generation := p.in.Job.Rev.SpecVersion
	next := metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation,
		LastTransitionTime: metav1.NewTime(p.now.UTC().Truncate(time.Second)),
	}
	present := findCondition(p.next.Conditions, kind)
	if present != nil && present.Status == status {
		next.LastTransitionTime = present.LastTransitionTime
		if equalCondition(present, &next) {
			return
		}
	}
	list := slices.Clone(p.next.Conditions) // I8: the present list is the cache's.
	if present := findCondition(list, kind); present != nil {
		*present = next
	} else {
		list = append(list, next)
	}
	p.next.Conditions = list
}

func equalCondition(a, b *metav1.Condition) bool {
	return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message &&
		a.ObservedGeneration == b.ObservedGeneration && a.LastTransitionTime.Equal(&b.LastTransitionTime)
}

func equalTime(a, b *v1.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(b.Time)
}

func equalNotRun(a, b v1.NotRun) bool {
	return a.ScheduledTime.Equal(b.ScheduledTime.Time) && equalTime(a.Through, b.Through) &&
		a.Count == b.Count && a.Outcome == b.Outcome && a.Reason == b.Reason && a.Message == b.Message
}

func equalSchedule(a, b *v1.ScheduleStatus) bool {
	return a == b || a != nil && b != nil && a.Expression == b.Expression && a.TimeZone == b.TimeZone && a.Since.Equal(b.Since.Time)
}

// equalStatus compares two statuses without reflection: it runs in every plan.
func equalStatus(a, b *v1.JobStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration &&
		a.Occurrences == b.Occurrences && a.Missed == b.Missed && a.Skipped == b.Skipped &&
		a.ObservedRunRevision == b.ObservedRunRevision &&
		a.Succeeded == b.Succeeded && a.Failed == b.Failed && a.ConsecutiveFailures == b.ConsecutiveFailures &&
		equalTime(a.NextScheduleTime, b.NextScheduleTime) && equalTime(a.LastScheduleTime, b.LastScheduleTime) &&
		equalTime(a.LastSuccessfulTime, b.LastSuccessfulTime) && equalTime(a.LastFailureTime, b.LastFailureTime) &&
		equalSchedule(a.Schedule, b.Schedule) &&
		slices.Equal(a.Active, b.Active) &&
		slices.EqualFunc(a.Waiting, b.Waiting, func(x, y v1.Time) bool { return x.Equal(y.Time) }) &&
		slices.EqualFunc(a.Moved, b.Moved, func(x, y v1.Time) bool { return x.Equal(y.Time) }) &&
		slices.EqualFunc(a.Conditions, b.Conditions, func(x, y metav1.Condition) bool { return equalCondition(&x, &y) }) &&
		slices.EqualFunc(a.NotRun, b.NotRun, equalNotRun)
}

// onlySums reports whether the statuses differ only in what sums up the Job's Runs and can be computed again.
func onlySums(present, next *v1.JobStatus) bool {
	for _, kind := range []string{v1.JobAccepted, v1.JobScheduled, v1.JobCalendarsFound} {
		a, b := findCondition(present.Conditions, kind), findCondition(next.Conditions, kind)
		if a != b && (a == nil || b == nil || !equalCondition(a, b)) {
			return false
		}
	}
	same := *present
	same.Conditions = next.Conditions
	same.Active, same.ObservedRunRevision = next.Active, next.ObservedRunRevision
	same.Succeeded, same.Failed, same.ConsecutiveFailures = next.Succeeded, next.Failed, next.ConsecutiveFailures
	same.LastSuccessfulTime, same.LastFailureTime = next.LastSuccessfulTime, next.LastFailureTime
	same.Missed, same.Skipped = next.Missed, next.Skipped // What is told of them is in NotRun.
	return equalStatus(&same, next)
}

// prune deletes the ended Runs that the history has no place for. All of them have been counted: those that were counted just
// now go in the same transaction as the counts.
func (p *planner) prune() {
	if p.invalid != "" {
		return // What the user wants kept is not known.
	}
	h := &p.spec.History
	succeeded, failed := limitOf(h.Succeeded), limitOf(h.Failed)
	for _, run := range slices.Backward(p.in.Runs) {
		if run.Rev.Deleted() || p.earlier(run) || !ended(run) {
			continue
		}
		room := &failed
		if run.Object.Status.Phase == v1.RunSucceeded {
			room = &succeeded
		}
		if *room--; *room >= 0 && !p.outlived(run) {
			continue
		}
		if !p.spend() {
			return
		}
		p.discard = append(p.discard, run)
	}
}

func limitOf(n *int32) int {
	if n == nil {
		return v1.DefaultHistory
	}
	return int(*n)
}

// outlived reports whether the Run's time to be kept is over; if it is not, the plan wakes up when it is.
func (p *planner) outlived(run *store.Run) bool {
	ttl, finish := p.spec.History.TTL, finishOf(run)
	if ttl == nil || finish.IsZero() {
		return false
	}
	end := finish.Add(ttl.Duration)
	if end.After(p.now) {
		p.wakeAt(end)
		return false
	}
	return true
}
