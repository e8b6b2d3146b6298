package cli

import (
	"strings"
	"testing"
)

func TestCalendars(t *testing.T) {
	h := build(t)
	const docs = `apiVersion: horae/v1
kind: Calendar
metadata: {name: holidays}
spec:
  description: Days off
  dates: [2026-12-25, --01-01]
  weekdays: [SAT, SUN]
  ics: |
    BEGIN:VCALENDAR
    BEGIN:VEVENT
    DTSTART;VALUE=DATE:20261003
    END:VEVENT
    END:VCALENDAR
---
apiVersion: horae/v1
kind: Job
metadata: {name: report}
spec:
  schedule: 0 9 * * *
  calendars: {exclude: [holidays]}
  task: {shell: "true"}
`
	if r := h.apply(docs); r.code != 0 || !strings.Contains(r.out, "calendar.horae/holidays created\n") {
		t.Fatalf("%+v", r)
	}
	if r := h.apply(docs); r.code != 0 || !strings.Contains(r.out, "calendar.horae/holidays unchanged\n") {
		t.Errorf("applied again: %+v", r)
	}
	golden(t, "get-calendars", h.ok("get calendars"))
	golden(t, "describe-calendar", h.ok("describe calendar holidays"))
	if out := h.ok("describe job report"); !strings.Contains(out, "Not On:") || !strings.Contains(out, "holidays") {
		t.Errorf("a Job that names it:\n%s", out)
	}
	// Sunday is excluded: the next one is on Monday.
	if out := h.ok("schedule job/report --count 1"); !strings.Contains(out, "2026-11-23T09:00:00Z") {
		t.Errorf("its schedule:\n%s", out)
	}
	if r := h.apply(strings.Replace(docs, "2026-12-25", "Christmas", 1)); r.code != 1 || !strings.Contains(r.err, "spec.dates[0]") {
		t.Errorf("a mistake: %+v", r)
	}
	h.ok("delete calendar holidays")
	if r := h.run("get calendar holidays"); r.code != 1 {
		t.Errorf("after the deletion: %+v", r)
	}
}
