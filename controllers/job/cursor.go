package job

import (
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/schedule"
	"horae/internal/store"
)

// instant is the grain of scheduled times: t less an instant is just before t.
const instant = schedule.Instant

// compiler is Input.Compile with a cache.
type compiler struct{ cache schedule.Cache }

func (c *compiler) compile(key store.Key, s v1.ScheduleStatus) (Occurrences, error) {
	compiled, err := c.cache.Parse(anchorOf(key, s))
	if err != nil {
		return nil, err // A nil *schedule.Schedule would be an Occurrences that is not nil.
	}
	return compiled, nil
}

// anchorOf returns all that a Job's schedule depends on.
func anchorOf(key store.Key, s v1.ScheduleStatus) schedule.Anchor {
	return schedule.Anchor{
		Expression: s.Expression, TimeZone: s.TimeZone, Since: s.Since.Time, HashKey: schedule.HashKey(key.Namespace, key.Name),
	}
}

// cursor returns the instant after which no occurrence has been handled.
func cursor(s *v1.ScheduleStatus, last *v1.Time) time.Time {
	from := schedule.Anchor{Expression: s.Expression, Since: s.Since.Time}.Begin()
	if last != nil && last.After(from) {
		from = last.Time
	}
	return from
}

// HandledUpTo returns the instant up to which a Job's schedule has handled its occurrences: nothing that it still does
// is about an earlier one, but for status.waiting and status.moved. ok is false if the Job has no schedule.
func HandledUpTo(s *v1.JobStatus) (at time.Time, ok bool) {
	if s.Schedule == nil {
		return time.Time{}, false
	}
	return cursor(s.Schedule, s.LastScheduleTime), true
}

// ScheduleOf returns a Job's present schedule as the controller has it; if it has not looked at it yet, as one that holds
// since the given time. The expression is empty if the Job has no schedule. It may be shared with the Job.
func ScheduleOf(job *v1.Job, since time.Time) *v1.ScheduleStatus {
	expression := strings.TrimSpace(job.Spec.Schedule)
	if s := job.Status.Schedule; s != nil && s.Expression == expression && s.TimeZone == job.Spec.TimeZone {
		return s
	}
	return &v1.ScheduleStatus{Expression: expression, TimeZone: job.Spec.TimeZone, Since: v1.NewTime(since)}
}

// AnchorOf returns all that the occurrences of a Job's schedule depend on. Without a schedule it is an anchor that
// cannot be parsed.
func AnchorOf(namespace, job string, s *v1.ScheduleStatus) schedule.Anchor {
	if s == nil {
		s = &v1.ScheduleStatus{}
	}
	return anchorOf(store.JobKey(namespace, job), *s)
}

// anchor finds the schedule that holds, and since when. A new or changed schedule holds from now on; that of a Job
// that is seen for the first time holds since the Job's creation.
func (p *planner) anchor() {
	if p.invalid != "" {
		return
	}
	present, next := p.next.Schedule, p.wantedSchedule()
	if next != nil {
		compiled, err := p.in.Compile(p.in.Job.Key, *next)
		if err != nil { // Validate accepted it, so the machine has changed: a zone file is gone.
			p.invalid = v1.Short("spec.schedule: " + err.Error())
			return
		}
		p.schedule = compiled
		p.warned = warningsOf(compiled)
		p.restrict(present != next)
	}
	if present != next {
		if present != nil {
			p.abandon(*present)
		}
		p.next.Schedule, p.next.Occurrences = next, 0
	}
}

// wantedSchedule returns the present anchor if the spec's schedule has not changed, and otherwise a new one; nil
// without a schedule.
func (p *planner) wantedSchedule() *v1.ScheduleStatus {
	expression := strings.TrimSpace(p.spec.Schedule)
	if expression == "" {
		return nil
	}
	if s := p.next.Schedule; s != nil && s.Expression == expression && s.TimeZone == p.spec.TimeZone {
		return s
	}
	since := p.now
	if created := p.in.Job.Object.CreationTimestamp.Time; p.next.ObservedGeneration == 0 && !created.IsZero() && created.Before(since) {
		since = created
	}
	since = since.Truncate(time.Second)
	anchor := schedule.Anchor{Expression: expression, TimeZone: p.spec.TimeZone, Since: since}
	if p.next.Schedule != nil && anchor.OccursAtAnchor() {
		// The first occurrence is the anchor itself. It must not be the instant of an occurrence that the former
		// schedule had just now, because the cursor has passed that.
		anchor.Since = since.Add(time.Second)
	}
	return &v1.ScheduleStatus{Expression: anchor.Expression, TimeZone: anchor.TimeZone, Since: v1.NewTime(anchor.Since)}
}

// abandon records as skipped what the former schedule had still to run.
func (p *planner) abandon(former v1.ScheduleStatus) {
	for _, o := range p.waiting {
		p.record(nil, o.ScheduledTime, o.ScheduledTime, 1, v1.RunSkipped, v1.ReasonScheduleChanged)
	}
	for _, t := range p.next.Moved {
		p.record(nil, t.Time, t.Time, 1, v1.RunSkipped, v1.ReasonScheduleChanged)
	}
	p.waiting, p.next.Moved = nil, nil
	if last := p.next.LastScheduleTime; last != nil && last.After(p.now) {
		p.next.LastScheduleTime = nil // The clock was set back. The new schedule starts from now all the same.
		return
	}
	compiled, err := p.in.Compile(p.in.Job.Key, former)
	if err != nil {
		return // It was accepted once. Without its zone file its occurrences are not known.
	}
	from := cursor(&former, p.next.LastScheduleTime)
	if to, ok := compiled.Prev(p.now); ok && to.After(from) {
		p.recordRange(compiled, from, to, v1.RunSkipped, v1.ReasonScheduleChanged)
		p.next.LastScheduleTime = v1.NewTimePtr(to)
	}
}

// warningsOf returns a warning about what in a schedule is legal but perhaps not meant; mostly "".
func warningsOf(o Occurrences) string {
	s, ok := o.(interface{ Warnings() []string })
	if !ok {
		return ""
	}
	list := s.Warnings()
	if len(list) == 0 {
		return ""
	}
	return v1.Short("spec.schedule: " + strings.Join(list, "; "))
}
