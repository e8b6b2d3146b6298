package schedule

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseRefusesWithTheFieldAndWhatWouldBeRight(t *testing.T) {
	tests := []struct{ name, schedule, want string }{
		{"empty", " \n\t\n", `schedule " \n\t\n": must have an expression: cron, R[n]/[start]/period, @every or @at`},
		{"hour too large", "0 25 * * *", `hour "25": must be 0-23 (field 2 of "0 25 * * *")`},
		{"hour too large, with seconds", "0 0 25 * * *", `hour "25": must be 0-23 (field 3 of "0 0 25 * * *")`},
		{"hour in a list and a range", "0 1,9-25/2 * * *", `hour "25": must be 0-23 (field 2 of "0 1,9-25/2 * * *")`},
		{"second of several lines", "0 2 * * *\n\n0 2 * FOO *", `line 3: month "FOO": must be 1-12 or JAN-DEC (field 4 of "0 2 * FOO *")`},
		{"minute negative", "-1 * * * *", `minute "": must be 0-59 (field 1 of "-1 * * * *")`},
		{"month 0", "0 0 1 0 *", `month "0": must be 1-12 or JAN-DEC (field 4 of "0 0 1 0 *")`},
		{"month by its long name", "0 0 1 JANUARY *", `month "JANUARY": must be 1-12 or JAN-DEC (field 4 of "0 0 1 JANUARY *")`},
		{"no name across two names", "0 0 1 ANF *", `month "ANF": must be 1-12 or JAN-DEC (field 4 of "0 0 1 ANF *")`},
		{"day 32", "0 0 32 * *", `day of month "32": must be 1-31, L, LW or a day with W, such as 15W (field 3 of "0 0 32 * *")`},
		{"day 0W", "0 0 0W * *", `day of month "0W": must be a day with W, from 1W to 31W, or LW (field 3 of "0 0 0W * *")`},
		{"L with a distance", "0 0 L-3 * *", `day of month "L-3": must be 1-31, L, LW or a day with W, such as 15W (field 3 of "0 0 L-3 * *")`},
		{"weekday 8", "0 0 * * 8", `day of week "8": must be 0-7 or SUN-SAT (0 and 7 are Sunday), or one with L or #, such as FRIL or FRI#2 (field 5 of "0 0 * * 8")`},
		{"sixth Friday", "0 0 * * FRI#6", `day of week "FRI#6": the number after # must be 1-5 (field 5 of "0 0 * * FRI#6")`},
		{"empty item", "0 1,,2 * * *", `hour "1,,2": has an empty item (field 2 of "0 1,,2 * * *")`},
		{"backwards", "0 22-2 * * *", `hour "22-2": the range runs backwards; write two, such as 22-23,0-2 (field 2 of "0 22-2 * * *")`},
		{"backwards by name", "0 0 * * FRI-MON", `day of week "FRI-MON": the range runs backwards; write two, such as FRI-SAT,SUN-MON (field 5 of "0 0 * * FRI-MON")`},
		{"step 0", "*/0 * * * *", `minute "*/0": the step must be 1-60 (field 1 of "*/0 * * * *")`},
		{"step beyond the hour", "*/90 * * * *", `minute "*/90": the step must be 1-60, since the field starts anew after that; for other periods use @every or R//PT90M (field 1 of "*/90 * * * *")`},
		{"? in the hour", "0 ? * * *", `hour "?": only the day fields may be ?: must be 0-23 (field 2 of "0 ? * * *")`},
		{"H without an end", "H(1-5 * * * *", `minute "H(1-5": must be H, H(a-b), H/n or H(a-b)/n (field 1 of "H(1-5 * * * *")`},
		{"H backwards", "H(9-5) * * * *", `minute "H(9-5)": the range runs backwards (field 1 of "H(9-5) * * * *")`},
		{"H with a step beyond its range", "H(0-5)/7 * * * *", `minute "H(0-5)/7": the step must be 1-6, the size of the range (field 1 of "H(0-5)/7 * * * *")`},
		{"four fields", "0 2 * *", `cron expression "0 2 * *": must have 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first; this has 4`},
		{"a year", "0 0 2 * * * 2026", `cron expression "0 0 2 * * * 2026": has 7 fields; a year is not supported: use R1/start/P, or @at, for once`},
		{"a time zone of its own", "CRON_TZ=UTC 0 2 * * *", `cron expression "CRON_TZ=UTC 0 2 * * *": has a setting before it; the time zone is given by timeZone`},
		{"February 30", "0 0 30 2 *", `cron expression "0 0 30 2 *": never fires: no such day in any year`},
		{"working day of February 30", "0 0 30W 2 *", `cron expression "0 0 30W 2 *": never fires: no such day in any year`},
		{"day 31 in short months", "0 0 31 4,6,9,11 *", `cron expression "0 0 31 4,6,9,11 *": never fires: no such day in any year`},
		{"crontab line", "0 5 * * 1 tar -zcf /var/backups/home.tgz /home/", `cron expression "0 5 * * 1 tar -zcf /var/backups/home.tgz /home/": looks like a line of a crontab with its command: the schedule is "0 5 * * 1"; a command goes into spec.task.shell`},
		{"crontab line with a path alone", "*/5 * * * * /usr/bin/x", `cron expression "*/5 * * * * /usr/bin/x": looks like a line of a crontab with its command: the schedule is "*/5 * * * *"; a command goes into spec.task.shell`},
		{"crontab line with a user", "17 * * * * root run-parts /etc/cron.hourly", `cron expression "17 * * * * root run-parts /etc/cron.hourly": looks like a line of a crontab with its command: the schedule is "17 * * * *"; a command goes into spec.task.shell`},
		{"reboot", "@reboot", `macro "@reboot": has no meaning here: there is no machine that boots; for once use R1//P`},
		{"unknown macro", "@fortnightly", `macro "@fortnightly": must be @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every or @at`},
		{"every half second", "@every 500ms", `duration "500ms": must be at least 1 second`},
		{"every nothing", "@every", `duration "": must be a duration, such as 90s, 1h30m or PT90S`},
		{"every day", "@every 1d", `duration "1d": must be a duration, such as 90s, 1h30m or PT90S`},
		{"every P1D", "@every P1D", `duration "P1D": must be hours, minutes and seconds; days and more are local time: write R//P1D`},
		{"backwards in time", "@every -1h", `duration "-1h": must not be negative`},
		{"nanoseconds", "@every 1s1ns", `duration "1s1ns": must be whole microseconds`},
		{"at no time", "@at noon", `instant "noon": must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00`},
		{"start in year 0", "R/0000-01-01/P1D", `start "0000-01-01": must be in the years 0001-9999`},
		{"start before year 1 in UTC", "R/0001-01-01T00:00+01:00/P1D", `start "0001-01-01T00:00+01:00": must be in the years 0001-9999`},
		{"basic format", "R/20260101T000000Z/P1D", `start "20260101T000000Z": must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00`},
		{"week 54", "R/2026-W54/P1D", `start "2026-W54": the week must be 01-53`},
		{"day 366", "R/2026-366/P1D", `start "2026-366": the day of the year must be 001-365`},
		{"month 13", "R/2026-13-01/P1D", `start "2026-13-01": the month must be 01-12`},
		{"an offset of a day", "R/2026-01-01T00:00+24:00/P1D", `start "2026-01-01T00:00+24:00": the offset must be Z or ±hh:mm, at most 18 hours`},
		{"nanoseconds in the start", "R/2026-01-01T00:00:00.0000001/P1D", `start "2026-01-01T00:00:00.0000001": must be whole microseconds`},
		{"end before start", "R/2026-01-02/2026-01-01", `end "2026-01-01": must be after the start`},
		{"end less than a second later", "R/2026-01-02T00:00:00/2026-01-02T00:00:00.5", `period "2026-01-02T00:00:00.5": must be at least 1 second`},
		{"units out of order", "R//P1D2M", `period "P1D2M": must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D`},
		{"ten thousand years", "R//P10000Y", `period "P10000Y": is longer than 9999 years`},
		{"a number beyond counting", "R//PT99999999999999999999S", `period "PT99999999999999999999S": 99999999999999999999S is longer than 9999 years`},
		{"nothing before the slash", "//P1D", `repetitions "": must be R, or R and the number of runs in total, such as R5`},
		{"H of a value", "0 H(x-5) * * *", `hour "x": must be 0-23 (field 2 of "0 H(x-5) * * *")`},
		{"H to a value", "0 H(5-24) * * *", `hour "24": must be 0-23 (field 2 of "0 H(5-24) * * *")`},
		{"last of no day", "0 0 * * 9L", `day of week "9": must be 0-7 or SUN-SAT (0 and 7 are Sunday), or one with L or #, such as FRIL or FRI#2 (field 5 of "0 0 * * 9L")`},
		{"week date without a day", "R/2026-W1/P1D", `start "2026-W1": must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00`},
		{"weekday 8 of a week date", "R/2026-W01-8/P1D", `start "2026-W01-8": the day of the week must be 1-7, Monday is 1`},
		{"last week of the last year", "R/9999-W52-7/P1D", `start "9999-W52-7": must be in the years 0001-9999`},
		{"minute 60", "R/2026-01-01T00:60/P1D", `start "2026-01-01T00:60": the minute must be 00-59`},
		{"no digits in a fraction", "R/2026-01-01T00:00:00./P1D", `start "2026-01-01T00:00:00.": must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00`},
		{"four parts of a time", "R/2026-01-01T00:00:00:00/P1D", `start "2026-01-01T00:00:00:00": must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00`},
		{"a number and no unit", "R//P1", `period "P1": must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D`},
		{"no such unit", "R//P1X", `period "P1X": must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D`},
		{"a point and no fraction", "R//PT1.S", `period "PT1.S": must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D`},
		{"a period in nanoseconds", "R//PT1.0000001S", `period "PT1.0000001S": must be whole microseconds`},
		{"hours beyond counting", "R//PT999999999H", `period "PT999999999H": 999999999H is longer than 9999 years`},
		{"an instant outside of time", "@at 9999-12-31T23:59:59-18:00", `instant "9999-12-31T23:59:59-18:00": must be in the years 0001-9999`},
		{"an end outside of time", "R/2026-01-01/9999-12-31T23:59:59-18:00", `end "9999-12-31T23:59:59-18:00": must be in the years 0001-9999`},
		{"a bad end", "R/2026-01-01/2026-13-01", `end "2026-13-01": the month must be 01-12`},
		{"a bad duration in ISO 8601", "@every P1X", `duration "P1X": must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D`},
		{"too many lines", strings.Repeat("@hourly\n", 65), `schedule "@hourly": must have at most 64 expressions`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.schedule, Options{HashKey: "default/test"})
			var e *Error
			if !errors.As(err, &e) || err.Error() != test.want {
				t.Errorf("Parse(%q)\n got %v\nwant %s", test.schedule, err, test.want)
			}
		})
	}
}

