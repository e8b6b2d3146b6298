package job

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
)

// joined is a set of banked ends that meets spec.dependencyPolicy. One Run follows all of them.
type joined struct {
	// take are the indexes in the bank of each parent, in order.
	take [][]int
	// due is when the last of the ends was.
	due time.Time
}

// join makes Runs of what is banked, while spec.dependencyPolicy is met and spec.concurrencyPolicy has room. What has
// to wait stays banked.
func (p *planner) join() {
	for !p.spent {
		j, ok := p.nextJoin()
		if !ok {
			return
		}
		o := p.occasionOf(j)
		switch {
		case p.expired(o):
			p.giveUp(j, v1.RunMissed, v1.ReasonStartingDeadline)
			continue
		case p.spec.ConcurrencyPolicy == v1.ConcurrencyAllow, p.overlapping()+len(p.create) == 0:
		case p.spec.ConcurrencyPolicy == v1.ConcurrencyForbid:
			p.giveUp(j, v1.RunSkipped, v1.ReasonOverlap)
			continue
		case p.spec.ConcurrencyPolicy == v1.ConcurrencyReplace:
			if p.completeJoins() > 1 {
				p.giveUp(j, v1.RunSkipped, v1.ReasonReplaced)
				continue
			}
			p.cancelActive()
		}
		if !p.follows(j, o) {
			if by := p.startBy(o); !by.IsZero() {
				p.wake.At(by.Add(instant))
			}
			return
		}
	}
}

// follows reports whether the joined ends are settled, as startOne does, and takes them from the bank if so.
func (p *planner) follows(j joined, o Occasion) bool {
	names, omitted := p.namesOf(j)
	before := len(p.create)
	if !p.startOne(o, RunOptions{StartBy: p.startBy(o), Parents: names, OmittedParents: omitted}) {
		return false
	}
	p.consume(j, len(p.create) > before)
	return true
}

// joinPassed applies spec.missedRuns to what met the policy while the Job was blocked.
func (p *planner) joinPassed() {
	keep := 0
	switch p.spec.MissedRuns {
	case v1.MissedRunsAll:
		return
	case v1.MissedRunsNone:
	default:
		keep = 1
	}
	for n := p.completeJoins(); n > keep; n-- {
		j, ok := p.nextJoin()
		if !ok {
			return
		}
		p.giveUp(j, v1.RunSkipped, p.held)
	}
}

// giveUp takes joined ends from the bank, and records that they lead to no Run.
func (p *planner) giveUp(j joined, outcome v1.RunPhase, reason string) {
	names, omitted := p.namesOf(j)
	what := names[0]
	if n := len(names) + int(omitted) - 1; n > 0 {
		what = fmt.Sprintf("%s and %d others", what, n)
	}
	p.recordEnds(j.due, j.due, 1, outcome, reason, what)
	p.consume(j, false)
}

// nextJoin returns the oldest set of banked ends that meets the policy.
func (p *planner) nextJoin() (joined, bool) {
	switch p.spec.DependencyPolicy {
	case v1.DependencyAny:
		return p.joinAny()
	case v1.DependencySameScheduledTime:
		times := p.completeTimes()
		if len(times) == 0 {
			return joined{}, false
		}
		return p.joinTime(times[0]), true
	}
	if slices.ContainsFunc(p.parents, func(at v1.ParentStatus) bool { return len(at.Banked) == 0 }) {
		return joined{}, false
	}
	j := joined{take: make([][]int, len(p.parents))}
	for i := range p.parents {
		banked := p.parents[i].Banked
		n := 1
		if p.spec.DependencyPolicy == v1.DependencyAllSinceLastRun {
			n = len(banked)
		}
		for k := range n {
			j.add(i, k, &banked[k])
		}
	}
	return j, true
}

func (j *joined) add(parent, k int, end *v1.BankedEnd) {
	j.take[parent] = append(j.take[parent], k)
	if end.FinishTime.After(j.due) {
		j.due = end.FinishTime.Time
	}
}

// joinAny takes the oldest end of all.
func (p *planner) joinAny() (joined, bool) {
	oldest := -1
	for i := range p.parents {
		banked := p.parents[i].Banked
		if len(banked) > 0 && (oldest < 0 || banked[0].FinishTime.Before(p.parents[oldest].Banked[0].FinishTime.Time)) {
			oldest = i
		}
	}
	if oldest < 0 {
		return joined{}, false
	}
	j := joined{take: make([][]int, len(p.parents))}
	j.add(oldest, 0, &p.parents[oldest].Banked[0])
	return j, true
}

