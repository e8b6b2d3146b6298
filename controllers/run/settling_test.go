package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"horae/internal/offer"
)

// TestSettling: silent attempts are asked after with back-off, the gate opens when all are settled or silent for long enough, and all are
// asked after from time to time.
func TestSettling(t *testing.T) {
	s := settling{wait: 2 * time.Second, every: time.Minute}
	type asked struct {
		Ask             int
		All, Open, Gate bool
		Next            time.Duration
	}
	step := func(at time.Duration, want asked) {
		t.Helper()
		q := s.next(t0.Add(at))
		got := asked{len(q.ask), q.all, q.open, q.openGate, q.next.Sub(t0)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", at, diff)
		}
	}
	step(0, asked{Next: time.Hour}) // There is no subscription.
	s.subscribed("f")
	s.hear("early")
	step(0, asked{Next: time.Hour}) // It has not begun.
	s.begin([]offer.TaskRef{{TaskID: "early"}, {TaskID: "a"}, {TaskID: "b"}}, t0)
	step(0, asked{Ask: 2, Open: true, Next: 2 * time.Second})
	step(time.Second, asked{Next: 2 * time.Second})
	if s.hear("a") {
		t.Error("b is silent")
	}
	step(2*time.Second, asked{Ask: 1, Gate: true, Next: 6 * time.Second})
	step(6*time.Second, asked{Ask: 1, Next: 14 * time.Second})
	if !s.hear("b") || s.hear("b") {
		t.Error("b was the last one, once")
	}
	s.asks = append(s.asks, offer.TaskRef{TaskID: "c"})
	step(7*time.Second, asked{Ask: 1, Next: time.Minute})
	step(time.Minute, asked{All: true, Open: true, Next: 2 * time.Minute})
	if again := s.askFailed(t0.Add(time.Minute)); again != t0.Add(time.Minute+askFailedPause) {
		t.Errorf("asked again at %s", again.Sub(t0))
	}
	// With nothing to settle the gate opens at once, and closes with the subscription.
	s.disconnected()
	s.subscribed("f")
	s.begin(nil, t0)
	step(0, asked{Open: true, Gate: true, Next: time.Minute})
	s.disconnected()
	step(0, asked{Next: time.Hour})
}
