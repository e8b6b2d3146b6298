package job

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// admit applies spec.concurrencyPolicy to an occasion that is due now. One that may run joins those that wait; start
// makes its Run.
func (p *planner) admit(o Occasion) {
	waiting := len(p.waiting)
	switch {
	case p.expired(o):
		p.recordOne(o, v1.RunMissed, v1.ReasonStartingDeadline)
		return
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyAllow:
	case p.joinsCatchUp():
		if waiting >= p.in.Settings.MissedLimit {
			p.recordOne(p.waiting[0], v1.RunMissed, v1.ReasonTooManyMissed)
			p.waiting = p.waiting[1:]
		}
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyQueue:
		room := 1
		if p.overlapping() == 0 {
			room = 2 // One of them starts at once.
		}
		if waiting >= room {
			p.recordOne(o, v1.RunSkipped, v1.ReasonQueueFull)
			return
		}
	case p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace:
		p.recordEach(p.waiting, v1.RunSkipped, v1.ReasonReplaced)
		p.waiting = nil
		p.cancelActive()
	case p.overlapping()+waiting > 0: // Forbid
		p.recordOne(o, v1.RunSkipped, v1.ReasonOverlap)
		return
	}
	p.waiting = append(p.waiting, o)
}

// joinsCatchUp reports whether an occasion that is due now waits for its turn, however many wait before it.
// missedRuns: All means every occurrence, one at a time. If occurrences that come due during a catch-up were skipped,
// it would never be complete. Under Replace an occasion waits only behind others that wait; otherwise it replaces the
// active Run.
func (p *planner) joinsCatchUp() bool {
	return p.spec.MissedRuns == v1.MissedRunsAll && (p.spec.ConcurrencyPolicy != v1.ConcurrencyReplace || len(p.waiting) > 0)
}

// cancelActive cancels the active Runs, as many as the budget allows. start cancels the others in the next plans.
func (p *planner) cancelActive() {
	for _, run := range p.active {
		if backfilled(run) {
			continue
		}
		if !run.Rev.Deleted() && run.Err == nil && !cancelled(run) && !slices.Contains(p.cancel, run) && p.spend(run.Object) {
			p.cancel = append(p.cancel, run)
		}
	}
}

// backfilled reports whether a Backfill made the Run. Such Runs are beside the schedule: concurrencyPolicy neither
// counts nor replaces them, so that no occurrence is skipped or has to wait because of a Backfill.
func backfilled(run *store.Run) bool { return run.Object.Spec.Reason == v1.ReasonBackfill }

// overlapping returns how many active Runs concurrencyPolicy counts.
func (p *planner) overlapping() int {
	n := 0
	for _, run := range p.active {
		if !backfilled(run) {
			n++
		}
	}
	return n
}

func cancelled(run *store.Run) bool { return run.Object.Spec.Cancel }

// start creates Runs for the occasions that wait, oldest first, while there is room.
func (p *planner) start() {
	if p.blocked != "" || p.schedule == nil || len(p.waiting) == 0 {
		return
	}
	replaced := func(run *store.Run) bool { return cancelled(run) && !backfilled(run) }
	if p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace && slices.ContainsFunc(p.active, replaced) {
		p.cancelActive() // One transaction had no room for all of them.
	}
	var wait []Occasion
	for _, o := range p.waiting {
		switch {
		case p.expired(o):
			p.recordOne(o, v1.RunMissed, v1.ReasonStartingDeadline)
		case len(wait) > 0 || !p.startOne(o, RunOptions{StartBy: p.startBy(o)}):
			wait = append(wait, o)
			if by := p.startBy(o); !by.IsZero() {
				p.wake.At(by.Add(instant))
			}
		}
	}
	p.waiting = wait
}

// startOne reports whether the occasion is settled: its Run exists or is created, or the reason why there cannot be
// one is recorded.
func (p *planner) startOne(o Occasion, opts RunOptions) bool {
	job := p.in.Job.Object
	name := o.RunName(job.Name)
	switch run := p.find(name); {
	case run == nil:
	case run.Rev.Deleted():
		return false // The name is free once the run controller has cleaned up.
	case run.Err != nil || run.Object.Spec.Job != job.Name:
		p.recordOne(o, v1.RunSkipped, v1.ReasonNameTaken)
		return true
	case p.earlier(run):
		return false // It is being deleted.
	default:
		return true // I3: this is its Run already.
	}
	if p.spec.ConcurrencyPolicy != v1.ConcurrencyAllow && p.overlapping()+len(p.create) > 0 {
		return false
	}
	run := NewRun(job, o, opts, p.now)
	if !p.spend(run) {
		return false
	}
	p.create = append(p.create, run)
	p.next.ActiveCount++
	if len(p.next.Active) < maxActive {
		p.next.Active = append(slices.Clip(p.next.Active), name)
	}
	return true
}

// find returns the Run of that name, of whichever Job; nil if there is none.
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
