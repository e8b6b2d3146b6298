package schedule

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// What Chronos did with a schedule and a time zone, where it was right; where it was not, what is right.

var created = time.Date(2026, 11, 22, 13, 52, 55, 700e6, time.UTC)

func parseIn(t *testing.T, text, zone string) (*Schedule, error) {
	t.Helper()
	o := Options{Created: created, HashKey: "default/test"}
	if zone != "" {
		loc, err := LoadLocation(zone)
		if err != nil {
			return nil, err
		}
		o.Location = loc
	}
	return Parse(text, o)
}

func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestChronosParserTable(t *testing.T) {
	const start = "2008-03-01T13:00:00Z"
	tests := []struct {
		name, schedule, zone string
		refused              string   // part of the error; empty: accepted
		starts               []string // the first instants
		ends                 bool     // there are no more
		warns                string   // part of the warning
	}{
		{name: "not a schedule", schedule: "FOO", refused: "must have 5 fields"},
		{name: "five days", schedule: "R5/2008-03-01T13:00:00Z/P1D", ends: true,
			starts: []string{start, "2008-03-02T13:00:00Z", "2008-03-03T13:00:00Z", "2008-03-04T13:00:00Z", "2008-03-05T13:00:00Z"}},
		{name: "every day", schedule: "R/2008-03-01T13:00:00Z/P1D", starts: []string{start, "2008-03-02T13:00:00Z"}},
		{name: "empty start is when the Job was created", schedule: "R1//P1D", starts: []string{"2026-11-22T13:52:55Z"}, ends: true},
		{name: "no period, once", schedule: "R1//P", starts: []string{"2026-11-22T13:52:55Z"}, ends: true},
		{name: "BST is ambiguous", schedule: "R/2008-03-01T13:00:00Z/P1D", zone: "BST", refused: "Europe/London or Asia/Dhaka"},
		{name: "PST is ambiguous", schedule: "R/2008-03-01T13:00:00Z/P1D", zone: "PST", refused: "America/Los_Angeles"},
		{name: "EST is ambiguous", schedule: "R/2008-03-01T13:00:00Z/P1D", zone: "EST", refused: "America/New_York, or Etc/GMT+5"},
		{name: "the zone wins over Z", schedule: "R/2008-03-01T13:00:00Z/P1D", zone: "Europe/Paris",
			starts: []string{"2008-03-01T12:00:00Z"}, warns: "Europe/Paris, which wins: it is read as 2008-03-01T13:00:00 there"},
		{name: "the zone wins over an offset, the fields are kept", schedule: "R/2008-03-01T13:00:00-04:00/P1D", zone: "America/Los_Angeles",
			starts: []string{"2008-03-01T21:00:00Z"}, warns: "which wins"},
		{name: "an offset and no zone is that offset", schedule: "R/2008-03-01T13:00:00-04:00/P1M", starts: []string{"2008-03-01T17:00:00Z", "2008-04-01T17:00:00Z"}},
		{name: "an offset and UTC is that offset, with a warning", schedule: "R/2008-03-01T13:00:00-04:00/P1D", zone: "UTC",
			starts: []string{"2008-03-01T17:00:00Z"}, warns: "which is used rather than the time zone UTC"},
		{name: "the calendar is that of the offset", schedule: "R/2008-01-31T23:00:00-04:00/P1M", starts: []string{"2008-02-01T03:00:00Z", "2008-03-01T03:00:00Z", "2008-04-01T03:00:00Z"}},
		{name: "unknown zone", schedule: "R/2008-03-01T13:00:00Z/P1D", zone: "Nope/Zone", refused: "not in the IANA time zone database"},
		{name: "no period", schedule: "R/2008-03-01T13:00:00Z", refused: "this has 2 parts"},
		{name: "a date is local midnight", schedule: "R/2008-03-01/P1D", zone: "America/Los_Angeles", starts: []string{"2008-03-01T08:00:00Z"}},
		{name: "R0 never fires", schedule: "R0/2008-03-01T13:00:00Z/PT1H", ends: true},
		{name: "R0 without period never fires", schedule: "R0/2008-03-01T13:00:00Z/PT0S", ends: true},
		{name: "negative repetitions", schedule: "R-1/2008-03-01T13:00:00Z/P1D", refused: `repetitions "R-1"`},
		{name: "week date", schedule: "R/2008-W10-6T13:00Z/P1W", starts: []string{"2008-03-08T13:00:00Z", "2008-03-15T13:00:00Z"}},
		{name: "ordinal date", schedule: "R/2008-061/P1D", starts: []string{"2008-03-01T00:00:00Z"}},
		{name: "a year", schedule: "R/2008/P1Y", starts: []string{"2008-01-01T00:00:00Z", "2009-01-01T00:00:00Z"}},
		{name: "a month", schedule: "R/2008-03/P1M", starts: []string{"2008-03-01T00:00:00Z", "2008-04-01T00:00:00Z"}},
		{name: "a time without a date", schedule: "R/T13:00/P1D", refused: "must begin with a date"},
		{name: "less than a second", schedule: "R/2008-03-01T13:00:00Z/PT0.5S", refused: `period "PT0.5S": must be at least 1 second`},
		{name: "zero period", schedule: "R/2008-03-01T13:00:00Z/P", refused: `period "P": is zero`},
		{name: "zero period twice", schedule: "R2/2008-03-01T13:00:00Z/PT0S", refused: `period "PT0S": is zero`},
		{name: "nothing after T", schedule: "R/2008-03-01T13:00:00Z/PT", refused: "must be an ISO 8601 duration"},
		{name: "nothing after 1DT", schedule: "R/2008-03-01T13:00:00Z/P1DT", refused: "must be an ISO 8601 duration"},
		{name: "half a day", schedule: "R/2008-03-01T13:00:00Z/P1.5D", refused: "only seconds may have a fraction"},
		{name: "small letters", schedule: "R/2008-03-01T13:00:00Z/p1d", refused: `end "p1d"`},
		{name: "negative period", schedule: "R/2008-03-01T13:00:00Z/P-1D", refused: "must not be negative"},
		{name: "negative period, sign first", schedule: "R/2008-03-01T13:00:00Z/-P1D", refused: "must not be negative"},
		{name: "all units", schedule: "R/2008-03-01T13:00:00Z/P1Y2M3W4DT5H6M7.008S", starts: []string{start, "2009-05-26T18:06:07.008Z"}},
		{name: "no such date", schedule: "R/2008-02-30T13:00:00Z/P1D", refused: "2008-02 has the days 01-29"},
		{name: "hour 24", schedule: "R/2008-03-01T24:00:00Z/P1D", refused: "the hour must be 00-23"},
		{name: "hour 25", schedule: "R/2008-03-01T25:00:00Z/P1D", refused: "the hour must be 00-23"},
		{name: "a leap second", schedule: "R/2016-12-31T23:59:60Z/P1D", refused: "the second must be 00-59"},
		{name: "a space", schedule: "R/2008-03-01 13:00:00/P1D", refused: `start "2008-03-01 13:00:00"`},
		{name: "small r", schedule: "r/2008-03-01T13:00:00Z/P1D", refused: `repetitions "r"`},
		{name: "a space after R3", schedule: "R3 /2008-03-01T13:00:00Z/P1D", refused: `repetitions "R3 "`},
		{name: "too many repetitions", schedule: "R99999999999999999999/2008-03-01T13:00:00Z/P1D", refused: "must be at most R2147483647"},
		{name: "start and end (Chronos refused it)", schedule: "R2/2008-03-01T13:00:00Z/2008-03-01T14:30:00Z", starts: []string{start, "2008-03-01T14:30:00Z"}, ends: true},
		{name: "period and end", schedule: "R/P1D/2008-03-01T13:00:00Z", refused: "R[n]/period/end is not supported"},
		{name: "two periods", schedule: "R/2008-03-01T13:00:00Z/P1D/P2D", refused: "this has 4 parts"},
		{name: "start in the gap", schedule: "R/2019-03-10T02:30:00/P1D", zone: "America/Los_Angeles",
			starts: []string{"2019-03-10T10:30:00Z", "2019-03-11T09:30:00Z"}},
		{name: "start with Z in the gap", schedule: "R/2019-03-10T02:30:00Z/P1D", zone: "America/Los_Angeles", starts: []string{"2019-03-10T10:30:00Z"}, warns: "which wins"},
		{name: "start in the hour that comes twice", schedule: "R/2019-11-03T01:30:00Z/P1D", zone: "America/Los_Angeles", starts: []string{"2019-11-03T08:30:00Z"}, warns: "which wins"},
		{name: "the offset says which of the two", schedule: "R/2019-11-03T01:30:00-08:00/P1D", zone: "America/Los_Angeles",
			starts: []string{"2019-11-03T09:30:00Z", "2019-11-04T09:30:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := parseIn(t, test.schedule, test.zone)
			if test.refused != "" {
				var e *Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), test.refused) {
					t.Fatalf("error is %v, want an *Error with %q", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			at := time.Time{}
			for i, want := range test.starts {
				got, ok := s.Next(at)
				if !ok || !got.Equal(utc(t, want)) {
					t.Fatalf("instant %d is %v (%v), want %s", i, got, ok, want)
				}
				at = got
			}
			if got, ok := s.Next(at); ok == test.ends {
				t.Errorf("after those: %v (%v), want exhausted = %v", got, ok, test.ends)
			}
			if warnings := strings.Join(s.Warnings(), "\n"); (warnings == "") != (test.warns == "") || !strings.Contains(warnings, test.warns) {
				t.Errorf("warnings %q, want %q", warnings, test.warns)
			}
		})
	}
}

// Chronos stored a rewritten schedule after each launch; here the instants follow from the schedule that was written.
func TestChronosAdvancingTable(t *testing.T) {
	const la = "America/Los_Angeles"
	tests := []struct {
		name, schedule, zone, now string
		want                      []string // the next instants after now
		ends                      bool
	}{
		{name: "a minute later", schedule: "R/2012-01-01T00:00:01.000Z/PT1M", now: "2012-01-01T00:00:01.5Z", want: []string{"2012-01-01T00:01:01Z"}},
		{name: "exactly at the second run", schedule: "R/2012-01-01T00:00:01.000Z/PT1M", now: "2012-01-01T00:01:01Z", want: []string{"2012-01-01T00:02:01Z"}},
		{name: "exactly at the start", schedule: "R/2012-01-01T00:00:01.000Z/PT1M", now: "2012-01-01T00:00:01Z", want: []string{"2012-01-01T00:01:01Z"}},
		{name: "just before the start", schedule: "R/2012-01-01T00:00:01.000Z/PT1M", now: "2012-01-01T00:00:00.999999999Z", want: []string{"2012-01-01T00:00:01Z"}},
		{name: "a year that began yesterday", schedule: "R/2026-11-21T10:00:00Z/P1Y", now: "2026-11-22T10:00:00Z", want: []string{"2027-11-21T10:00:00Z"}},
		{name: "starts tomorrow", schedule: "R/2026-11-23T10:00:00Z/PT1M", now: "2026-11-22T10:00:00Z", want: []string{"2026-11-23T10:00:00Z"}},
		{name: "fourteen years of minutes later", schedule: "R/2012-01-01T00:00:01Z/PT1M", now: "2026-11-22T10:00:00Z", want: []string{"2026-11-22T10:00:01Z"}},
		{name: "months are always day 1 (#819)", schedule: "R/2012-01-01T00:00:01Z/P1M", now: "2026-11-22T10:00:00Z", want: []string{"2026-12-01T00:00:01Z"}},
		{name: "the third of five", schedule: "R5/2012-01-01T00:00:00.000Z/P1D", now: "2012-01-03T00:00:00Z", want: []string{"2012-01-04T00:00:00Z", "2012-01-05T00:00:00Z"}, ends: true},
		{name: "all five gone", schedule: "R5/2012-01-01T00:00:00.000Z/P1D", now: "2012-01-20T00:00:03Z", ends: true},
		{name: "once", schedule: "R1/2026-11-22T10:00:00Z/P1D", now: "2026-11-22T10:00:00Z", ends: true},
		{name: "once without period", schedule: "R1/2026-11-22T10:00:00Z/PT0S", now: "2026-11-22T10:00:00Z", ends: true},
		{name: "R0 does not become endless", schedule: "R0/2012-01-01T00:00:00.000Z/P1D", now: "2012-01-01T00:00:03Z", ends: true},
		{name: "R0 without period does not become endless", schedule: "R0/2012-01-01T00:00:00.000Z/PT0S", now: "2012-01-01T00:00:03Z", ends: true},
		{name: "a second and a half", schedule: "R/2012-01-01T00:00:00.000Z/PT1.5S", now: "2012-01-01T00:00:03Z", want: []string{"2012-01-01T00:00:04.5Z", "2012-01-01T00:00:06Z"}},
		{name: "68 years behind", schedule: "R/1970-01-01T00:00:01.000Z/PT1H", now: "2038-02-18T00:00:00Z", want: []string{"2038-02-18T00:00:01Z"}},
		{name: "weeks", schedule: "R/2012-01-01T00:00:00.000Z/P1W", now: "2012-01-10T00:00:03Z", want: []string{"2012-01-15T00:00:00Z"}},
		{name: "the 31st comes back (#559)", schedule: "R/2012-01-31T00:00:00.000Z/P1M", now: "2012-01-31T00:00:02Z",
			want: []string{"2012-02-29T00:00:00Z", "2012-03-31T00:00:00Z", "2012-04-30T00:00:00Z", "2012-05-31T00:00:00Z", "2012-06-30T00:00:00Z"}},
		{name: "the leap day comes back", schedule: "R/2012-02-29T00:00:00.000Z/P1Y", now: "2012-02-29T00:00:00Z",
			want: []string{"2013-02-28T00:00:00Z", "2014-02-28T00:00:00Z", "2015-02-28T00:00:00Z", "2016-02-29T00:00:00Z"}},
		{name: "not due twice", schedule: "R/2012-01-31T00:00:00.000Z/P1M", now: "2012-03-01T00:00:02Z", want: []string{"2012-03-31T00:00:00Z"}},
		{name: "February is not left out", schedule: "R/2012-01-01T00:00:01Z/P1M", now: "2012-01-31T12:00:00Z", want: []string{"2012-02-01T00:00:01Z"}},
		{name: "five years of months (#819)", schedule: "R/2012-01-01T00:00:01Z/P1M", now: "2017-03-27T08:01:30Z", want: []string{"2017-04-01T00:00:01Z"}},
		{name: "in Tokyo (#851)", schedule: "R/2012-01-01T00:00:01Z/P1M", now: "2017-08-17T15:00:00Z", want: []string{"2017-09-01T00:00:01Z"}},
		{name: "October is not left out (#851)", schedule: "R/2012-01-01T00:00:01Z/P1M", now: "2017-09-01T15:00:00Z", want: []string{"2017-10-01T00:00:01Z"}},
		{name: "a month and 15 days", schedule: "R/2012-01-01T00:00:00.000Z/P1M15D", now: "2012-02-10T00:00:02Z", want: []string{"2012-02-16T00:00:00Z"}},
		{name: "the gap moves one day only", schedule: "R/2019-03-09T02:30:00.000/P1D", zone: la, now: "2019-03-09T10:30:02Z",
			want: []string{"2019-03-10T10:30:00Z", "2019-03-11T09:30:00Z"}},
		{name: "once in the hour that comes twice", schedule: "R/2019-11-02T01:30:00.000-07:00/P1D", zone: la, now: "2019-11-02T08:30:02Z",
			want: []string{"2019-11-03T08:30:00Z", "2019-11-04T09:30:00Z"}},
		{name: "hours are elapsed time, backwards", schedule: "R/2019-11-03T00:30:00.000-07:00/PT1H", zone: la, now: "2019-11-03T07:30:02Z",
			want: []string{"2019-11-03T08:30:00Z", "2019-11-03T09:30:00Z", "2019-11-03T10:30:00Z"}},
		{name: "hours are elapsed time, forwards", schedule: "R/2019-03-10T01:30:00.000-08:00/PT1H", zone: la, now: "2019-03-10T09:30:02Z",
			want: []string{"2019-03-10T10:30:00Z"}},
		{name: "24 hours are not a day", schedule: "R/2019-03-08T08:00:00.000/PT24H", zone: la, now: "2019-03-08T15:59:59Z",
			want: []string{"2019-03-08T16:00:00Z", "2019-03-09T16:00:00Z", "2019-03-10T16:00:00Z"}},
		{name: "no extra run after the clock went forward", schedule: "R/2019-03-01T00:00:00.000/P1D", zone: la, now: "2019-03-20T07:00:02Z", want: []string{"2019-03-21T07:00:00Z"}},
		{name: "autumn", schedule: "R/2019-10-25T00:00:00.000/P1D", zone: la, now: "2019-11-10T08:00:02Z", want: []string{"2019-11-11T08:00:00Z"}},
		{name: "autumn, half an hour earlier", schedule: "R/2019-10-25T00:00:00.000/P1D", zone: la, now: "2019-11-10T07:30:02Z", want: []string{"2019-11-10T08:00:00Z"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := parseIn(t, test.schedule, test.zone)
			if err != nil {
				t.Fatal(err)
			}
			at := utc(t, test.now)
			for i, want := range test.want {
				got, ok := s.Next(at)
				if !ok || !got.Equal(utc(t, want)) {
					t.Fatalf("instant %d after %v is %v (%v), want %s", i, at, got, ok, want)
				}
				at = got
			}
			if got, ok := s.Next(at); ok == test.ends {
				t.Errorf("after those: %v (%v), want exhausted = %v", got, ok, test.ends)
			}
		})
	}
}
