package run

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/internal/metric"
	"horae/internal/transition"
)

// metrics of the run controller. Without a registerer they exist but are not exported.
type metrics struct {
	phases   *prometheus.CounterVec
	lateness prometheus.Histogram
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

// transition counts what a stored status means.
func (m *metrics) transition(run *v1.Run, next *v1.RunStatus, now time.Time) {
	for _, c := range transition.OfRun(run, &v1.Run{Spec: run.Spec, Status: *next}) {
		if c.Phase != "" {
			m.phases.WithLabelValues(string(c.Phase)).Inc()
		}
	}
	if run.Status.StartTime == nil && next.StartTime != nil {
		due := run.CreationTimestamp.Time
		if run.Spec.ScheduledTime != nil {
			due = run.Spec.ScheduledTime.Time
		}
		m.lateness.Observe(now.Sub(due).Seconds())
	}
}
