package schedule

import (
	"strings"
	"testing"
	"time"
)

// Each way in which the clock of a zone has changed, with expressions that fire around it, against the naive reading.
func TestAroundEachKindOfChangeOfTheClock(t *testing.T) {
	changes := []struct{ name, zone, day string }{
		{"an hour forward", "Europe/Berlin", "2026-03-29"},
		{"an hour back", "Europe/Berlin", "2026-10-25"},
		{"an hour forward in the west", "America/New_York", "2026-03-08"},
		{"an hour back in the west", "America/New_York", "2026-11-01"},
		{"half an hour forward", "Australia/Lord_Howe", "2026-10-04"},
		{"half an hour back", "Australia/Lord_Howe", "2026-04-05"},
		{"two hours forward", "Antarctica/Troll", "2026-03-29"},
		{"two hours back", "Antarctica/Troll", "2026-10-25"},
		{"midnight does not exist", "Africa/Cairo", "2026-04-24"},
		{"from midnight back", "Africa/Cairo", "2026-10-30"},
		{"midnight does not exist in Brazil", "America/Sao_Paulo", "2018-11-04"},
		{"from midnight back in Brazil", "America/Sao_Paulo", "2018-02-18"},
		{"from one o'clock back to midnight", "America/Havana", "2026-11-01"},
		{"a day left out", "Pacific/Apia", "2011-12-30"},
		{"a day left out on the equator", "Pacific/Kiritimati", "1994-12-31"},
		{"a day left out, then summer time", "Pacific/Kwajalein", "1993-08-21"},
		{"a day twice", "America/Juneau", "1867-10-18"},
		{"a day left out in the time of sailing ships", "Asia/Manila", "1844-12-31"},
		{"minutes and seconds", "Europe/Amsterdam", "1937-07-01"},
		{"44 minutes and 30 seconds", "Africa/Monrovia", "1972-01-07"},
		{"Ramadan, back", "Africa/Casablanca", "2026-02-15"},
		{"Ramadan, forward", "Africa/Casablanca", "2026-03-22"},
		{"20 minutes forward", "Asia/Singapore", "1933-01-01"},
		{"15 minutes forward", "Asia/Kathmandu", "1986-01-01"},
		{"half an hour for ever", "Asia/Pyongyang", "2018-05-05"},
		{"the rule, long after the table", "Europe/Berlin", "2743-03-31"},
	}
	expressions := []string{
		"0 2 * * *", "30 2 * * *", "5,40 2 * * *", "40,50 1,2,3 * * *", "0 0 * * *", "30 0,23 * * *", "0 0-6 * * *", "7 0-23 * * *",
		"*/20 0-3 * * *", "30 0 2 * * *", "*/15 1-3 * * *", "* 2 * * *", "59 23 * * *", "0 5 30,31 * *", "15 3 * * SAT",
		"0 * * * *", "*/20 * * * *", "30 */2 * * *", "*/17 *,3 * * *", "20 30 * * * *",
	}
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			loc := mustLoad(t, change.zone)
			day, err := time.Parse(time.DateOnly, change.day)
			if err != nil {
				t.Fatal(err)
			}
			from, to := day.Add(-44*time.Hour), day.Add(68*time.Hour)
			for _, text := range expressions {
				s := mustParse(t, text, change.zone)
				checkAgainst(t, s, from, to, newNaiveCron(text, loc).instants(from, to))
			}
			for _, minute := range []int{0, 30, 90, 125, 150, 700, 1410} {
				checkOnceADay(t, loc, day.AddDate(0, 0, -3), minute, 7)
			}
		})
	}
}

// Count of several expressions over years, against walking.
func TestCountOfAUnionOverYearsIsExact(t *testing.T) {
	unions := []struct{ name, lines string }{
		{"dense and sparse", "* * * * *|0 2 * * *"},
		{"overlapping steps", "*/5 * * * *|*/7 9-17 * * MON-FRI"},
		{"fixed hours and the clock", "15,45 1-3 * * *|*/30 * * * *|0 2 * * *"},
		{"different days", "*/10 9 1-7 * *|*/15 9 * * MON|0,5 9 L * *"},
		{"different seconds", "0 0 9 * * *|30 0 9 * * *|0,30 0-1 9 * * *"},
		{"different seconds, the last ones alike", "10 0 9 * * *|20 0 9 * * *|20 1 9 * * *"},
		{"different seconds, first and last alike", "10 0 9 * * *|20 0 9 * * *|10 1 9 * * *"},
		{"an interval out of step with days", "*/5 * * * *|R/2024-01-01T00:02/PT7M"},
		{"an interval in step with days", "*/5 * * * *|R/2024-01-01T00:02:30/PT10M|R/2024-01-01T00:02:30/PT30M"},
		{"intervals alone", "R/2024-01-01/PT7M|R/2024-01-01/PT11M|R/2024-01-01/PT13M"},
		{"more intervals than phases", "R/2024-01-01/PT1H|R/2024-01-01/PT90M|R/2024-01-01/PT100M|R/2024-01-01/PT7H|R/2024-01-01/PT11H|R/2024-01-01/PT13H"},
		{"an interval of fractions", "* * * * *|R/2024-01-01/PT90.5S"},
		{"intervals that begin and end", "*/20 * * * *|R900/2024-02-01T00:10/PT15M|R500/2024-02-03T00:05/PT35M"},
		{"days, months and once", "0 2 * * *|R/2024-01-01T02:00/P1D|R/2024-01-31T02:00/P1M|@at 2024-03-31T02:30|R1/2024-05-05T02:00:01/P|R0//P1D"},
	}
	from, to := utc(t, "2024-01-20T13:52:55Z"), utc(t, "2025-04-03T07:00:00Z")
	for _, union := range unions {
		for _, zone := range []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe"} {
			t.Run(union.name+" "+zone, func(t *testing.T) {
				s := mustParse(t, strings.ReplaceAll(union.lines, "|", "\n"), zone)
				want := 0
				for at, ok := s.Next(from); ok && !at.After(to); at, ok = s.Next(at) {
					want++
				}
				if got := s.Count(from, to); got != want {
					t.Errorf("Count = %d, want %d", got, want)
				}
			})
		}
	}
}