func TestParseReadsEveryForm(t *testing.T) {
	// After Thursday 2026-01-01T00:00:00Z, in UTC. The Job was created at 13:52:55 on 2026-11-22.
	tests := []struct {
		name, schedule string
		want           []string
	}{
		{"names in small letters", "0 0 * feb mon", []string{"2026-02-02T00:00:00Z", "2026-02-09T00:00:00Z"}},
		{"Sunday is 0 and 7", "0 0 * * 7\n0 0 * * 0\n0 0 * * SUN", []string{"2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"}},
		{"Friday to Sunday", "0 0 * * FRI-SUN", []string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"}},
		{"5-7", "0 0 * * 5-7", []string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"}},
		{"from a value on", "0 20/2 * * *", []string{"2026-01-01T20:00:00Z", "2026-01-01T22:00:00Z", "2026-01-02T20:00:00Z"}},
		{"? for the day of month", "0 0 ? * MON", []string{"2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"}},
		{"? for the day of week", "0 0 13 * ?", []string{"2026-01-13T00:00:00Z", "2026-02-13T00:00:00Z"}},
		{"either day field", "0 0 13 * FRI", []string{"2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z"}},
		{"*/1 does not restrict", "0 0 13 * */1", []string{"2026-01-13T00:00:00Z", "2026-02-13T00:00:00Z"}},
		{"leap days eight years apart", "0 0 29 2 *", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"fifth Sunday of February", "0 0 * 2 SUN#5", []string{"2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"}},
		{"31W only where there is a 31st", "0 0 31W * *", []string{"2026-01-30T00:00:00Z", "2026-03-31T00:00:00Z", "2026-05-29T00:00:00Z"}},
		{"L of the week alone is Saturday", "0 0 * * L", []string{"2026-01-03T00:00:00Z", "2026-01-10T00:00:00Z"}},
		{"7L and sunL", "0 0 * * 7L", []string{"2026-01-25T00:00:00Z", "2026-02-22T00:00:00Z"}},
		{"all macros at new year", "@yearly\n@annually\n@monthly", []string{"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"}},
		{"@weekly", "@weekly", []string{"2026-01-04T00:00:00Z"}},
		{"@daily and @midnight are one", "@daily\n@midnight", []string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"}},
		{"@hourly", "@hourly", []string{"2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"}},
		{"@every counts from the creation, one period later", "@every 1h30m", []string{"2026-11-22T15:22:55Z", "2026-11-22T16:52:55Z"}},
		{"@every in ISO 8601", "@every PT90S", []string{"2026-11-22T13:54:25Z", "2026-11-22T13:55:55Z"}},
		{"an empty start is the creation itself", "R//P1D", []string{"2026-11-22T13:52:55Z", "2026-11-23T13:52:55Z"}},
		{"@at", "@at 2026-03-01T12:00:00+02:00", []string{"2026-03-01T10:00:00Z"}},
		{"several lines, empty ones, Windows ends", "\r\n0 2 * * *\r\n\r\n  30 14 * * SAT  \r\n", []string{"2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z", "2026-01-03T02:00:00Z", "2026-01-03T14:30:00Z"}},
		{"start and end a day apart are a day", "R/2026-01-01T09:00/2026-01-02T09:00", []string{"2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"}},
		{"tabs between fields", "0\t2  *\t* *", []string{"2026-01-01T02:00:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse(test.schedule, Options{Created: created})
			if err != nil {
				t.Fatal(err)
			}
			at := utc(t, "2026-01-01T00:00:00Z")
			for i, want := range test.want {
				got, ok := s.Next(at)
				if !ok || !got.Equal(utc(t, want)) {
					t.Fatalf("instant %d after %v is %v (%v), want %s", i, at, got, ok, want)
				}
				at = got
			}
		})
	}
}

func TestStartAndEndMeanLocalDaysAndElapsedTime(t *testing.T) {
	// Berlin's clock goes forward on 2026-03-29.
	s := mustParse(t, "R/2026-03-28T09:00/2026-03-29T21:00", "Europe/Berlin")
	want := []string{"2026-03-28T08:00:00Z", "2026-03-29T19:00:00Z", "2026-03-31T07:00:00Z"} // 9:00 + k × 12 hours, k days later
	at := time.Time{}
	for i, w := range want {
		if at, _ = s.Next(at); !at.Equal(utc(t, w)) {
			t.Errorf("instant %d is %v, want %s", i, at, w)
		}
	}
}

func TestStartAndEndADayApartStayAtTheirLocalTime(t *testing.T) {
	s := mustParse(t, "R/2026-03-28T09:00/2026-03-29T09:00", "Europe/Berlin")
	at := utc(t, "2026-04-01T00:00:00Z")
	if got, _ := s.Next(at); !got.Equal(utc(t, "2026-04-01T07:00:00Z")) {
		t.Errorf("next is %v, want 09:00 in Berlin", got)
	}
}

func TestTwoEqualLinesAreOne(t *testing.T) {
	s := mustParse(t, "0 0 1 1 *\n0 0 1 1 *", "UTC")
	if n := s.Count(utc(t, "2026-01-01T00:00:00Z"), utc(t, "2030-01-01T00:00:00Z")); n != 4 {
		t.Errorf("two equal lines fire %d times in four years, want 4", n)
	}
}

func TestTheEndOfTime(t *testing.T) {
	for _, text := range []string{"* * * * * *", "R/9999-12-31T00:00:00/PT1S", "0 0 31 12 *", "R/2026-12-31/P1Y", "R/2026-01-31/P1M\n@yearly"} {
		for _, zone := range []string{"UTC", "America/New_York", "Pacific/Kiritimati"} {
			s := mustParse(t, text, zone)
			last, ok := s.Prev(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC))
			if !ok || last.Year() != 9999 {
				t.Errorf("%s %s: the last instant is %v (%v), want one of 9999", text, zone, last, ok)
			}
			if got, ok := s.Next(last); ok || !got.IsZero() {
				t.Errorf("%s %s: after the last instant, %v, there is %v (%v)", text, zone, last, got, ok)
			}
			if got, ok := s.Next(time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC)); ok {
				t.Errorf("%s %s: in the year 200000 there is %v", text, zone, got)
			}
			if n := s.Count(last.Add(-time.Nanosecond), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC)); n != 1 {
				t.Errorf("%s %s: counts %d from the last instant on, want 1", text, zone, n)
			}
		}
	}
}

