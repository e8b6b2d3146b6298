// Package metric registers Prometheus metrics that outlive their owners: each term of leadership makes its controllers anew, and
// they go on counting where those of the last term stopped. It holds no metric of its own; controllers and the loop under them
// call it.
package metric

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register registers c, or returns what was registered in its place before. A nil registerer keeps nothing: c is counted and
// shown nowhere. It panics on two metrics of one name and different shape, which is a mistake in the code.
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
