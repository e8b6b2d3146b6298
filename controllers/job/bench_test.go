package job

import (
	"fmt"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func countSteps(compile func(key store.Key, s v1.ScheduleStatus) (Occurrences, error), steps *int) func(store.Key, v1.ScheduleStatus) (Occurrences, error) {
	return func(key store.Key, s v1.ScheduleStatus) (Occurrences, error) {
		compiled, err := anchorOf(key, s).Parse()
		return stepper{compiled, steps}, err
	}
}

// BenchmarkPlan is what a plan costs without I/O.
func BenchmarkPlan(b *testing.B) {
	full := func(b *testing.B, edit func(*v1.JobSpec)) *world {
		w := newWorld(b, at("00:30"), edit)
		w.exact, w.settings.MaxLag = false, time.Hour
		for hour := range 20 { // a full history
			w.to(at("01:02").Add(time.Duration(hour) * time.Hour))
			w.end(w.runs[len(w.runs)-1].Key.Name, []v1.RunPhase{v1.RunSucceeded, v1.RunFailed}[hour%2])
			w.settle()
		}
		return w
	}
	for _, bench := range []struct {
		name string
		edit func(*v1.JobSpec)
		move func(*world)
	}{
		{"idle", nil, func(w *world) { w.now = w.now.Add(time.Minute) }},
		{"due", nil, func(w *world) { w.now = at("21:00:01") }},
		{"due with jitter and deadline", func(s *v1.JobSpec) {
			s.Jitter, s.StartingDeadline = duration(time.Minute), duration(time.Hour)
		}, func(w *world) { w.now = at("21:02") }},
		{"down for a year, latest", func(s *v1.JobSpec) { s.Schedule = "* * * * *" }, func(w *world) { w.now = w.now.AddDate(1, 0, 0); w.upSince = w.now }},
		{"down for a year, all", func(s *v1.JobSpec) { s.Schedule, s.MissedRuns = "* * * * *", v1.MissedRunsAll },
			func(w *world) { w.now = w.now.AddDate(1, 0, 0); w.upSince = w.now }},
		{"down for a year, two expressions", func(s *v1.JobSpec) { s.Schedule = "*/2 * * * *\n*/3 * * * *" },
			func(w *world) { w.now = w.now.AddDate(1, 0, 0); w.upSince = w.now }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w := full(b, bench.edit)
			bench.move(w)
			in := w.input()
			var d Decision
			b.ReportAllocs()
			for b.Loop() {
				d = Plan(in, w.now)
			}
			_ = fmt.Sprint(d.After)
		})
	}
}

// BenchmarkDecision is a plan that creates a Run, with the documents that are written.
func BenchmarkDecision(b *testing.B) {
	w := newWorld(b, at("09:30"), nil)
	w.exact = false
	w.settle()
	w.now = at("10:00")
	in := w.input()
	b.ReportAllocs()
	for b.Loop() {
		d := Plan(in, w.now)
		if _, err := changeOf(w.job.Key, in.Job, &d, w.stored, w.now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEnd is a plan that counts a Run that has ended, with the documents that are written: with its statistics, of
// a Job that has had many Runs.
func BenchmarkEnd(b *testing.B) {
	w := newWorld(b, at("09:30"), nil)
	w.exact = false
	w.settle()
	for i := range 100 {
		w.finish(w.manual(fmt.Sprintf("%04d", i)), v1.RunSucceeded, w.now.Add(-time.Duration(i)*time.Second))
	}
	w.settle()
	w.finish(w.manual("last"), v1.RunSucceeded, w.now.Add(-time.Minute))
	w.written = time.Time{}
	in := w.input()
	b.ReportAllocs()
	for b.Loop() {
		d := Plan(in, w.now)
		if _, err := changeOf(w.job.Key, in.Job, &d, w.stored, w.now); err != nil {
			b.Fatal(err)
		}
	}
}
