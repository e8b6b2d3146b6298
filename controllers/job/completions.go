package job

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// maxCompletions bounds the ends in status.completions.
const maxCompletions = 100

// publish adds an ended Run to status.completions, for the Jobs that depend on this one. It runs in the plan that
// counts the Run, so each end is listed once, whether or not history keeps the Run. An end that no Job depends on is
// not listed: a Job that begins to depend on this one later begins with the ends from then on.
func (p *planner) publish(run *store.Run) {
	if run.Rev.Deleted() || p.in.Job.Rev.StatusMod == 0 {
		// The spec of a Run that was deleted does not say any more whether it has dependents. A Job without a status is
		// new, or its status was deleted by hand: then all of its Runs are counted anew, and ended long ago.
		return
	}
	outcome, counts := CountsAs(p.spec, run.Object)
	if !counts {
		return
	}
	dependents := p.dependents()
	if !slices.ContainsFunc(dependents, func(d dependent) bool { return wants(d.on, outcome) }) {
		return
	}
	next := v1.Completions{Last: 1}
	var ends []v1.Completion
	if c := p.next.Completions; c != nil {
		next.Last = c.Last + 1
		ends = unseen(c, dependents)
	}
	ends = append(slices.Clip(ends), v1.Completion{
		Run: run.Key.Name, Outcome: outcome, ScheduledTime: run.Object.Spec.ScheduledTime,
		FinishTime: v1.NewTime(finishOf(run)), Revision: run.Rev.StatusMod,
	})
	if over := len(ends) - maxCompletions; over > 0 {
		ends = ends[over:] // A Job that has not seen them records that: see unlisted.
	}
	next.Ends = ends
	p.next.Completions = &next
}

// unseen returns the ends that some dependent may not have seen.
func unseen(c *v1.Completions, dependents []dependent) []v1.Completion {
	seen := c.Last
	for _, d := range dependents {
		seen = min(seen, d.seen)
	}
	first := c.Last - int64(len(c.Ends)) + 1
	return c.Ends[min(max(seen-first+1, 0), int64(len(c.Ends))):]
}

// dependent is what a plan knows of a Job that depends on this one.
type dependent struct {
	on   v1.DependencyOutcome
	seen int64 // the number of the last end that it has seen
}

// dependents are the Jobs that depend on this one. They are looked up when a Run is counted, and once in a plan.
func (p *planner) dependents() []dependent {
	if p.knowsDependents || p.in.Dependents == nil {
		return p.dependOnThis
	}
	p.knowsDependents = true
	name := p.in.Job.Key.Name
	for _, job := range p.in.Dependents() {
		d := dependent{}
		status := statusOfParent(job.Object.Status.Parents, name)
		if status != nil {
			d.on = status.On
			if status.Created == p.in.Job.Rev.SpecCreate {
				d.seen = status.Seen
			}
		}
		for _, dep := range job.Object.Spec.DependsOn {
			if dep.Job == name {
				d.on = dep.On
			}
		}
		p.dependOnThis = append(p.dependOnThis, d)
	}
	return p.dependOnThis
}

func statusOfParent(list []v1.ParentStatus, name string) *v1.ParentStatus {
	for i := range list {
		if list[i].Job == name {
			return &list[i]
		}
	}
	return nil
}
