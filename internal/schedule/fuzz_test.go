package schedule

import (
	"errors"
	"testing"
	"time"
)

// FuzzParse looks for panics, for hangs (a fuzzing run fails if one input takes seconds), and for answers that contradict
// each other.
func FuzzParse(f *testing.F) {
	for _, rows := range readRows(f) {
		for _, r := range rows {
			f.Add(r.Schedule, r.TimeZone, r.After.Unix())
		}
	}
	for _, text := range []string{
		"H H(2-5) H/10 * *", "0 0 L,LW,15W * FRI#3,SUNL,L", "0 0 29 2 SUN#5", "@every 1h30m", "@at 2026-03-01T12:00:00+02:00", "R1//P",
		"R/2008-W10-6T13:00Z/P1Y2M3W4DT5H6M7.008S", "R/2008-061/2008-062T13", "*/5 * * * *\nR/2012-01-01/PT7M\nR/2012-01-01/P1D",
		"R/0001-01-01/P9999Y", "R/9999-12-31T23:59:59/PT1S", "R9/2012-01-31T00:00:00.5/P1M\nR/2012-01-01/PT1.000001S", "59 59 23 31 12 *",
	} {
		f.Add(text, "Pacific/Apia", int64(1325239200))
	}
	zones := allZones(f)
	f.Fuzz(func(t *testing.T, text, zone string, at int64) {
		loc, err := LoadLocation(zone)
		if err != nil {
			loc = mustLoad(t, zones[uint64(at)%uint64(len(zones))])
		}
		s, err := Parse(text, Options{Location: loc, Created: time.Unix(at/2, 0), HashKey: zone})
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Message == "" || err.Error() == "") {
			t.Fatalf("Parse(%q): %v is not an *Error with a message", text, err)
		}
		if err != nil {
			return
		}
		if s.Describe() == "" || len(s.Expressions()) == 0 {
			t.Fatalf("%q has no words", text)
		}
		checkWalk(t, s, time.Unix(at, 0))
	})
}

// checkWalk follows a few instants from a time on, and checks them against Prev, Count and Contains.
func checkWalk(t *testing.T, s *Schedule, from time.Time) {
	t.Helper()
	at := from
	for i := 1; i <= 5; i++ {
		next, ok := s.Next(at)
		if !ok {
			if !next.IsZero() {
				t.Fatalf("exhausted, but with the time %v", next)
			}
			return
		}
		if !next.After(at) {
			t.Fatalf("Next(%v) = %v is not after it", at, next)
		}
		if next.Location() != time.UTC {
			t.Fatalf("Next(%v) = %v is not in UTC", at, next)
		}
		if !s.Contains(next) {
			t.Fatalf("does not contain its instant %v", next)
		}
		if prev, ok := s.Prev(next); !ok || !prev.Equal(next) {
			t.Fatalf("Prev(%v) = %v, %v", next, prev, ok)
		}
		if prev, ok := s.Prev(next.Add(-1)); i > 1 && (!ok || !prev.Equal(at)) {
			t.Fatalf("Prev of just before %v is %v, %v; want %v", next, prev, ok, at)
		}
		if s.countable(from, next) && s.Count(from, next) != i {
			t.Fatalf("Count(%v, %v) is %d, want %d", from, next, s.Count(from, next), i)
		}
		at = next
	}
}

// countable leaves out the counts that take long by their nature: of several lines over thousands of years.
func (s *Schedule) countable(from, to time.Time) bool {
	return len(s.lines) == 1 || to.Sub(from) < 100*365*24*time.Hour
}
