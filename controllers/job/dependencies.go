package job

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
	"horae/internal/store"
)

// Bounds of the ends that one Job banks, because they are part of its status: of one parent, and about of all.
const (
	maxBankedOfOne = 100
	maxBanked      = 1500
)

// bankLimit is how many ends of each parent are banked at most.
func bankLimit(parents int) int { return min(max(maxBanked/max(parents, 1), 1), maxBankedOfOne) }

// pendingEnd is an end in a parent's status that this Job has not seen.
type pendingEnd struct {
	parent int // its index in p.parents
	number int64
	end    *v1.Completion
}

// follow takes the ends of the parents' Runs, one after the other in the order in which they were written, and makes a
// Run whenever spec.dependencyPolicy is met. So the outcome is the same whether this Job was planned after each of them
// or after all. While the Job is blocked they are only banked.
func (p *planner) follow() {
	if p.invalid != "" {
		return // What the user wants to depend on is not known.
	}
	p.listParents()
	if len(p.parents) == 0 {
		return
	}
	pending := p.pendingEnds()
	if p.blocked == "" && p.held == "" {
		p.join() // What was banked may have got room.
	}
	for _, e := range pending {
		if p.spent {
			break // This plan makes no more Runs. Another one follows at once, and goes on here.
		}
		p.see(e)
		if p.blocked == "" && p.held == "" {
			p.join()
		}
	}
	if p.blocked == "" && p.held != "" {
		p.joinPassed()
		p.join()
	}
	p.next.Parents = p.parents
}

// listParents sets p.parents to an entry for each Job in spec.dependsOn: the present one if there is one. What was
// banked of other Jobs is dropped, and recorded.
func (p *planner) listParents() {
	present := p.next.Parents
	p.parents = nil
	if len(p.spec.DependsOn) == 0 {
		for i := range present {
			p.dropBanked(&present[i])
		}
		p.next.Parents = nil
		return
	}
	byName := make(map[string]*v1.ParentStatus, len(present))
	for i := range present {
		byName[present[i].Job] = &present[i]
	}
	since := p.in.Job.Rev.SpecMod
	if p.in.Job.Rev.StatusMod == 0 {
		since = p.in.Job.Rev.SpecCreate // It may have been edited before its first plan.
	}
	p.firstSight = make([]bool, len(p.spec.DependsOn))
	p.formerOn = make([]v1.DependencyOutcome, len(p.spec.DependsOn))
	for i, d := range p.spec.DependsOn {
		at := v1.ParentStatus{Job: d.Job, Since: since}
		p.formerOn[i] = d.On
		if known := byName[d.Job]; known != nil {
			at = *known
			p.formerOn[i] = known.On
			delete(byName, d.Job)
		} else {
			p.firstSight[i] = true
		}
		at.On = d.On
		if parent := p.parent(i); parent != nil && at.Created != parent.Rev.SpecCreate {
			if at.Created != 0 { // Another Job of the same name. None of its Runs is from before.
				p.dropBanked(&at)
				at = v1.ParentStatus{Job: d.Job, On: d.On}
			}
			at.Created = parent.Rev.SpecCreate
		}
		p.parents = append(p.parents, at)
	}
	for i := range present {
		if byName[present[i].Job] != nil {
			p.dropBanked(&present[i])
		}
	}
}

// parent returns the i-th Job in spec.dependsOn; nil if there is none of that name.
func (p *planner) parent(i int) *store.Job {
	if i >= len(p.in.Parents) || p.in.Parents[i] == nil || p.in.Parents[i].Rev.Deleted() {
		return nil
	}
	return p.in.Parents[i]
}

// dropBanked records that what was banked of a parent leads to no Run.
func (p *planner) dropBanked(at *v1.ParentStatus) {
	if len(at.Banked) > 0 {
		n := int64(len(at.Banked)) + max(at.Omitted, 0)
		p.recordEnds(at.Banked[0].FinishTime.Time, at.Banked[len(at.Banked)-1].FinishTime.Time, n, v1.RunSkipped,
			v1.ReasonDependenciesChanged, at.Job)
	}
}

// pendingEnds returns the ends that the parents list and this Job has not seen, in the order in which they were
// written. Those of one parent are in the order of their numbers.
func (p *planner) pendingEnds() []pendingEnd {
	var all []pendingEnd
	for i := range p.parents {
		at, parent := &p.parents[i], p.parent(i)
		if parent == nil || parent.Object.Status.Completions == nil {
			continue
		}
		c := parent.Object.Status.Completions
		if !numbered(c) {
			continue
		}
		at.Seen = max(at.Seen, 0)
		first := c.Last - int64(len(c.Ends)) + 1
		switch {
		case c.Last < at.Seen: // The parent's status was deleted by hand: it has begun anew.
			at.Seen = first - 1
		case at.Seen+1 < first:
			p.unlisted(i, first)
		}
		for n := at.Seen + 1; n <= c.Last; n++ {
			all = append(all, pendingEnd{i, n, &c.Ends[n-first]})
		}
	}
	if len(all) > 1 {
		sortPending(all, len(p.parents))
	}
	return all
}

// numbered reports whether the ends that a Job lists have numbers that can be: from 1 to Last, and that can be counted
// on. Others stand in no status that Horae has written.
func numbered(c *v1.Completions) bool {
	return c.Last >= int64(len(c.Ends)) && c.Last <= store.MaxCount
}