func TestTheBeginningOfTime(t *testing.T) {
	s := mustParse(t, "0 0 * * *", "America/New_York")
	first, ok := s.Next(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC))
	if !ok || first.Year() != 1 {
		t.Errorf("the first instant is %v (%v), want one of the year 1", first, ok)
	}
	if got, ok := s.Prev(first.Add(-1)); ok {
		t.Errorf("before the first instant there is %v", got)
	}
	if n := s.Count(time.Time{}, time.Time{}); n != 0 {
		t.Errorf("an empty range holds %d", n)
	}
	if n := s.Count(created, created.Add(-100*time.Hour)); n != 0 {
		t.Errorf("a range backwards holds %d", n)
	}
}

// From 2100 on, the table of a zone whose rule goes on repeats every 400 years.
func TestTheYearsInWhichTheTableOfAZoneRepeats(t *testing.T) {
	for _, text := range []string{"0 12 1 6 *", "0 0 29 2 *", "30 2 * 3 SUNL", "0 0 * 2 SUN#5", "* * 31 12 *", "0 0 31 12 *", "R/2026-06-01T12:00/P1Y"} {
		s := mustParse(t, text, "America/New_York")
		at := time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 3000 {
			next, ok := s.Next(at)
			if !ok {
				break
			}
			if prev, ok := s.Prev(next.Add(-1)); s.Contains(at) && (!ok || !prev.Equal(at)) {
				t.Fatalf("%s: the last before %v is %v (%v), want %v", text, next, prev, ok, at)
			}
			if prev, ok := s.Prev(next); !ok || !prev.Equal(next) {
				t.Fatalf("%s: Prev(%v) is %v (%v)", text, next, prev, ok)
			}
			if n := s.Count(at, next); n != 1 {
				t.Fatalf("%s: Count(%v, %v) = %d, want 1", text, at, next, n)
			}
			far := next.AddDate(400, 0, 0)
			if text[0] != 'R' && far.Year() < 9999 && next.Year() > 2101 && !s.Contains(far) {
				t.Fatalf("%s: %v, 400 years after %v, is missing", text, far, next)
			}
			at = next
			if text[0] == '*' {
				at = at.AddDate(0, 0, 120) // that one is dense
				at, _ = s.Next(at)
			}
		}
	}
}

