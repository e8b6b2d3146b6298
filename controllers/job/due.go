package job

import (
	"time"

	v1 "horae/api/v1"
)

// take handles every occurrence that has come due. While the Job is blocked it handles none: what passes then is
// handled when the Job is no longer blocked.
func (p *planner) take() {
	if p.schedule == nil || p.blocked != "" {
		return
	}
	// 1. Which occurrences have come due, and which of them are late.
	from := cursor(p.next.Schedule, p.next.LastScheduleTime)
	due := p.lastDue(from, p.now)
	late := due
	if p.held == "" {
		late = p.lastDue(from, p.lateBefore())
	}
	// 2. Those on excluded days: by spec.calendars.onExcluded.
	passed := p.takeExcluded(from, due)
	lateMoved, moved := p.takeMoved()
	// 3. Those that passed while nothing could run: by spec.missedRuns.
	p.takePassed(from, late, lateMoved, due.After(late) || len(moved) > 0)
	// 4. Those that are due now: by spec.concurrencyPolicy.
	for _, o := range moved {
		p.admit(o)
	}
	p.takeOnTime(late, due)
	// 5. The cursor.
	if due.After(from) {
		p.next.Occurrences += int64(p.schedule.Count(from, due))
	}
	if passed.After(from) {
		p.next.LastScheduleTime = v1.NewTimePtr(passed)
	}
}

// lateBefore returns the instant up to which occurrences that were due passed in downtime.
func (p *planner) lateBefore() time.Time {
	t := p.now.Add(-p.in.Settings.MaxLag)
	if p.in.UpSince.After(t) {
		t = p.in.UpSince
	}
	if t.After(p.now) {
		t = p.now
	}
	return t.Add(-instant)
}

// lastDue returns the last occurrence after from that was due by the given time, jitter included; from if there is
// none.
func (p *planner) lastDue(from, by time.Time) time.Time {
	t, ok := p.schedule.Prev(by)
	if ok && t.After(from) && p.dueAt(Scheduled(t)).After(by) {
		t, ok = p.schedule.Prev(t.Add(-instant)) // It was due by t at the latest: see withJitter.
	}
	if !ok || !t.After(from) {
		return from
	}
	return t
}

// dueAt returns when the occasion is due; one without a scheduled time is due at once.
func (p *planner) dueAt(o Occasion) time.Time {
	if !o.Due.IsZero() {
		return o.Due
	}
	if o.ScheduledTime.IsZero() {
		return p.now
	}
	all := p.schedule
	if p.days != nil {
		all = p.days.All
	}
	return withJitter(p.in.Job.Key, all, p.spec.Jitter, o.ScheduledTime)
}

// startBy returns when the occasion's Run must have started at the latest; zero without a starting deadline.
func (p *planner) startBy(o Occasion) time.Time {
	if p.spec.StartingDeadline == nil {
		return time.Time{}
	}
	return p.dueAt(o).Add(p.spec.StartingDeadline.Duration)
}

func (p *planner) expired(o Occasion) bool {
	by := p.startBy(o)
	return !by.IsZero() && by.Before(p.now)
}

// takeOnTime admits the occurrences after from and up to to, one by one. Beyond the limit the oldest are missed.
func (p *planner) takeOnTime(from, to time.Time) {
	if over := p.schedule.Count(from, to) - p.in.Settings.MissedLimit; over > 0 {
		first := from
		for ; over > 0; over-- {
			from, _ = p.schedule.Next(from)
		}
		p.recordRange(p.schedule, first, from, v1.RunMissed, v1.ReasonTooManyMissed)
	}
	for t, ok := p.schedule.Next(from); ok && !t.After(to); t, ok = p.schedule.Next(t) {
		p.admit(Scheduled(t))
	}
}
