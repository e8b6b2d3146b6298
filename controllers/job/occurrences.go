package job

import (
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// instant is the grain of scheduled times: t less an instant is just before t.
const instant = time.Microsecond

// anchor finds the schedule that holds, and since when. A new or changed one holds from now on; a Job that is seen for the first
// time has had its schedule since it was created.
func (p *planner) anchor() {
	if p.invalid != "" {
		return
	}
	present, next := p.next.Schedule, p.wantedSchedule()
	if next != nil {
		compiled, err := p.in.Compile(p.in.Job.Key, *next)
		if err != nil { // Validate found nothing wrong, so that this is about the machine: a zone file that went away.
			p.invalid = v1.Short("spec.schedule: " + err.Error())
			return
		}
		p.schedule = compiled
		p.warned = warningsOf(compiled)
		p.restrict(present != next)
	}
	if present != next {
		if present != nil {
			p.forsake(*present)
		}
		p.next.Schedule, p.next.Occurrences = next, 0
	}
}

// wantedSchedule is the present anchor if the spec still says the same, otherwise a new one; nil without a schedule.
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
	if p.next.Schedule != nil && anchored(expression) {
		// Its first occurrence is its anchor: not one that the former schedule had just now, which the cursor has passed.
		since = since.Add(time.Second)
	}
	return &v1.ScheduleStatus{Expression: expression, TimeZone: p.spec.TimeZone, Since: v1.NewTime(since)}
}

// forsake tells of what the former schedule leaves undone.
func (p *planner) forsake(former v1.ScheduleStatus) {
	for _, t := range p.next.Waiting {
		p.tell(nil, t.Time, t.Time, 1, v1.RunSkipped, v1.ReasonScheduleChanged)
	}
	for _, t := range p.next.Moved {
		p.tell(nil, t.Time, t.Time, 1, v1.RunSkipped, v1.ReasonScheduleChanged)
	}
	p.next.Waiting, p.next.Moved = nil, nil
	if last := p.next.LastScheduleTime; last != nil && last.After(p.now) {
		p.next.LastScheduleTime = nil // The clock went back: the new schedule is not bound by what it did before.
		return
	}
	compiled, err := p.in.Compile(p.in.Job.Key, former)
	if err != nil {
		return // It was accepted once; without its zone file nobody can say what it would have fired.
	}
	from := cursor(&former, p.next.LastScheduleTime)
	if to, ok := compiled.Prev(p.now); ok && to.After(from) {
		p.tellRange(compiled, from, to, v1.RunSkipped, v1.ReasonScheduleChanged)
		p.next.LastScheduleTime = v1.NewTimePtr(to)
	}
}

// anchored reports whether the first occurrence of a schedule is its anchor itself: R//period.
func anchored(expression string) bool { return strings.Contains(expression, "//") }

// cursor is the instant after which nothing has been handled yet.
func cursor(s *v1.ScheduleStatus, last *v1.Time) time.Time {
	from := s.Since.Time
	if anchored(s.Expression) {
		from = from.Add(-instant)
	}
	if last != nil && last.After(from) {
		from = last.Time
	}
	return from
}

// block finds out whether something keeps the schedule from starting Runs, and whether something did until now.
func (p *planner) block() {
	if c := findCondition(p.next.Conditions, v1.JobScheduled); c != nil {
		switch c.Reason {
		case v1.ReasonNotAccepted, v1.ReasonSuspended, v1.ReasonTooManyFailures:
			p.held = c.Reason
		}
	}
	if p.held == v1.ReasonTooManyFailures && p.in.Job.Rev.SpecVersion != p.next.ObservedGeneration {
		p.next.ConsecutiveFailures = 0 // The user has seen to it: a fresh start.
	}
	limit := p.spec.SuspendAfterFailures
	switch {
	case p.invalid != "":
		p.blocked = v1.ReasonNotAccepted
	case p.spec.Suspend:
		p.blocked = v1.ReasonSuspended
	case limit != nil && p.next.ConsecutiveFailures >= int64(*limit):
		p.blocked = v1.ReasonTooManyFailures
	}
}

