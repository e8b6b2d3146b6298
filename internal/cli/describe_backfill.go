package cli

import (
	"fmt"
	"strings"
	"time"

	v1 "horae/api/v1"
)

func describeBackfill(out *strings.Builder, b *v1.Backfill, now time.Time) string {
	p := newPage(out)
	p.meta(&b.ObjectMeta, now)
	spec, s := &b.Spec, &b.Status
	p.field("Job", spec.Job)
	p.field("From", spec.From.UTC().Format(time.RFC3339Nano))
	p.field("To", spec.To.UTC().Format(time.RFC3339Nano)+" (not in it)")
	p.field("Runs", string(spec.Runs))
	p.field("Order", string(spec.Order))
	if spec.Parallel != nil {
		p.field("Parallel", fmt.Sprint(*spec.Parallel))
	}
	if spec.Priority != nil {
		p.field("Priority", fmt.Sprint(*spec.Priority))
	}
	if spec.Suspend {
		p.field("Suspend", "true")
	}
	if spec.Dependents {
		p.field("Dependents", "true")
	}
	if spec.TTL != nil {
		p.field("TTL", spec.TTL.String())
	}
	if s.Schedule != nil {
		p.field("Schedule", fmt.Sprintf("%s (%s)", strings.Join(strings.Fields(s.Schedule.Expression), " "), s.Schedule.TimeZone))
		p.calendars(s.Calendars)
		p.field("Done", fmt.Sprintf("%d of %d", s.Done, s.Total))
		p.field("Succeeded", fmt.Sprint(s.Succeeded))
		p.field("Failed", fmt.Sprint(s.Failed))
		p.field("Skipped", fmt.Sprint(s.Skipped)+inBrackets(s.SkippedFor))
	}
	p.field("Active", strings.Join(s.Active, "\n"))
	p.field("Last Turn", whenPtr(s.Cursor, now))
	p.field("Started", whenPtr(s.StartTime, now))
	p.field("Finished", whenPtr(s.FinishTime, now))
	if s.StartTime != nil {
		p.field("Duration", span(s.StartTime, s.FinishTime, now))
	}
	p.conditions(s.Conditions, now)
	var rows [][]string
	for _, f := range s.Failures {
		scheduled := ""
		if f.ScheduledTime != nil {
			scheduled = f.ScheduledTime.UTC().Format(time.RFC3339Nano)
		}
		rows = append(rows, []string{scheduled, f.Run, string(f.Phase), whenPtr(f.FinishTime, now), f.Message})
	}
	p.table("Failures", []string{"SCHEDULED", "RUN", "PHASE", "FINISHED", "MESSAGE"}, rows)
	return p.String()
}
