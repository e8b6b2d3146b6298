package run

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/internal/metric"
	"horae/internal/store"
	"horae/internal/transition"
)

// metrics of the run controller. Without a registerer they exist but are not exported.
type metrics struct {
	phases   *prometheus.CounterVec
	lateness prometheus.Histogram
	duration *prometheus.HistogramVec
	launches prometheus.Counter
	dropped  prometheus.Counter
	waiting  prometheus.Gauge
	offers   prometheus.Gauge
	place    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		phases: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_run_transitions_total", Help: "Runs that came into a phase, by phase.",
		}, []string{"phase"})),
		lateness: metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "horae_run_lateness_seconds",
			Help:    "Time from when a Run was due, or created if it has no time, to when its first attempt was Running.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		})),
		duration: metric.Register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "horae_run_duration_seconds",
			Help:    "Time from when a Run's first attempt was Running to the end of the Run, by the phase in which it ended.",
			Buckets: []float64{.1, .5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600},
		}, []string{"phase"})),
		launches: metric.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horae_attempts_launched_total", Help: "Attempts whose intent was stored and whose ACCEPT was sent.",
		})),
		dropped: metric.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horae_attempts_not_stored_total",
			Help: "Attempts that had a place but whose intent could not be stored, so that nothing was sent.",
		})),
		waiting: metric.Register(r, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "horae_runs_waiting", Help: "Runs that wait for an offer.",
		})),
		offers: metric.Register(r, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "horae_offers_held", Help: "Offers held.",
		})),
		place: metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horae_place_seconds", Help: "Time that one round of placement took, without its writes.",
			Buckets: prometheus.ExponentialBuckets(1e-5, 4, 9),
		})),
	}
}

// Happened counts what happened to a Run. The manager calls it for each transition that it publishes while this
// Controller's term lasts.
func (c *Controller) Happened(key store.Key, change transition.Change) {
	if change.Phase != "" {
		c.metrics.phases.WithLabelValues(string(change.Phase)).Inc()
	}
	c.cfg.Log.V(1).Info("Run changed", "run", key.String(), "change", change.Kind, "attempt", change.Attempt,
		"reason", change.Reason, "message", change.Message)
}

// measure measures how late a Run started, and how long it took, when a stored status says that it has started or ended.
func (m *metrics) measure(run *v1.Run, next *v1.RunStatus, now time.Time) {
	// A Run of a Backfill waits on purpose. One that repeats another has that one's scheduled time, but is due at once.
	if run.Status.StartTime == nil && next.StartTime != nil && run.Spec.Reason != v1.ReasonBackfill {
		due := run.CreationTimestamp.Time
		if run.Spec.Reason == v1.ReasonSchedule && run.Spec.ScheduledTime != nil {
			due = run.Spec.ScheduledTime.Time
		}
		m.lateness.Observe(now.Sub(due).Seconds())
	}
	if next.StartTime != nil && next.FinishTime != nil && next.Phase.Terminal() && !run.Status.Phase.Terminal() {
		m.duration.WithLabelValues(string(next.Phase)).Observe(next.FinishTime.Sub(next.StartTime.Time).Seconds())
	}
}
