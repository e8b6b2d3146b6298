package run

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
)

// metrics of the run controller. All of them are also there, and count nothing that is seen, without a registerer.
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
		phases: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_run_transitions_total", Help: "Runs that came into a phase, by phase.",
		}, []string{"phase"})),
		lateness: register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horae_run_lateness_seconds", Help: "Time from when a Run was due, or created if it has no time, to when its first attempt was Running.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		})),
		launches: register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horae_attempts_launched_total", Help: "Attempts whose intent was stored and whose ACCEPT was sent.",
		})),
		dropped: register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "horae_attempts_not_stored_total", Help: "Attempts that had a place but whose intent could not be stored, so that nothing was sent.",
		})),
		waiting: register(r, prometheus.NewGauge(prometheus.GaugeOpts{Name: "horae_runs_waiting", Help: "Runs that wait for an offer."})),
		offers:  register(r, prometheus.NewGauge(prometheus.GaugeOpts{Name: "horae_offers_held", Help: "Offers in hand."})),
		place: register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horae_place_seconds", Help: "Time that one round of placement took, without its writes.", Buckets: prometheus.ExponentialBuckets(1e-5, 4, 9),
		})),
	}
}

// register registers c, or returns what an earlier term of leadership registered in its place.
func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	switch err := r.Register(c); {
	case errors.As(err, &already):
		return already.ExistingCollector.(C)
	case err != nil:
		panic(err) // Two metrics of one name and different shape: a mistake in this package.
	}
	return c
}

// transition counts what a stored status means.
func (m *metrics) transition(run *v1.Run, next *v1.RunStatus, now time.Time) {
	if next.Phase == run.Status.Phase {
		return
	}
	m.phases.WithLabelValues(string(next.Phase)).Inc()
	if run.Status.StartTime == nil && next.StartTime != nil {
		due := run.CreationTimestamp.Time
		if run.Spec.ScheduledTime != nil {
			due = run.Spec.ScheduledTime.Time
		}
		m.lateness.Observe(now.Sub(due).Seconds())
	}
}
