package job

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

// accept decides whether the spec is valid. A spec that was accepted in this generation stays accepted.
func (p *planner) accept() {
	entry := p.in.Job
	accepted := condition.Find(p.next.Conditions, v1.JobAccepted)
	switch {
	case entry.Err != nil:
		p.invalid = v1.Short(entry.Err.Error())
	case p.in.TooLarge != nil:
		p.invalid = v1.Short(fmt.Sprintf("spec: etcd does not take what this Job needs to be written: %v", p.in.TooLarge))
	case accepted == nil || accepted.Status != metav1.ConditionTrue || p.next.ObservedGeneration != entry.Rev.SpecVersion:
		if errs := Validate(entry.Object); len(errs) > 0 {
			p.invalid = v1.Short(v1.AsError(errs).Error())
		} else if n, most := sizeOf(NewRun(entry.Object, Scheduled(p.now), RunOptions{}, p.now)), maxRunOf(p.spec); n > most {
			p.invalid = fmt.Sprintf("spec: is too large: a Run of this Job takes %d bytes, and must take at most %d", n, most)
		}
	}
}

// forecast sets status.nextScheduleTime and the conditions.
func (p *planner) forecast() {
	p.next.ObservedGeneration = p.in.Job.Rev.SpecVersion
	if p.invalid != "" {
		p.condition(v1.JobAccepted, metav1.ConditionFalse, v1.ReasonInvalid, p.invalid)
	} else {
		p.condition(v1.JobAccepted, metav1.ConditionTrue, v1.ReasonValid, p.warnings())
	}
	p.calendarsFound()
	p.parentsFound()
	next, ok := p.following()
	if !ok {
		p.next.NextScheduleTime = nil
	} else if at := p.next.NextScheduleTime; at == nil || !at.Equal(next) {
		p.next.NextScheduleTime = v1.NewTimePtr(next)
	}
	p.condition(p.scheduled(ok))
}

// warnings returns what in an accepted spec is perhaps not meant.
func (p *planner) warnings() string {
	list := v1.WarningsJob(p.in.Job.Object)
	if p.warned != "" {
		list = append(list, p.warned)
	}
	return v1.Short(strings.Join(list, "; "))
}

// following returns the next occurrence that is to run, on its own day or on the one that it is moved to. It has the
// plan wake up when there is something to handle.
func (p *planner) following() (time.Time, bool) {
	if p.schedule == nil || p.blocked != "" {
		return time.Time{}, false
	}
	next, ok := p.schedule.Next(cursor(p.next.Schedule, p.next.LastScheduleTime))
	if ok {
		p.wake.At(p.dueAt(Scheduled(next)))
	}
	for _, t := range p.next.Moved {
		p.wake.At(p.dueAt(Scheduled(t.Time)))
	}
	p.wakeForExcluded()
	if moved, found := p.followingMoved(); found && (!ok || moved.Before(next)) {
		next, ok = moved, true
	}
	return next, ok
}

// scheduled returns the condition Scheduled; more reports whether there is a next occurrence.
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
		return no(p.blocked, fmt.Sprintf("%d Runs failed in a row (spec.suspendAfterFailures is %d); to go on: "+
			"horae resume, any other write of the spec, or a manual Run that succeeds",
			p.next.ConsecutiveFailures, *p.spec.SuspendAfterFailures))
	case p.blocked == v1.ReasonCycle:
		return no(p.blocked, "it depends on itself: see the condition ParentsFound")
	case p.schedule == nil && len(p.spec.DependsOn) > 0:
		return no(v1.ReasonDependsOn, dependsOnText(p.spec))
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

// condition sets a condition.
func (p *planner) condition(kind string, status metav1.ConditionStatus, reason, message string) {
	p.next.Conditions = condition.Set(p.next.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: p.in.Job.Rev.SpecVersion,
	}, p.now)
}
