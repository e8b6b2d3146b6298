package job

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// admit applies spec.concurrencyPolicy to an occasion that comes now. What may run joins those that wait; start does the rest.
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
		if len(p.active) == 0 {
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
	case len(p.active)+waiting > 0: // Forbid
		p.recordOne(o, v1.RunSkipped, v1.ReasonOverlap)
		return
	}
	p.waiting = append(p.waiting, o)
}

// joinsCatchUp reports whether an occasion that comes now waits for its turn, however many wait before it. missedRuns: All asks for
// every occurrence, one at a time: were those that come due during a catch-up skipped, it would never be complete. Replace does so
// only behind others that wait: alone, it takes the place of the active Run.
func (p *planner) joinsCatchUp() bool {
	return p.spec.MissedRuns == v1.MissedRunsAll && (p.spec.ConcurrencyPolicy != v1.ConcurrencyReplace || len(p.waiting) > 0)
}

// cancelActive has the active Runs killed, as many as the budget allows: start goes on with the others.
func (p *planner) cancelActive() {
	for _, run := range p.active {
		if !run.Rev.Deleted() && run.Err == nil && !cancelled(run) && !slices.Contains(p.cancel, run) && p.spend(run.Object) {
			p.cancel = append(p.cancel, run)
		}
	}
}

func cancelled(run *store.Run) bool { return run.Object.Spec.Cancel }

// start makes Runs of the occasions that wait and have room, oldest first.
func (p *planner) start() {
	if p.blocked != "" || p.schedule == nil || len(p.waiting) == 0 {
		return
	}
	if p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace && slices.ContainsFunc(p.active, cancelled) {
		p.cancelActive() // There were more of them than one transaction takes.
	}
	var wait []Occasion
	for _, o := range p.waiting {
		switch {
		case p.expired(o):
			p.recordOne(o, v1.RunMissed, v1.ReasonStartingDeadline)
		case len(wait) > 0 || !p.startOne(o):
			wait = append(wait, o)
			if by := p.startBy(o); !by.IsZero() {
				p.wakeAt(by.Add(instant))
			}
		}
	}
	p.waiting = wait
}

// startOne reports whether the occasion is settled: it has its Run, or it is recorded why it cannot have one.
func (p *planner) startOne(o Occasion) bool {
	job := p.in.Job.Object
	name := o.RunName(job.Name)
	switch run := p.find(name); {
	case run == nil:
	case run.Rev.Deleted():
		return false // Its name is free once the run controller is done with it.
	case run.Err != nil || run.Object.Spec.Job != job.Name:
		p.recordOne(o, v1.RunSkipped, v1.ReasonNameTaken)
		return true
	case p.earlier(run):
		return false // It is on its way out.
	default:
		return true // I3: this is its Run already.
	}
	if p.spec.ConcurrencyPolicy != v1.ConcurrencyAllow && len(p.active)+len(p.create) > 0 {
		return false
	}
	run := NewRun(job, o, RunOptions{StartBy: p.startBy(o)}, p.now)
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
