package backfill

import (
	"fmt"
	"testing"

	v1 "horae/api/v1"
)

// BenchmarkPlan is one plan that counts the end of a Run and makes the next one. What it costs does not depend on how
// many occurrences the range has.
func BenchmarkPlan(b *testing.B) {
	for _, days := range []int{1, 69} { // 1,440 and 99,360 occurrences.
		b.Run(fmt.Sprint(days, "days"), func(b *testing.B) {
			w := newWorld(b, at("06:30"))
			w.apply(func(s *v1.JobSpec) { s.Schedule = "* * * * *" })
			w.settle()
			from := at("2026-11-01T00:00:00Z").AddDate(0, 0, -days).Format("2006-01-02T15:04:05Z")
			w.make("october", from, "2026-11-01T00:00:00Z", nil)
			w.settle()
			w.end(w.live("october")[0].Key.Name, v1.RunSucceeded)
			w.seen = len(w.history) - 1
			in := w.backfills.gather.input(w.backfill("october"))
			b.ReportAllocs()
			for b.Loop() {
				if d := Plan(in, w.now); len(d.Create) != 1 || d.Status.Succeeded != 1 {
					b.Fatalf("decided %+v", d)
				}
			}
		})
	}
}
