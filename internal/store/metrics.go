package store

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/metric"
)

// metrics of the fenced writers. They are always counted, and only registered if there is a registerer.
type metrics struct {
	changes *prometheus.CounterVec // by result
	group   prometheus.Histogram   // changes per transaction; its count is the number of transactions
	seconds prometheus.Histogram   // per transaction
}

// Values of the result label.
const (
	resultOK       = "ok"
	resultConflict = "conflict"
	resultFenced   = "fenced"
	resultUnknown  = "unknown"
	resultRefused  = "refused"
)

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		changes: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_store_changes_total", Help: "Fenced changes, by what came of them.",
		}, []string{"result"})),
		group: metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horae_store_transaction_changes", Help: "Fenced changes that were committed in one etcd transaction.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128},
		})),
		seconds: metric.Register(r, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "horae_store_transaction_seconds", Help: "Time etcd took to answer a fenced transaction.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		})),
	}
}

func (m *metrics) observe(changes int, took time.Duration) {
	m.group.Observe(float64(changes))
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) count(err error) {
	result := resultRefused
	switch {
	case err == nil:
		result = resultOK
	case errors.Is(err, ErrConflict):
		result = resultConflict
	case errors.Is(err, ErrFenced):
		result = resultFenced
	case errors.Is(err, ErrUnknown):
		result = resultUnknown
	}
	m.changes.WithLabelValues(result).Inc()
}
