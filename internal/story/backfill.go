package story

import (
	"cmp"
	"fmt"

	v1 "horae/api/v1"
	"horae/internal/messages"
)

// OfBackfill returns the events of a Backfill: its start, the latest Runs that did not succeed, what it left out, and
// what it waits for or how it ended.
func OfBackfill(b *v1.Backfill) []Event {
	s := &b.Status
	t := &collector{events: make([]Event, 0, 4+len(s.Failures)+len(s.SkippedFor)+len(s.Conditions))}
	t.created(b.CreationTimestamp, "the Backfill of "+b.Spec.Job+" was created")
	if s.StartTime != nil {
		t.add("start", s.StartTime.Time, Normal, "Started", fmt.Sprintf("the first of %d occurrences had its turn", s.Total))
	}
	for i := range s.SkippedFor {
		k := &s.SkippedFor[i]
		started := timeOf(s.StartTime)
		text := fmt.Sprintf("the occurrence of %s was not run", messages.Instant(k.First.Time))
		if k.Count > 1 {
			text = fmt.Sprintf("%d occurrences from %s to %s were not run", k.Count,
				messages.Instant(k.First.Time), messages.Instant(k.Last.Time))
		}
		t.addSeveral(Event{Key: "skipped/" + k.Reason, Time: started, Last: started, Count: max(k.Count, 1), Type: Normal,
			Reason: "Skipped", Message: text + " (" + k.Reason + ")"})
	}
	for i := range s.Failures {
		f := &s.Failures[i]
		t.add("run/"+f.Run, timeOf(f.FinishTime), Warning, "RunFailed",
			messages.Join(f.Run+" ended as "+string(cmp.Or(f.Phase, v1.RunFailed)), f.Message))
	}
	t.conditions(s.Conditions)
	return t.inOrder()
}
