package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawField draws the text of one cron field.
func drawField(low, high int, extra ...string) *rapid.Generator[string] {
	item := rapid.Custom(func(t *rapid.T) string {
		a := rapid.IntRange(low, high).Draw(t, "a")
		b := rapid.IntRange(a, high).Draw(t, "b")
		step := rapid.IntRange(1, (high-low)/2+1).Draw(t, "step")
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return fmt.Sprintf("%d-%d", a, b)
		case 1:
			return fmt.Sprintf("%d-%d/%d", a, b, step)
		case 2:
			return fmt.Sprintf("*/%d", step+1)
		case 3:
			if len(extra) > 0 {
				return rapid.SampledFrom(extra).Draw(t, "extra")
			}
		}
		return fmt.Sprint(a)
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 2).Draw(t, "any") == 0 {
			return "*"
		}
		return strings.Join(rapid.SliceOfN(item, 1, 3).Draw(t, "items"), ",")
	})
}

// drawCron draws a cron expression; with seconds it fires at most some thousand times a day.
func drawCron(t *rapid.T) string {
	fields := []string{
		drawField(0, 59).Draw(t, "minute"),
		drawField(0, 23).Draw(t, "hour"),
		drawField(1, 31, "L", "LW", "1W", "15W", "31W").Draw(t, "day of month"),
		drawField(1, 12).Draw(t, "month"),
		drawField(0, 6, "MON", "SUN", "7", "FRI#2", "SUN#5", "TUEL", "5L").Draw(t, "day of week"),
	}
	if rapid.IntRange(0, 3).Draw(t, "seconds") == 0 {
		second := rapid.SampledFrom([]string{"30", "0,59", "*/20"}).Draw(t, "second")
		fields = append([]string{second}, fields...)
	}
	return strings.Join(fields, " ")
}

// drawMoment draws a time, most likely one near which the clock of the zone changes.
func drawMoment(t *rapid.T, loc *time.Location) time.Time {
	z := tableOf(loc)
	u := rapid.Int64Range(-3e9, 2e10).Draw(t, "u")
	if rapid.IntRange(0, 3).Draw(t, "near a change") > 0 {
		u = z.segs[rapid.IntRange(0, len(z.segs)-1).Draw(t, "segment")].start
		if z.folds && u >= foldStart {
			u += cycleSeconds * rapid.Int64Range(0, 18).Draw(t, "cycle")
		}
		if u < minSecond+100*secondsPerDay || u > maxSecond-100*secondsPerDay {
			u = 1.7e9
		}
		u += rapid.Int64Range(-2*secondsPerDay, 2*secondsPerDay).Draw(t, "distance")
	}
	return time.Unix(u, 0).UTC()
}

func drawZone(t *rapid.T, zones []string) *time.Location {
	name := rapid.OneOf(
		rapid.SampledFrom([]string{"Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "America/Havana",
			"America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll", "America/New_York", "Etc/UTC"}),
		rapid.SampledFrom(zones)).Draw(t, "zone")
	loc, err := LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// checkAgainst checks Next, Prev, Contains and Count of a schedule against all of its instants in (from, to].
func checkAgainst(t *rapid.T, s *Schedule, from, to time.Time, want []time.Time) {
	at := from
	for i, w := range want {
		got, ok := s.Next(at)
		if !ok || !got.Equal(w) {
			t.Fatalf("instant %d after %v is %v (%v), want %v", i, at.UTC(), got, ok, w)
		}
		if between := at.Add(w.Sub(at) / 2); between.Before(w) && between.After(at) {
			if again, _ := s.Next(between); !again.Equal(w) {
				t.Fatalf("Next from between, %v, is %v, want %v", between, again, w)
			}
			if prev, ok := s.Prev(between); i > 0 && (!ok || !prev.Equal(want[i-1])) {
				t.Fatalf("Prev(%v) is %v (%v), want %v", between, prev, ok, want[i-1])
			}
			if between.Nanosecond() != 0 && s.Contains(between) {
				t.Fatalf("contains %v", between)
			}
		}
		if !s.Contains(w) {
			t.Fatalf("does not contain its instant %v", w)
		}
		if prev, ok := s.Prev(w); !ok || !prev.Equal(w) {
			t.Fatalf("Prev(%v) is %v (%v), want itself", w, prev, ok)
		}
		if n := s.Count(from, w); n != i+1 {
			t.Fatalf("Count(%v, %v) = %d, want %d", from, w, n, i+1)
		}
		if n := s.Count(w, to); n != len(want)-i-1 {
			t.Fatalf("Count(%v, %v) = %d, want %d", w, to, n, len(want)-i-1)
		}
		at = w
	}
	if got, ok := s.Next(at); ok && !got.After(to) {
		t.Fatalf("after the last of %d, %v, there is %v", len(want), at, got)
	}
	if n := s.Count(from, to); n != len(want) {
		t.Fatalf("Count(%v, %v) = %d, want %d", from, to, n, len(want))
	}
}

func parseOrSkip(t *rapid.T, text string, loc *time.Location) *Schedule {
	s, err := Parse(text, Options{Location: loc, Created: time.Unix(1.7e9, 0), HashKey: "default/test"})
	if err != nil && strings.Contains(err.Error(), "never fires") {
		t.SkipNow()
	} else if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawRange draws up to six days of time around a moment.
func drawRange(t *rapid.T, loc *time.Location) (from, to time.Time) {
	from = drawMoment(t, loc)
	length := rapid.Int64Range(0, 6*secondsPerDay).Draw(t, "seconds")
	return from, from.Add(time.Duration(length) * time.Second)
}

func TestPropertyCronIsWhatTheNaiveReadingSays(t *testing.T) {
	zones := allZones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := drawZone(t, zones)
		text := drawCron(t)
		s := parseOrSkip(t, text, loc)
		from, to := drawRange(t, loc)
		checkAgainst(t, s, from, to, newNaiveCron(text, loc).instants(from, to))
	})
}
