package reconcile

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"

	"horae/internal/metric"
	"horae/internal/store"
)

// metrics of one loop. All are labelled with its name.
type metrics struct {
	depth, unfinished, longest prometheus.Gauge
	adds, retries              prometheus.Counter
	latency, duration          prometheus.Observer
	done, failed, conflicts    prometheus.Counter
}

// newMetrics makes a loop's metrics, or returns those that an earlier loop of that name registered.
func newMetrics(name string, r prometheus.Registerer) metrics {
	labels := []string{"controller"}
	times := prometheus.ExponentialBuckets(1e-5, 4, 11) // 10 µs to 10 s
	gauge := func(title, help string) prometheus.Gauge {
		return metric.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: title, Help: help}, labels)).WithLabelValues(name)
	}
	counter := func(title, help string) prometheus.Counter {
		return metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: title, Help: help}, labels)).WithLabelValues(name)
	}
	histogram := func(title, help string) prometheus.Observer {
		opts := prometheus.HistogramOpts{Name: title, Help: help, Buckets: times}
		return metric.Register(r, prometheus.NewHistogramVec(opts, labels)).WithLabelValues(name)
	}
	results := metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "horae_reconcile_total", Help: "Reconciliations by result: success, error, conflict.",
	}, []string{"controller", "result"}))
	return metrics{
		depth: gauge("horae_workqueue_depth", "Keys that wait for a worker."),
		unfinished: gauge("horae_workqueue_unfinished_work_seconds",
			"Time that the reconciliations now under way have taken so far, in sum."),
		longest: gauge("horae_workqueue_longest_running_seconds",
			"Time that the longest reconciliation now under way has taken so far."),
		adds:      counter("horae_workqueue_adds_total", "Keys added."),
		retries:   counter("horae_workqueue_delayed_total", "Keys added with a delay."),
		latency:   histogram("horae_workqueue_latency_seconds", "Time that a key waited for a worker."),
		duration:  histogram("horae_reconcile_seconds", "Time that a reconciliation took, its writes included."),
		done:      results.WithLabelValues(name, "success"),
		failed:    results.WithLabelValues(name, "error"),
		conflicts: results.WithLabelValues(name, "conflict"),
	}
}

func (m *metrics) reconciled(took time.Duration, err error) {
	m.duration.Observe(took.Seconds())
	switch {
	case errors.Is(err, store.ErrConflict):
		m.conflicts.Inc()
	case err != nil:
		m.failed.Inc()
	default:
		m.done.Inc()
	}
}

// provider returns the queue's part of the metrics.
func (m *metrics) provider() workqueue.MetricsProvider { return queueMetrics{m} }

type queueMetrics struct{ m *metrics }

func (q queueMetrics) NewDepthMetric(string) workqueue.GaugeMetric       { return q.m.depth }
func (q queueMetrics) NewAddsMetric(string) workqueue.CounterMetric      { return q.m.adds }
func (q queueMetrics) NewLatencyMetric(string) workqueue.HistogramMetric { return q.m.latency }

// NewWorkDurationMetric discards its values: horae_reconcile_seconds has them, without the keys that were only parked.
func (q queueMetrics) NewWorkDurationMetric(string) workqueue.HistogramMetric {
	return prometheus.ObserverFunc(func(float64) {})
}
func (q queueMetrics) NewRetriesMetric(string) workqueue.CounterMetric { return q.m.retries }
func (q queueMetrics) NewUnfinishedWorkSecondsMetric(string) workqueue.SettableGaugeMetric {
	return q.m.unfinished
}
func (q queueMetrics) NewLongestRunningProcessorSecondsMetric(string) workqueue.SettableGaugeMetric {
	return q.m.longest
}
