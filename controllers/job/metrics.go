package job

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/internal/metric"
	"horae/internal/transition"
)

// metrics of all schedules together. There are none of single Jobs: those follow from the Jobs' statuses.
type metrics struct {
	run, missed, skipped prometheus.Counter
	lateness             prometheus.Observer
}

func newMetrics(r prometheus.Registerer) metrics {
	occurrences := metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "horae_occurrences_total", Help: "Occurrences handled by what became of them: run, missed, skipped.",
	}, []string{"outcome"}))
	lateness := metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "horae_schedule_lateness_seconds",
		Help: "Time from when an occurrence was due, jitter included, to when its Run was stored. Occurrences " +
			"that waited for their turn count too.",
		Buckets: prometheus.ExponentialBuckets(1e-3, 2, 16), // 1 ms to 33 s
	}))
	return metrics{
		run:      occurrences.WithLabelValues("run"),
		missed:   occurrences.WithLabelValues("missed"),
		skipped:  occurrences.WithLabelValues("skipped"),
		lateness: lateness,
	}
}

// started counts the Runs that a decision created, and measures how late they were stored.
func (m *metrics) started(in *Input, d *Decision, stored time.Time) {
	if len(d.Create) == 0 {
		return
	}
	var all Occurrences
	if s := d.Status.Schedule; s != nil {
		all, _ = in.Compile(in.Job.Key, *s) // The plan has just compiled it.
	}
	for _, run := range d.Create {
		m.run.Inc()
		if o := OccasionOf(run); o.Reason == v1.ReasonSchedule {
			due := withJitter(in.Job.Key, all, in.Job.Object.Spec.Jitter, o.ScheduledTime)
			m.lateness.Observe(stored.Sub(due).Seconds())
		}
	}
}

// changed counts the occurrences that a change of a Job's status records as missed or skipped.
func (m *metrics) changed(c transition.Change) {
	switch c.Kind {
	case transition.OccurrencesMissed:
		m.missed.Add(float64(c.Count))
	case transition.OccurrencesSkipped:
		m.skipped.Add(float64(c.Count))
	}
}
