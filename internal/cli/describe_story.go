package cli

import (
	"time"

	v1 "horae/api/v1"
	"horae/internal/story"
)

// story lists what has happened to a Run, in order, each with the time since the line before.
func (p *page) story(r *v1.Run, now time.Time) {
	var rows [][]string
	previous := time.Time{}
	add := func(at time.Time, reason, message string) {
		when, after := "<unknown>", ""
		if !at.IsZero() {
			when = stamp(v1.NewTimePtr(at))
			if !previous.IsZero() {
				after = "+" + v1.Duration{Duration: max(at.Sub(previous), 0).Round(time.Millisecond)}.String()
			}
			previous = at
		}
		rows = append(rows, []string{when, after, reason, message})
	}
	due := r.Spec.ScheduledTime
	addDue := func() {
		if due != nil {
			add(due.Time, "Due", "its scheduled time, without jitter")
		}
		due = nil
	}
	if due != nil && r.Spec.Reason != v1.ReasonSchedule {
		due = nil // It repeats, or makes up for, what was due long ago.
	}
	for _, e := range story.OfRun(r) {
		// A creation is known to the second only: what was due within it was due before.
		if due != nil && !e.Time.IsZero() && !e.Time.Add(time.Second).Before(due.Time) {
			addDue()
		}
		add(e.Time, e.Reason, e.Message)
	}
	addDue()
	if s := &r.Status; !s.Phase.Terminal() && len(rows) > 0 {
		add(now, "Now", phaseOf(r))
	}
	p.table("Story", []string{"TIME", "AFTER", "EVENT", "WHAT"}, rows)
}
