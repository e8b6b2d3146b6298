package backfill

import (
	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/internal/metric"
)

type metrics struct {
	created  prometheus.Counter
	done     *prometheus.CounterVec
	skipped  *prometheus.CounterVec
	finished *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	return metrics{
		created: metric.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horae_backfill_runs_created_total", Help: "Runs created by Backfills.",
		})),
		done: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_backfill_runs_ended_total", Help: "Runs of Backfills that ended, by outcome: Succeeded, Failed.",
		}, []string{"outcome"})),
		skipped: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_backfill_skipped_total", Help: "Occurrences that Backfills did not run, by reason.",
		}, []string{"reason"})),
		finished: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_backfills_finished_total", Help: "Backfills that finished, by reason: AllSucceeded, SomeFailed, JobDeleted.",
		}, []string{"reason"})),
	}
}

// changed counts what a status that was written says beyond the one before it.
func (m *metrics) changed(before, after *v1.BackfillStatus, created int) {
	m.created.Add(float64(created))
	add := func(c prometheus.Counter, n int64) {
		if n > 0 { // It is less for a Backfill that was deleted and created anew.
			c.Add(float64(n))
		}
	}
	add(m.done.WithLabelValues("Succeeded"), after.Succeeded-before.Succeeded)
	add(m.done.WithLabelValues("Failed"), after.Failed-before.Failed)
	counts := map[string]int64{}
	for _, s := range before.SkippedFor {
		counts[s.Reason] = s.Count
	}
	for _, s := range after.SkippedFor {
		add(m.skipped.WithLabelValues(s.Reason), s.Count-counts[s.Reason])
	}
	if c := finishedCondition(after); c != nil && !finished(before) {
		m.finished.WithLabelValues(c.Reason).Inc()
	}
}
