package e2e

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	v1 "horae/api/v1"
)

// TestACalendarInUseMayChangeBreakAndGo: each change reaches the Jobs that name it, and stops nothing else.
func TestACalendarInUseMayChangeBreakAndGo(t *testing.T) {
	t.Parallel()
	m := dev(t)
	const everyDay = "apiVersion: horae/v1\nkind: Calendar\nmetadata: {name: shut}\nspec: {weekdays: [MON, TUE, WED, THU, FRI, SAT, SUN]}\n"
	const job = "---\napiVersion: horae/v1\nkind: Job\nmetadata: {name: busy}\nspec: {schedule: '* * * * * *', calendars: {exclude: [shut]}, task: {shell: 'true'}}\n"
	read := func() (s v1.JobStatus) {
		var j v1.Job
		decode(t, m.must("get", "job", "busy", "-o", "json"), &j)
		return j.Status
	}
	until := func(what string, ok func(v1.JobStatus) bool) (s v1.JobStatus) {
		t.Helper()
		eventually(t, what, func() string {
			if s = read(); !ok(s) {
				return fmt.Sprintf("status %+v", s)
			}
			return ""
		})
		return s
	}
	reason := func(s v1.JobStatus) string {
		if c := meta.FindStatusCondition(s.Conditions, v1.JobCalendarsFound); c != nil {
			return c.Reason
		}
		return ""
	}

	if r := m.horaeStdin(everyDay+job, "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %+v", r)
	}
	s := until("a day off is recorded", func(s v1.JobStatus) bool { return s.Skipped > 0 })
	if len(s.Active) != 0 || s.Succeeded != 0 || s.NotRun[0].Reason != v1.ReasonCalendar || reason(s) != v1.ReasonFound {
		t.Errorf("on a day off: %+v", s)
	}

	m.must("delete", "calendar", "shut")
	s = until("the Job runs without its Calendar", func(s v1.JobStatus) bool { return s.Succeeded > 0 })
	if reason(s) != v1.ReasonNotFound || s.Missed != 0 {
		t.Errorf("without its Calendar: %+v", s)
	}
	if r := m.horaeStdin(everyDay, "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %+v", r)
	}
	s = until("the Calendar holds again", func(s v1.JobStatus) bool { return reason(s) == v1.ReasonFound && len(s.Active) == 0 })
	skipped := s.Skipped
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := m.etcd().Put(ctx, "/horae/spec/calendars/default/shut", "apiVersion: horae/v1\nkind: Calendar\nspec: {weekdays: [Sunday]}\n"); err != nil {
		t.Fatal(err)
	}
	ran := s.Succeeded
	s = until("a Calendar that is broken stops nothing", func(s v1.JobStatus) bool { return s.Succeeded > ran && s.Skipped >= skipped })
	if reason(s) != v1.ReasonCalendarInvalid {
		t.Errorf("with a broken Calendar: %+v", s)
	}
	eventually(t, "the broken Calendar says so", func() string {
		var c v1.Calendar
		decode(t, m.must("get", "calendar", "shut", "-o", "json"), &c)
		if !meta.IsStatusConditionFalse(c.Status.Conditions, v1.CalendarAccepted) {
			return fmt.Sprintf("status %+v", c.Status)
		}
		return ""
	})
	s = read()
	if handled := s.Succeeded + s.Failed + s.Missed + s.Skipped + int64(len(s.Active)+len(s.Waiting)); handled != s.Occurrences {
		t.Errorf("%d of %d occurrences are accounted for: %+v", handled, s.Occurrences, s)
	}
}
