// Package metric registers Prometheus metrics that outlive their owners: each term of leadership creates its
// controllers anew, and they go on counting where those of the last term stopped. It has no metrics of its own.
// Controllers and the loop under them call it.
package metric

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers c, or returns the collector that was registered in its place before. With a nil registerer c
// counts, but nothing shows it. Register panics on two metrics of the same name and different shape: that is a
// mistake in the code.
func Register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	switch err := r.Register(c); {
	case errors.As(err, &already):
		return already.ExistingCollector.(C)
	case err != nil:
		panic(err)
	}
	return c
}
