package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	v1 "horae/api/v1"
)

func describeCalendar(out *strings.Builder, c *v1.Calendar, now time.Time) string {
	p := newPage(out)
	p.meta(&c.ObjectMeta, now)
	p.field("Description", c.Spec.Description)
	p.field("Dates", strings.Join(c.Spec.Dates, "\n"))
	var weekdays []string
	for _, day := range c.Spec.Weekdays {
		weekdays = append(weekdays, string(day))
	}
	p.field("Weekdays", strings.Join(weekdays, ", "))
	if n := strings.Count(c.Spec.ICS, "BEGIN:VEVENT"); n > 0 {
		p.field("ICS", fmt.Sprintf("%d events", n))
	}
	s := &c.Status
	if s.ObservedGeneration > 0 {
		p.field("Days", fmt.Sprintf("%d of the next 366", s.Days))
	}
	p.field("Next Days", strings.Join(s.NextDays, "\n"))
	p.field("Last Day", s.LastDay)
	p.conditions(s.Conditions, now)
	return p.String()
}

// calendars writes the days on which a Job runs.
func (p *page) calendars(c *v1.JobCalendars) {
	if c == nil {
		return
	}
	p.field("Not On", strings.Join(c.Exclude, ", "))
	p.field("Only On", strings.Join(c.Only, ", "))
	if len(c.Names()) > 0 {
		p.field("On Excluded", string(cmp.Or(c.OnExcluded, v1.OnExcludedSkip)))
	}
}
