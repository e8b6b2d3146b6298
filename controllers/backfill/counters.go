package backfill

import (
	"cmp"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// maxFailures bounds status.failures.
const maxFailures = 10

// countRuns counts the Runs that have ended. status.active names every Run that was created and has not been counted:
// a name joins it in the transaction that creates the Run, and leaves it in the one that counts its end. So each Run
// is counted once, and the job controller deletes none before (Input.Uncounted of package job).
func (p *planner) countRuns() {
	var left []string
	var over []*store.Run
	for _, name := range p.next.Active {
		run := p.own(name)
		switch {
		case run != nil && ended(run):
			over = append(over, run)
		case run == nil || run.Rev.Deleted():
			// Somebody has deleted it. Its task is being killed, and its end tells nothing more.
			p.fail(v1.BackfillFailure{Run: name, ScheduledTime: scheduledTimeOf(run), Phase: v1.RunKilled,
				FinishTime: v1.NewTimePtr(p.now), Message: "the Run was deleted before its end"})
		default:
			left = append(left, name)
		}
	}
	slices.SortStableFunc(over, func(a, b *store.Run) int { return finishOf(a).Compare(finishOf(b)) })
	for _, run := range over {
		p.count(run)
	}
	if len(left) < len(p.next.Active) {
		p.next.Active, p.next.ActiveCount = left, int64(len(left))
	}
}

func (p *planner) count(run *store.Run) {
	status := &run.Object.Status
	if status.Phase == v1.RunSucceeded {
		p.next.Succeeded++
		p.next.Done++
		return
	}
	p.fail(v1.BackfillFailure{Run: run.Key.Name, ScheduledTime: scheduledTimeOf(run), Phase: status.Phase,
		FinishTime: status.FinishTime, Message: v1.Short(cmp.Or(status.Message, status.Reason))})
}

func (p *planner) fail(f v1.BackfillFailure) {
	p.next.Failed++
	p.next.Done++
	list := p.next.Failures
	p.next.Failures = append([]v1.BackfillFailure{f}, list[:min(len(list), maxFailures-1)]...)
}

// skip records that an occurrence has had its turn and does not run (I10).
func (p *planner) skip(t time.Time, reason string) {
	p.next.Skipped++
	p.next.Done++
	at := v1.NewTime(t)
	i := slices.IndexFunc(p.next.SkippedFor, func(s v1.BackfillSkipped) bool { return s.Reason == reason })
	if i < 0 {
		p.next.SkippedFor = append(slices.Clip(p.next.SkippedFor), v1.BackfillSkipped{Reason: reason, Count: 1, First: at, Last: at})
		return
	}
	if !p.ownSkipped {
		p.next.SkippedFor, p.ownSkipped = slices.Clone(p.next.SkippedFor), true // I8
	}
	p.next.SkippedFor[i].Count++
	p.next.SkippedFor[i].Last = at
}

func scheduledTimeOf(run *store.Run) *v1.Time {
	if run == nil {
		return nil
	}
	return run.Object.Spec.ScheduledTime
}

// finishOf returns when the Run ended; zero if that is not known.
func finishOf(run *store.Run) time.Time {
	if t := run.Object.Status.FinishTime; t != nil {
		return t.Time
	}
	return time.Time{}
}
