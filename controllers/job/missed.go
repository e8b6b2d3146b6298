package job

import (
	"slices"
	"time"

	v1 "horae/api/v1"
)

// takePassed applies spec.missedRuns to what passed while nothing could run: the occurrences after from and up to to,
// those that were moved, and those that waited when the Job was blocked. newer: there are later ones, which are due
// now.
func (p *planner) takePassed(from, to time.Time, moved []Occasion, newer bool) {
	outcome, reason := v1.RunMissed, v1.ReasonDowntime
	var waited []Occasion
	if p.held != "" {
		outcome, reason = v1.RunSkipped, p.held
		waited, p.waiting = p.waiting, nil
	}
	if d := p.spec.StartingDeadline; d != nil {
		if over := p.lastDue(from, p.now.Add(-d.Duration-instant)); over.After(from) {
			if over.After(to) {
				over = to
			}
			p.recordRange(p.schedule, from, over, v1.RunMissed, v1.ReasonStartingDeadline)
			from = over
		}
	}
	passed := to.After(from)
	switch {
	case p.spec.MissedRuns == v1.MissedRunsAll:
		p.catchUp(waited, from, to)
		for _, o := range moved {
			p.waiting = insertOccasion(p.waiting, o)
		}
	case p.spec.MissedRuns == v1.MissedRunsNone || newer:
		p.recordEach(waited, outcome, reason)
		p.recordRange(p.schedule, from, to, outcome, reason)
		p.recordEach(moved, outcome, reason)
	case len(moved) > 0 && (!passed || moved[len(moved)-1].ScheduledTime.After(to)):
		p.recordEach(waited, outcome, reason)
		p.recordRange(p.schedule, from, to, outcome, reason)
		p.recordEach(moved[:len(moved)-1], outcome, reason)
		p.admit(moved[len(moved)-1])
	case passed:
		p.recordEach(waited, outcome, reason)
		p.recordEach(moved, outcome, reason)
		if before, ok := p.schedule.Prev(to.Add(-instant)); ok {
			p.recordRange(p.schedule, from, before, outcome, reason)
		}
		p.admit(Scheduled(to))
	case len(waited) > 0:
		p.recordEach(waited[:len(waited)-1], outcome, reason)
		p.waiting = waited[len(waited)-1:]
	}
}

// catchUp has the occurrences after from and up to to wait for their turn, after those that waited already. Beyond the
// limit the oldest are recorded as missed.
func (p *planner) catchUp(waited []Occasion, from, to time.Time) {
	limit := p.in.Settings.MissedLimit
	var passed []Occasion
	t, ok := to, to.After(from)
	for ; ok && t.After(from) && len(passed) < limit; t, ok = p.schedule.Prev(t.Add(-instant)) {
		passed = append(passed, Scheduled(t))
	}
	slices.Reverse(passed)
	if over := len(waited) + len(passed) - limit; over > 0 {
		over = min(over, len(waited))
		p.recordEach(waited[:over], v1.RunMissed, v1.ReasonTooManyMissed)
		waited = waited[over:]
	}
	if ok && t.After(from) {
		p.recordRange(p.schedule, from, t, v1.RunMissed, v1.ReasonTooManyMissed)
	}
	p.waiting = slices.Concat(p.waiting, waited, passed)
}

// insertOccasion inserts an occasion into a list ordered by scheduled time, unless it is in the list already.
func insertOccasion(list []Occasion, o Occasion) []Occasion {
	i, found := slices.BinarySearchFunc(list, o, func(a, b Occasion) int { return a.ScheduledTime.Compare(b.ScheduledTime) })
	if found {
		return list
	}
	return slices.Insert(list, i, o)
}
