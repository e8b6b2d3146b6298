package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// TestMetrics: a Run is counted once in each phase that it comes to, and its lateness once; a second term counts on.
func TestMetrics(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewPedanticRegistry()
	for i, name := range []string{"first", "second"} {
		c := w.lead(func(c *Config) { c.Metrics = registry })
		id := w.idOf(w.createRun(name), 1)
		w.until("it has ended, and Mesos knows that we know", func() bool { return w.master.has("ACK " + id + " TASK_FINISHED") })
		w.until("its end is counted", func() bool { return counted(t, registry)["Succeeded"] == float64(i+1) })
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]float64{"Launching": 2, "Running": 2, "Succeeded": 2, "lateness": 2, "launched": 2, "duration Succeeded": 2}
	if diff := cmp.Diff(want, counted(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func counted(t *testing.T, registry prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "horae_run_transitions_total":
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			case "horae_run_lateness_seconds":
				got["lateness"] = float64(m.GetHistogram().GetSampleCount())
			case "horae_run_duration_seconds":
				got["duration "+m.GetLabel()[0].GetValue()] = float64(m.GetHistogram().GetSampleCount())
			case "horae_attempts_launched_total":
				got["launched"] = m.GetCounter().GetValue()
			}
		}
	}
	return got
}
