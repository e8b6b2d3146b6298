package cache

import (
	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/metric"
)

// Register shows the metrics of what the cache has read and cannot use.
func (c *Cache) Register(r prometheus.Registerer) {
	metric.Register(r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "horae_etcd_stray_keys", Help: "etcd keys among those of objects that are no object's.",
	}, func() float64 {
		list, more := c.Strays()
		return float64(len(list) + more)
	}))
	c.panics = metric.Register(r, c.panics)
}

func newPanics() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name: "horae_etcd_document_panics_total", Help: "Documents whose reading panicked: a defect of Horae, contained.",
	})
}
