package backoff

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestDelaysGrowToTheirBound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy Policy
		want   []time.Duration
	}{
		{"doubles", Policy{First: 100, Max: 500}, []time.Duration{100, 200, 400, 500, 500}},
		{"by another factor", Policy{First: 100, Max: 1000, Factor: 3}, []time.Duration{100, 300, 900, 1000, 1000}},
		{"stays", Policy{First: 100, Max: 1000, Factor: 1}, []time.Duration{100, 100, 100, 100, 100}},
		{"without a bound: the first one", Policy{First: 100}, []time.Duration{100, 100, 100, 100, 100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Counter{Policy: tt.policy}
			for range 2 {
				var got []time.Duration
				for range tt.want {
					got = append(got, c.Next())
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("%v, want %v", got, tt.want)
				}
				c.Reset()
			}
		})
	}
	if d := (Policy{First: time.Second, Max: time.Hour}).Bound(1 << 30); d != time.Hour {
		t.Errorf("after very many failures: %s", d)
	}
}

func TestJitterIsTheShareThatIsDrawn(t *testing.T) {
	for _, jitter := range []float64{.5, 1} {
		p := Policy{First: 1000, Max: 1000, Jitter: jitter}
		low, high := time.Duration(1000), time.Duration(0)
		for range 10_000 {
			d := p.Delay(0)
			low, high = min(low, d), max(high, d)
		}
		least := time.Duration(1000 * (1 - jitter))
		if low < least || low > least+100 || high > 1000 || high < 900 {
			t.Errorf("jitter %v: from %d to %d", jitter, low, high)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	if err := Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