func TestExpressionsTellWhatEachContributes(t *testing.T) {
	s := mustParse(t, "\n0 2 * * *\n\nR3/2026-01-01/P1D", "Europe/Berlin")
	lines := s.Expressions()
	if len(lines) != 2 || lines[0].Line() != 2 || lines[1].Line() != 4 || lines[0].Text() != "0 2 * * *" {
		t.Fatalf("expressions are %+v", lines)
	}
	from, to := utc(t, "2025-12-31T12:00:00Z"), utc(t, "2026-01-10T12:00:00Z")
	if a, b, both := lines[0].Count(from, to), lines[1].Count(from, to), s.Count(from, to); a != 10 || b != 3 || both != 13 {
		t.Errorf("they count %d and %d, together %d; want 10, 3 and 13", a, b, both)
	}
	at, _ := lines[1].Next(from)
	if !lines[1].Contains(at) || lines[0].Contains(at) || !s.Contains(at) {
		t.Errorf("%v is of the second expression only", at)
	}
	if got, ok := lines[1].Prev(to); !ok || !got.Equal(utc(t, "2026-01-02T23:00:00Z")) {
		t.Errorf("the last of the second is %v (%v)", got, ok)
	}
	if got := lines[1].Describe(); got != "every day from 2026-01-01 00:00, 3 times, Europe/Berlin" {
		t.Errorf("the second is %q", got)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	for _, text := range []string{"* * * * *", "0 2 29 2 *", "R/2012-01-31/P1M", "@every 7s", "0 2 * * *\n30 14 * * SAT\nR//PT90M"} {
		s := mustParse(t, text, "Europe/Berlin")
		at := created
		if n := testing.AllocsPerRun(100, func() {
			at, _ = s.Next(at)
			s.Prev(at)
			s.Contains(at)
		}); n != 0 {
			t.Errorf("%q allocates %v times", text, n)
		}
	}
}

// TestStepDays: a star with a step in a day field means another thing in the crons that people come from.
func TestStepDays(t *testing.T) {
	for expression, warns := range map[string]bool{
		"0 3 1-7 * */7": true, "0 3 */2 * MON": true, "0 3 1-7 * MON": false, "0 3 */2 * *": false, "0 3 * * */2": false, "0 3 1-7 * */1": false,
	} {
		s, err := Parse(expression, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if list := s.Warnings(); (len(list) == 1) != warns || warns && !strings.Contains(list[0], "both to match") {
			t.Errorf("%s: %q", expression, list)
		}
	}
}