// take handles every occurrence that has come due. While the Job is blocked they are left: what passes then is handled when it is
// not any more.
func (p *planner) take() {
	if p.schedule == nil || p.blocked != "" {
		return
	}
	// 1. What has come due, and what of it came in time.
	from := cursor(p.next.Schedule, p.next.LastScheduleTime)
	due := p.lastDue(from, p.now)
	late := due
	if p.held == "" {
		late = p.lastDue(from, p.lateBefore())
	}
	// 2. What lies on days on which the Job's Calendars let nothing run: by spec.calendars.onExcluded.
	passed := p.passOver(from, due)
	lateMoved, moved := p.dueMoved()
	// 3. What passed while nothing could run: by spec.missedRuns.
	p.takeLate(from, late, lateMoved, due.After(late) || len(moved) > 0)
	// 4. What comes now: by spec.concurrencyPolicy.
	for _, t := range moved {
		p.come(t.Time)
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

// lateBefore: what was due by then passed in downtime.
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

// lastDue is the last occurrence after from that was due by the given time, jitter included; from itself if there is none.
func (p *planner) lastDue(from, by time.Time) time.Time {
	t, ok := p.schedule.Prev(by)
	if ok && t.After(from) && p.dueAt(t).After(by) {
		t, ok = p.schedule.Prev(t.Add(-instant)) // Due by t at the latest: see dueAt.
	}
	if !ok || !t.After(from) {
		return from
	}
	return t
}

// dueAt is when the occurrence is due: its time and its share of the jitter.
func (p *planner) dueAt(t time.Time) time.Time {
	all := p.schedule
	if p.days != nil {
		all = p.days.all
	}
	return dueOf(p.in.Job.Key, all, p.spec.Jitter, t)
}

// dueOf is dueAt, given all that the schedule names on whatever day. The jitter ends where the next occurrence begins: occurrences are due
// in order, and a jitter longer than the period neither bunches them nor uses up their starting deadline.
func dueOf(key store.Key, all Occurrences, jitter *v1.Duration, t time.Time) time.Time {
	if jitter == nil {
		return t
	}
	spread := jitter.Duration
	if all != nil {
		if next, ok := all.Next(t); ok {
			spread = min(spread, next.Sub(t))
		}
	}
	return t.Add(jitterOf(key, t, spread))
}

// startBy is when the occurrence must have started; zero: there is no such time.
func (p *planner) startBy(t time.Time) time.Time {
	if p.spec.StartingDeadline == nil {
		return time.Time{}
	}
	return p.dueAt(t).Add(p.spec.StartingDeadline.Duration)
}

func (p *planner) expired(t time.Time) bool {
	by := p.startBy(t)
	return !by.IsZero() && by.Before(p.now)
}

// takeLate applies spec.missedRuns to the occurrences after from and up to to, and to those that were moved, which passed while
// nothing could run, and to those that waited when the Job was blocked. newer: there are later ones, which come now.
func (p *planner) takeLate(from, to time.Time, moved []v1.Time, newer bool) {
	outcome, reason := v1.RunMissed, v1.ReasonDowntime
	var waited []v1.Time
	if p.held != "" {
		outcome, reason = v1.RunSkipped, p.held
		waited, p.next.Waiting = p.next.Waiting, nil
	}
	if d := p.spec.StartingDeadline; d != nil {
		if over := p.lastDue(from, p.now.Add(-d.Duration-instant)); over.After(from) {
			if over.After(to) {
				over = to
			}
			p.tellRange(p.schedule, from, over, v1.RunMissed, v1.ReasonStartingDeadline)
			from = over
		}
	}
	passed := to.After(from)
	switch {
	case p.spec.MissedRuns == v1.MissedRunsAll:
		p.backlog(waited, from, to)
		for _, t := range moved {
			p.next.Waiting = insertTime(p.next.Waiting, t)
		}
	case p.spec.MissedRuns == v1.MissedRunsNone || newer:
		p.tellEach(waited, outcome, reason)
		p.tellRange(p.schedule, from, to, outcome, reason)
		p.tellEach(moved, outcome, reason)
	case len(moved) > 0 && (!passed || moved[len(moved)-1].After(to)):
		p.tellEach(waited, outcome, reason)
		p.tellRange(p.schedule, from, to, outcome, reason)
		p.tellEach(moved[:len(moved)-1], outcome, reason)
		p.come(moved[len(moved)-1].Time)
	case passed:
		p.tellEach(waited, outcome, reason)
		p.tellEach(moved, outcome, reason)
		if before, ok := p.schedule.Prev(to.Add(-instant)); ok {
			p.tellRange(p.schedule, from, before, outcome, reason)
		}
		p.come(to)
	case len(waited) > 0:
		p.tellEach(waited[:len(waited)-1], outcome, reason)
		p.next.Waiting = waited[len(waited)-1:]
	}
}

// backlog lets the occurrences after from and up to to wait for their turn, after those that waited already. Above the
// limit the oldest are Missed.
func (p *planner) backlog(waited []v1.Time, from, to time.Time) {
	limit := p.in.Settings.MissedLimit
	var times []v1.Time
	t, ok := to, to.After(from)
	for ; ok && t.After(from) && len(times) < limit; t, ok = p.schedule.Prev(t.Add(-instant)) {
		times = append(times, v1.NewTime(t))
	}
	slices.Reverse(times)
	if over := len(waited) + len(times) - limit; over > 0 {
		over = min(over, len(waited))
		p.tellEach(waited[:over], v1.RunMissed, v1.ReasonTooManyMissed)
		waited = waited[over:]
	}
	if ok && t.After(from) {
		p.tellRange(p.schedule, from, t, v1.RunMissed, v1.ReasonTooManyMissed)
	}
	p.next.Waiting = slices.Concat(p.next.Waiting, waited, times)
}

// takeOnTime takes the occurrences after from and up to to, one by one.
func (p *planner) takeOnTime(from, to time.Time) {
	if over := p.schedule.Count(from, to) - p.in.Settings.MissedLimit; over > 0 {
		first := from
		for ; over > 0; over-- {
			from, _ = p.schedule.Next(from)
		}
		p.tellRange(p.schedule, first, from, v1.RunMissed, v1.ReasonTooManyMissed)
	}
	for t, ok := p.schedule.Next(from); ok && !t.After(to); t, ok = p.schedule.Next(t) {
		p.come(t)
	}
}

// come applies spec.concurrencyPolicy to an occurrence that comes now. What may run joins those that wait; start does the rest.
func (p *planner) come(t time.Time) {
	waiting := len(p.next.Waiting)
	switch {
	case p.expired(t):
		p.tell(p.schedule, t, t, 1, v1.RunMissed, v1.ReasonStartingDeadline)
		return
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyAllow:
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyQueue:
		room := 1
		if len(p.active) == 0 {
			room = 2 // One of them starts at once.
		}
		if waiting >= room {
			p.tell(p.schedule, t, t, 1, v1.RunSkipped, v1.ReasonQueueFull)
			return
		}
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace:
		p.tellEach(p.next.Waiting, v1.RunSkipped, v1.ReasonReplaced)
		p.next.Waiting = nil
		p.cancelActive()
	case len(p.active)+waiting > 0: // Forbid
		p.tell(p.schedule, t, t, 1, v1.RunSkipped, v1.ReasonOverlap)
		return
	}
	p.next.Waiting = append(slices.Clip(p.next.Waiting), v1.NewTime(t))
}

// cancelActive has the active Runs killed, as many as the budget allows: start goes on with the others.
func (p *planner) cancelActive() {
	for _, run := range p.active {
		if !run.Rev.Deleted() && run.Err == nil && !cancelled(run) && !slices.Contains(p.cancel, run) && p.spend() {
			p.cancel = append(p.cancel, run)
		}
	}
}

func cancelled(run *store.Run) bool { return run.Object.Spec.Cancel }

// start makes Runs of the occurrences that wait and have room, oldest first.
func (p *planner) start() {
	if p.blocked != "" || p.schedule == nil || len(p.next.Waiting) == 0 {
		return
	}
	if p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace && slices.ContainsFunc(p.active, cancelled) {
		p.cancelActive() // There were more of them than one transaction takes.
	}
	var wait []v1.Time
	for _, t := range p.next.Waiting {
		switch {
		case p.expired(t.Time):
			p.tell(p.schedule, t.Time, t.Time, 1, v1.RunMissed, v1.ReasonStartingDeadline)
		case len(wait) > 0 || !p.startOne(t.Time):
			wait = append(wait, t)
			if by := p.startBy(t.Time); !by.IsZero() {
				p.wakeAt(by.Add(instant))
			}
		}
	}
	p.next.Waiting = wait
}

// startOne reports whether the occurrence is settled: it has its Run, or it was told why it cannot have one.
func (p *planner) startOne(t time.Time) bool {
	job := p.in.Job.Object
	name := RunName(job.Name, t)
	switch run := p.find(name); {
	case run == nil:
	case run.Rev.Deleted():
		return false // Its name is free once the run controller is done with it.
	case run.Err != nil || run.Object.Spec.Job != job.Name:
		p.tell(p.schedule, t, t, 1, v1.RunSkipped, v1.ReasonNameTaken)
		return true
	case p.earlier(run):
		return false // It is on its way out.
	default:
		return true // I3: this is its Run already.
	}
	if p.spec.ConcurrencyPolicy != v1.ConcurrencyAllow && len(p.active)+len(p.create) > 0 {
		return false
	}
	if !p.spend() {
		return false
	}
	p.create = append(p.create, NewRun(job, Trigger{Reason: v1.ReasonSchedule, ScheduledTime: t, StartBy: p.startBy(t)}, p.now))
	p.next.Active = append(slices.Clip(p.next.Active), name)
	return true
}

// find is the Run of that name, whosever it is; nil: there is none.
func (p *planner) find(name string) *store.Run {
	for _, run := range p.in.Runs {
		if run.Key.Name == name {
			return run
		}
	}
	if p.in.Lookup == nil {
		return nil
	}
	return p.in.Lookup(name)
}
