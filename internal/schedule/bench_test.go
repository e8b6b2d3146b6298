package schedule

import (
	"math"
	"strings"
	"testing"
	"time"

	robfig "github.com/robfig/cron/v3"
)

// Next walks from instant to instant, ours and robfig/cron's on the same expression in the same run: "best-ns" is the best
// time of a call of ours, "robfig-best-ns" of theirs, "times-faster" the ratio.
func BenchmarkNext(b *testing.B) {
	tests := []struct{ name, schedule, zone string }{
		{"minutely", "* * * * *", "UTC"},
		{"five-minutes", "*/5 * * * *", "UTC"},
		{"hourly", "@hourly", "UTC"},
		{"daily", "0 2 * * *", "UTC"},
		{"daily-Berlin", "0 2 * * *", "Europe/Berlin"},
		{"weekdays-Berlin", "0 2 * * MON-FRI", "Europe/Berlin"},
		{"office-New_York", "*/15 9-17 * * MON-FRI", "America/New_York"},
		{"monthly", "0 0 1 * *", "UTC"},
		{"monthly-Berlin", "0 0 1 * *", "Europe/Berlin"},
		{"either-day-Berlin", "30 4 1,15 * FRI", "Europe/Berlin"},
		{"yearly-Berlin", "0 0 1 1 *", "Europe/Berlin"},
		{"leap-day", "0 0 29 2 *", "UTC"},
		{"leap-day-Berlin", "0 0 29 2 *", "Europe/Berlin"},
		{"seconds", "* * * * * *", "UTC"},
		{"ten-seconds-Berlin", "*/10 * * * * *", "Europe/Berlin"},
		{"every-90s", "@every 90s", "UTC"},
	}
	parser := robfig.NewParser(robfig.SecondOptional | robfig.Minute | robfig.Hour | robfig.Dom | robfig.Month | robfig.Dow | robfig.Descriptor)
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			loc := mustLoad(b, test.zone)
			start := time.Date(2026, 11, 22, 13, 52, 55, 0, time.UTC)
			ours, err := Parse(test.schedule, Options{Location: loc, Created: start})
			if err != nil {
				b.Fatal(err)
			}
			theirs, err := parser.Parse("TZ=" + test.zone + " " + test.schedule)
			if err != nil {
				b.Fatal(err)
			}
			at := start
			b.ReportAllocs()
			for b.Loop() {
				if at, _ = ours.Next(at); at.After(farFuture) {
					at = start
				}
			}
			our, their := sideBySide(ours, theirs, start)
			b.ReportMetric(our, "best-ns")
			b.ReportMetric(their, "robfig-best-ns")
			b.ReportMetric(their/our, "times-faster")
		})
	}
}

var farFuture = time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)

// sideBySide takes turns with both and gives the best time of each for a call, in nanoseconds: the best of many short rounds
// is the one that nothing else on the machine disturbed.
func sideBySide(ours *Schedule, theirs robfig.Schedule, start time.Time) (our, their float64) {
	const rounds, calls = 200, 100
	our, their = math.MaxFloat64, math.MaxFloat64
	a, b := start, start
	for range rounds {
		begin := time.Now()
		for range calls {
			a, _ = ours.Next(a)
		}
		middle := time.Now()
		for range calls {
			b = theirs.Next(b)
		}
		end := time.Now()
		our = min(our, float64(middle.Sub(begin).Nanoseconds())/calls)
		their = min(their, float64(end.Sub(middle).Nanoseconds())/calls)
		if a.After(farFuture) || b.After(farFuture) {
			a, b = start, start
		}
	}
	return our, their
}

// BenchmarkNextOther has what robfig/cron does not know.
func BenchmarkNextOther(b *testing.B) {
	for name, text := range map[string]string{
		"hours":     "R/2012-01-01T00:00:00/PT1H",
		"days":      "R/2012-01-01T02:30:00/P1D",
		"months":    "R/2012-01-31T02:30:00/P1M",
		"last-day":  "0 0 L * *",
		"third-Fri": "0 12 * * FRI#3",
		"union":     "0 2 * * MON-FRI\n0 4 * * SAT\nR/2012-01-31/P1M",
	} {
		b.Run(name, func(b *testing.B) {
			s := mustParse(b, text, "Europe/Berlin")
			start := time.Date(2026, 11, 22, 13, 52, 55, 0, time.UTC)
			at := start
			b.ReportAllocs()
			for b.Loop() {
				if at, _ = s.Next(at); at.After(farFuture) {
					at = start
				}
			}
		})
	}
}

// BenchmarkCountYears counts what a plan asks after a downtime of one and of ten years.
func BenchmarkCountYears(b *testing.B) {
	for name, text := range map[string]string{
		"minutely":         "* * * * *",
		"office":           "*/15 9-17 * * MON-FRI",
		"either-day":       "30 4 1,15 * FRI",
		"interval":         "R/2012-01-01/PT1M",
		"month":            "R/2012-01-31/P1M",
		"union":            "* * * * *\n*/15 9-17 * * MON-FRI",
		"three-lines":      "*/5 * * * *\n*/7 9-17 * * MON-FRI\n0 0 L * *",
		"with-an-interval": "*/5 * * * *\nR/2012-01-01/PT7M",
		"with-days":        "*/5 * * * *\nR/2012-01-01T00:01/P1D",
	} {
		for years, label := range map[int]string{1: "one", 10: "ten"} {
			b.Run(strings.Join([]string{name, label}, "/"), func(b *testing.B) {
				s := mustParse(b, text, "Europe/Berlin")
				from := time.Date(2016, 11, 22, 13, 52, 55, 0, time.UTC)
				for b.Loop() {
					s.Count(from, from.AddDate(years, 0, 0))
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	loc := mustLoad(b, "Europe/Berlin")
	for name, text := range map[string]string{"cron": "*/15 9-17 * * MON-FRI", "interval": "R/2012-01-31T02:30:00/P1M"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text, Options{Location: loc}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