// completeTimes are the scheduled times of which each parent has banked a Run, in order.
func (p *planner) completeTimes() []time.Time {
	have := map[time.Time]int{}
	for i := range p.parents {
		for _, b := range p.parents[i].Banked {
			// Those of parents[0] count as 1, and each further parent adds one to what all before it have.
			if t, ok := timeOf(b); ok && have[t] == i {
				have[t] = i + 1
			}
		}
	}
	var times []time.Time
	for t, n := range have {
		if n == len(p.parents) {
			times = append(times, t)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

func timeOf(b v1.BankedEnd) (time.Time, bool) {
	if b.ScheduledTime == nil {
		return time.Time{}, false // It was banked under another policy.
	}
	return b.ScheduledTime.UTC(), true
}

// joinTime takes all ends of one scheduled time.
func (p *planner) joinTime(at time.Time) joined {
	j := joined{take: make([][]int, len(p.parents))}
	for i := range p.parents {
		for k := range p.parents[i].Banked {
			if t, ok := timeOf(p.parents[i].Banked[k]); ok && t.Equal(at) {
				j.add(i, k, &p.parents[i].Banked[k])
			}
		}
	}
	return j
}

// completeJoins is how many sets nextJoin would return one after the other.
func (p *planner) completeJoins() int {
	switch p.spec.DependencyPolicy {
	case v1.DependencyAny:
		n := 0
		for i := range p.parents {
			n += len(p.parents[i].Banked)
		}
		return n
	case v1.DependencySameScheduledTime:
		return len(p.completeTimes())
	}
	n := math.MaxInt
	for i := range p.parents {
		n = min(n, len(p.parents[i].Banked))
	}
	if p.spec.DependencyPolicy == v1.DependencyAllSinceLastRun {
		n = min(n, 1)
	}
	return n
}

// occasionOf is the occasion of a Run that follows the joined ends. Its name is a function of them (I3). It has the
// scheduled time that all of them have in common, if there is one.
func (p *planner) occasionOf(j joined) Occasion {
	o := Occasion{Reason: v1.ReasonDependency, Due: j.due}
	hash := sha256.New()
	var common *v1.Time
	same := true
	first := true
	for i, take := range j.take {
		at := &p.parents[i]
		for _, k := range take {
			end := &at.Banked[k]
			fmt.Fprintf(hash, "%s %d %d\n", at.Job, at.Created, end.Number)
			if first {
				common, first = end.ScheduledTime, false
			}
			same = same && end.ScheduledTime != nil && v1.EqualTimes(common, end.ScheduledTime)
		}
		if p.omits(j, i) {
			same = false
		}
	}
	if same && common != nil {
		o.ScheduledTime = common.Time
	}
	sum := hash.Sum(nil)
	o.ID = strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum)[:13])
	return o
}

// omits reports whether the joined ends include some of a parent that are banked without being listed.
func (p *planner) omits(j joined, parent int) bool {
	return p.parents[parent].Omitted > 0 && len(j.take[parent]) > 0
}

// namesOf names the Runs whose ends are joined: the latest of each parent first if there are too many. The second
// result is how many are not named.
func (p *planner) namesOf(j joined) ([]string, int32) {
	var total, omitted int64
	for i, take := range j.take {
		total += int64(len(take))
		if p.omits(j, i) {
			omitted += p.parents[i].Omitted
		}
	}
	// 1. The latest of each parent; 2. the others, as long as there is room.
	room := int(min(total, v1.MaxParents))
	from := make([]int, len(j.take)) // of each parent, the index in take of the first that is named
	for i, take := range j.take {
		from[i] = len(take)
		if len(take) > 0 && room > 0 {
			from[i]--
			room--
		}
	}
	for i := range j.take {
		n := min(from[i], room)
		from[i] -= n
		room -= n
	}
	names := make([]string, 0, min(total, v1.MaxParents))
	for i, take := range j.take {
		for _, k := range take[from[i]:] {
			names = append(names, p.parents[i].Banked[k].Run)
		}
		omitted += int64(from[i])
	}
	return names, int32(min(omitted, math.MaxInt32))
}

// consume takes joined ends from the bank. ran: they have led to a Run.
func (p *planner) consume(j joined, ran bool) {
	for i, take := range j.take {
		if len(take) == 0 {
			continue
		}
		at := &p.parents[i]
		n := int64(len(take))
		if p.omits(j, i) {
			n += at.Omitted
			at.Omitted = 0
		}
		if ran {
			at.Consumed += n
		}
		if take[len(take)-1] == len(take)-1 { // The usual case: the first ones.
			at.Banked = at.Banked[len(take):]
			continue
		}
		var left []v1.BankedEnd
		for k := range at.Banked {
			if !slices.Contains(take, k) {
				left = append(left, at.Banked[k])
			}
		}
		at.Banked = left
	}
}

// explainCycle names the Jobs of a cycle.
func explainCycle(cycle []string) string {
	const most = 12
	closed := cycle[0] == cycle[len(cycle)-1]
	if closed && len(cycle) <= most {
		return "these Jobs depend on each other in a circle: " + strings.Join(cycle, " -> ")
	}
	n := len(cycle)
	return fmt.Sprintf("Jobs depend on each other in circles: %s and %d others",
		strings.Join(cycle[:min(n, most)], ", "), max(n-most, 0))
}

// dependsOnText says on which Jobs a Job depends.
func dependsOnText(spec *v1.JobSpec) string {
	var parts []string
	const most = 5
	for _, d := range spec.DependsOn[:min(len(spec.DependsOn), most)] {
		parts = append(parts, d.Job+" ("+string(cmp.Or(d.On, v1.OnSucceeded))+")")
	}
	text := "runs after " + strings.Join(parts, ", ")
	if n := len(spec.DependsOn) - most; n > 0 {
		text += fmt.Sprintf(" and %d other Jobs", n)
	}
	return text
}
