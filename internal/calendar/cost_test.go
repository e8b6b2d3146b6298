package calendar

import (
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/costtest"
)

func TestNoCalendarCostsMoreThanItsSizeAllows(t *testing.T) {
	event := func(lines ...string) string {
		return "BEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20260101\n" + strings.Join(lines, "\n") + "\nEND:VEVENT\n"
	}
	ics := func(events string) v1.CalendarSpec {
		return v1.CalendarSpec{ICS: "BEGIN:VCALENDAR\nVERSION:2.0\n" + events + "END:VCALENDAR\n"}
	}
	repeat := func(s string, n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = s
		}
		return list
	}
	for name, spec := range map[string]v1.CalendarSpec{
		"ranges of all time":        {Dates: repeat("0001-01-01/9999-12-31", 20_000)},
		"yearly ranges":             {Dates: repeat("--01-01/--12-31", 20_000)},
		"dates that are none":       {Dates: repeat(strings.Repeat("9", 20), 20_000)},
		"rules without end":         ics(strings.Repeat(event("RRULE:FREQ=DAILY"), 5_000)),
		"rules that never come":     ics(strings.Repeat(event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), 5_000)),
		"rules of seconds":          ics(strings.Repeat(event("RRULE:FREQ=SECONDLY"), 5_000)),
		"rules of very many":        ics(strings.Repeat(event("RRULE:FREQ=DAILY;COUNT=999999999"), 5_000)),
		"rules with long intervals": ics(strings.Repeat(event("RRULE:FREQ=YEARLY;INTERVAL=999999999999999"), 5_000)),
		"lists of weekdays":         ics(event("RRULE:FREQ=MONTHLY;BYDAY=TH" + strings.Repeat(",TH,1TH,-1TH,FR,2FR", 40_000))),
		"lists of days":             ics(event("RRULE:FREQ=MONTHLY;BYMONTHDAY=1" + strings.Repeat(",1,-31,30", 60_000))),
		"exceptions":                ics(event("RRULE:FREQ=DAILY", strings.Repeat("EXDATE;VALUE=DATE:20260102\n", 20_000))),
		"dates besides":             ics(event("RDATE;VALUE=DATE:" + strings.Repeat("20260102,", 50_000) + "20260103")),
		"an event of all time":      ics(strings.Repeat(event("DTEND;VALUE=DATE:99991231", "RRULE:FREQ=DAILY"), 1_000)),
		"long durations":            ics(strings.Repeat(event("DURATION:P999999999D", "RRULE:FREQ=DAILY"), 1_000)),
		"folded lines":              ics("X:" + strings.Repeat("\n a", 200_000) + "\n"),
		"nested components":         ics(strings.Repeat("BEGIN:VEVENT\n", 50_000)),
	} {
		t.Run(name, func(t *testing.T) {
			size := len(spec.ICS)
			for _, d := range spec.Dates {
				size += len(d)
			}
			costtest.Check(t, size, func() {
				set, err := Compile(&spec)
				if err != nil {
					return
				}
				for d := range Day(400) {
					set.Contains(Date(2026, time.January, 1) + d)
				}
			})
		})
	}
}
