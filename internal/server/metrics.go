package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/metric"
)

// metrics of the server itself.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	streams   prometheus.Gauge
	callbacks *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		requests: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_http_requests_total", Help: "HTTP requests answered, by verb, resource and status code.",
		}, []string{"verb", "resource", "code"})),
		seconds: metric.Register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "horae_http_request_duration_seconds", Help: "Time to answer an HTTP request that is not a stream.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 12),
		}, []string{"verb", "resource"})),
		streams: metric.Register(r, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "horae_http_streams", Help: "Watches and followed logs that are open.",
		})),
		callbacks: metric.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "horae_callbacks_total", Help: "Callbacks answered, by result: stored, repeated, refused or failed.",
		}, []string{"result"})),
	}
}
