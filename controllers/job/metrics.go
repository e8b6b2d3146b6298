package job

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/internal/metric"
	"horae/internal/store"
)

// metrics of the schedule as a whole. Those of single Jobs are for whoever exports statuses.
type metrics struct {
	run, missed, skipped prometheus.Counter
	lateness             prometheus.Observer
}

func newMetrics(r prometheus.Registerer) metrics {
	occurrences := metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "horae_occurrences_total", Help: "Occurrences handled by what became of them: run, missed, skipped.",
	}, []string{"outcome"}))
	lateness := metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "horae_schedule_lateness_seconds",
		Help:    "Time from when an occurrence was due, jitter included, to when its Run was stored. Occurrences that waited for their turn count too.",
		Buckets: prometheus.ExponentialBuckets(1e-3, 2, 16), // 1 ms to 33 s
	}))
	return metrics{
		run:      occurrences.WithLabelValues("run"),
		missed:   occurrences.WithLabelValues("missed"),
		skipped:  occurrences.WithLabelValues("skipped"),
		lateness: lateness,
	}
}

// started measures Runs that are stored now.
func (m *metrics) started(job *store.Job, runs []*v1.Run, stored time.Time) {
	for _, run := range runs {
		m.run.Inc()
		due := run.Spec.ScheduledTime.Time
		if j := job.Object.Spec.Jitter; j != nil {
			due = due.Add(jitterOf(job.Key, due, j.Duration))
		}
		m.lateness.Observe(stored.Sub(due).Seconds())
	}
}

func (m *metrics) notRun(missed, skipped int64) {
	m.missed.Add(float64(missed))
	m.skipped.Add(float64(skipped))
}
