package metric

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func counter(help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "things_total", Help: help}, labels)
}

func TestASecondOwnerGoesOnWithTheFirstOnesMetric(t *testing.T) {
	r := prometheus.NewRegistry()
	first := Register(r, counter("Things.", "kind"))
	second := Register(r, counter("Things.", "kind"))
	if first != second {
		t.Error("the second registration made a metric of its own")
	}
}

func TestWithoutARegistererEachIsItsOwn(t *testing.T) {
	c := counter("Things.")
	if got := Register(nil, c); got != c {
		t.Error("the metric was exchanged")
	}
}

func TestTwoShapesOfOneNameAreAMistake(t *testing.T) {
	r := prometheus.NewRegistry()
	Register(r, counter("Things.", "kind"))
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Register(r, counter("Things.", "colour"))
}
