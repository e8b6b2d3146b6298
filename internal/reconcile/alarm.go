package reconcile

import "time"

// Alarm is when a plan asks to be made again: at the earliest of the instants that were asked for. The zero value is
// never.
type Alarm struct{ at time.Time }

// At asks for another plan at t, if none is asked for earlier. A zero t asks for none.
func (a *Alarm) At(t time.Time) {
	if !t.IsZero() && (a.at.IsZero() || t.Before(a.at)) {
		a.at = t
	}
}

// After is the delay from now on, as Result.After; 0: never. It is at least a millisecond: timers and the clock differ by
// less, and no plan runs in a tight loop.
func (a *Alarm) After(now time.Time) time.Duration {
	if a.at.IsZero() {
		return 0
	}
	return max(a.at.Sub(now), time.Millisecond)
}
