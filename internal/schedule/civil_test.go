package schedule

import (
	"testing"
	"time"
)

func TestCivilAgreesWithTheStandardLibraryOnEveryDay(t *testing.T) {
	want := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	first := dayNumber(date{1, 1, 1})
	for day := first; want.Year() < 10000; day++ {
		y, m, d := want.Date()
		got := civil(day)
		if got != (date{int64(y), int64(m), int64(d)}) {
			t.Fatalf("civil(%d) = %v, want %v", day, got, want)
		}
		if back := dayNumber(got); back != day {
			t.Fatalf("dayNumber(%v) = %d, want %d", got, back, day)
		}
		if weekday(day) != uint(want.Weekday()) {
			t.Fatalf("weekday of %v = %d, want %v", got, weekday(day), want.Weekday())
		}
		if next := want.AddDate(0, 0, 1); next.Day() == 1 && monthLength(got.year, got.month) != int64(d) {
			t.Fatalf("monthLength(%v) = %d, want %d", got, monthLength(got.year, got.month), d)
		}
		want = want.AddDate(0, 0, 1)
	}
}

func TestTheBoundsAreTheYearsOfRFC3339(t *testing.T) {
	if got := time.Unix(minSecond, 0).UTC().Format(time.RFC3339); got != "0001-01-01T00:00:00Z" {
		t.Errorf("minSecond is %s", got)
	}
	if got := time.Unix(maxSecond, 0).UTC().Format(time.RFC3339); got != "9999-12-31T23:59:59Z" {
		t.Errorf("maxSecond is %s", got)
	}
	if got := time.Unix(-epochShift, 0).UTC().Format("2006-01-02"); got != "0000-03-01" {
		t.Errorf("epochShift is %s", got)
	}
}