// sortPending merges the lists of the parents, each of which stays as it is, by revision.
func sortPending(all []pendingEnd, parents int) {
	// The greatest revision so far stands for an end that its parent counted after a later one.
	latest := make([]int64, parents)
	key := make(map[*v1.Completion]int64, len(all))
	for _, e := range all {
		latest[e.parent] = max(latest[e.parent], e.end.Revision)
		key[e.end] = latest[e.parent]
	}
	slices.SortStableFunc(all, func(a, b pendingEnd) int { return cmp.Compare(key[a.end], key[b.end]) })
}

// unlisted passes over ends that the parent does not list any more. A Job that has depended on the parent records
// them; for one that begins to, they were before.
func (p *planner) unlisted(i int, first int64) {
	at := &p.parents[i]
	if !p.firstSight[i] {
		n := first - 1 - at.Seen
		p.recordEnds(p.now, p.now, n, v1.RunMissed, v1.ReasonNotListed, at.Job)
	}
	at.Seen = first - 1
}

// see takes one end: it is banked if it is one that the Job depends on.
func (p *planner) see(e pendingEnd) {
	at := &p.parents[e.parent]
	at.Seen = e.number
	on := at.On
	if e.end.Revision <= p.in.Job.Rev.SpecMod {
		on = p.formerOn[e.parent] // It ended before the spec was written.
	}
	if e.end.Revision <= at.Since || !wants(on, e.end.Outcome) {
		return
	}
	if p.spec.DependencyPolicy == v1.DependencySameScheduledTime && e.end.ScheduledTime == nil {
		p.recordEnds(e.end.FinishTime.Time, e.end.FinishTime.Time, 1, v1.RunSkipped, v1.ReasonNoScheduledTime, e.end.Run)
		return
	}
	at.Banked = append(slices.Clip(at.Banked), v1.BankedEnd{
		Run: e.end.Run, Number: e.number, ScheduledTime: e.end.ScheduledTime, FinishTime: e.end.FinishTime,
	})
	for len(at.Banked) > bankLimit(len(p.parents)) {
		p.overflow(at)
	}
}

// overflow drops the oldest end in a bank that is full. AllSinceLastRun loses nothing by that but its name: the next
// Run follows all that has ended. Other policies would have made a Run of it.
func (p *planner) overflow(at *v1.ParentStatus) {
	oldest := at.Banked[0]
	at.Banked = at.Banked[1:]
	if p.spec.DependencyPolicy == v1.DependencyAllSinceLastRun {
		at.Omitted++
		return
	}
	p.recordEnds(oldest.FinishTime.Time, oldest.FinishTime.Time, 1, v1.RunMissed, v1.ReasonTooManyBanked, oldest.Run)
}

// recordEnds records that n ends of parents' Runs, from the first to the last, lead to no Run (I10). what names them.
func (p *planner) recordEnds(first, last time.Time, n int64, outcome v1.RunPhase, reason, what string) {
	if outcome == v1.RunMissed {
		p.next.Missed += n
	} else {
		p.next.Skipped += n
	}
	entry := v1.NotRun{
		ScheduledTime: v1.NewTime(first), Count: n, Outcome: outcome, Reason: reason, Message: v1.Short(p.explainEnds(reason, what)),
	}
	p.list(entry, last, func(latest *v1.NotRun) bool { return !latest.ScheduledTime.After(first) })
}

// explainEnds returns the message for a reason of which the latest is about what.
func (p *planner) explainEnds(reason, what string) string {
	switch reason {
	case v1.ReasonDependenciesChanged:
		return fmt.Sprintf("%s was removed from dependsOn, or deleted and created again, before its Runs led to one", what)
	case v1.ReasonTooManyBanked:
		return fmt.Sprintf("%s waited for the Runs of other Jobs, or for its turn, with %d later Runs of its Job",
			what, bankLimit(len(p.parents)))
	case v1.ReasonNotListed:
		return fmt.Sprintf("%s had more than %d Runs end before this Job could be planned", what, maxCompletions)
	case v1.ReasonNoScheduledTime:
		return fmt.Sprintf("%s has no scheduled time to join by", what)
	case v1.ReasonReplaced:
		return fmt.Sprintf("later Runs took the place of %s before it could be followed", what)
	}
	if text := p.explain(reason); text != "" {
		return fmt.Sprintf("to follow %s: %s", what, text)
	}
	return what
}

// parentsFound sets the condition ParentsFound.
func (p *planner) parentsFound() {
	if p.invalid != "" {
		return // The Jobs that the user wants are not known.
	}
	if len(p.spec.DependsOn) == 0 {
		p.next.Conditions = condition.Drop(p.next.Conditions, v1.JobParentsFound)
		return
	}
	if len(p.in.Cycle) > 0 {
		p.condition(v1.JobParentsFound, metav1.ConditionFalse, v1.ReasonCycle, explainCycle(p.in.Cycle))
		return
	}
	missing, more := "", 0
	for i, d := range p.spec.DependsOn {
		switch {
		case p.parent(i) != nil:
		case missing == "":
			missing = d.Job
		default:
			more++
		}
	}
	switch {
	case missing == "":
		p.condition(v1.JobParentsFound, metav1.ConditionTrue, v1.ReasonFound, "")
	case more == 0:
		p.condition(v1.JobParentsFound, metav1.ConditionFalse, v1.ReasonNotFound, fmt.Sprintf("there is no Job %s", missing))
	default:
		p.condition(v1.JobParentsFound, metav1.ConditionFalse, v1.ReasonNotFound,
			fmt.Sprintf("there is no Job %s, and %d more of those in dependsOn do not exist", missing, more))
	}
}
