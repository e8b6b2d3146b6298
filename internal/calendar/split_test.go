package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/schedule"
)

// at is the beginning of a day in UTC.
func at(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}

// TestSplitAgreesWithWalking: what is on and what is off, forwards, backwards and counted, for any schedule and any days.
func TestSplitAgreesWithWalking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"Etc/UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "America/Sao_Paulo"}).Draw(t, "zone")
		expression := rapid.SampledFrom([]string{"0 9 * * *", "*/20 * * * *", "30 0,23 * * *", "0 0 * * MON", "R/2026-11-01T00:30/PT7H", "0 2 1,15 * *\n@every 5h"}).Draw(t, "schedule")
		all, err := schedule.Anchor{Expression: expression, TimeZone: zone, Since: at("2026-11-22")}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		start := rapid.SampledFrom([]time.Time{at("2026-11-20"), at("2010-03-10"), at("2018-10-30")}).Draw(t, "start")
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		d := &calendar.Split{All: all, Rule: drawRule(t, calendar.In(start, time.UTC)), Zone: location}
		if rapid.Bool().Draw(t, "some passed") {
			d.OffAfter = start.Add(time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, "off after")) * time.Minute)
			d.OffBefore = d.OffAfter.Add(time.Duration(rapid.IntRange(1, 3*24*60).Draw(t, "off for")) * time.Minute)
		}
		var on, off []time.Time
		end := start.AddDate(0, 0, 20)
		for x, ok := all.Next(start); ok && !x.After(end); x, ok = all.Next(x) {
			if d.Runs(x) {
				on = append(on, x)
			} else {
				off = append(off, x)
			}
		}
		from := start.Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(t, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 5*24*60).Draw(t, "for")) * time.Minute)
		if to.After(end) {
			to = end
		}
		checkPart(t, "on", d.On(), on, from, to)
		if !from.Before(d.OffBefore) || !from.After(d.OffAfter) && !d.OffAfter.Before(d.OffBefore) { // It is asked from the cursor on.
			checkPart(t, "off", d.Off(), off, from, to)
		}
	})
}

func drawRule(t *rapid.T, start calendar.Day) *calendar.Rule {
	set := func() *calendar.Set {
		var spec v1.CalendarSpec
		for range rapid.IntRange(0, 3).Draw(t, "dates") {
			from := start + calendar.Day(rapid.IntRange(0, 20).Draw(t, "day"))
			spec.Dates = append(spec.Dates, fmt.Sprintf("%s/%s", from, from+calendar.Day(rapid.IntRange(0, 3).Draw(t, "days"))))
		}
		for _, day := range v1.Weekdays {
			if rapid.IntRange(0, 2).Draw(t, string(day)) == 0 {
				spec.Weekdays = append(spec.Weekdays, day)
			}
		}
		s, err := calendar.Compile(&spec)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	r := &calendar.Rule{Restricted: rapid.Bool().Draw(t, "only?")}
	if rapid.Bool().Draw(t, "exclude?") {
		r.Exclude = []*calendar.Set{set()}
	}
	if r.Restricted {
		r.Only = []*calendar.Set{set(), set()}
	}
	return r
}

func checkPart(t *rapid.T, name string, part calendar.Occurrences, want []time.Time, from, to time.Time) {
	i := slices.IndexFunc(want, func(x time.Time) bool { return x.After(from) })
	if got, ok := part.Next(from); i >= 0 && (!ok || !got.Equal(want[i])) || i < 0 && ok && got.Before(from.AddDate(0, 0, 0)) {
		t.Fatalf("%s: Next(%s) is %s, want %v", name, from, got, want)
	}
	n, last := 0, time.Time{}
	for _, x := range want {
		if !x.After(to) {
			last = x
			if x.After(from) {
				n++
			}
		}
	}
	if got, ok := part.Prev(to); !last.IsZero() && (!ok || !got.Equal(last)) {
		t.Fatalf("%s: Prev(%s) is %s, want %s", name, to, got, last)
	}
	if got := part.Count(from, to); got != n {
		t.Fatalf("%s: Count(%s, %s) is %d, want %d", name, from, to, got, n)
	}
}
