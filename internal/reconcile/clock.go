package reconcile

import (
	"context"
	"time"
)

// Bounds of WatchClock.
const (
	clockPeriod = time.Second
	clockStep   = 500 * time.Millisecond
)

// WatchClock calls stepped whenever the wall clock was set, or the machine has slept, so that the wall clock and the
// monotonic clock of the timers differ by half a second or more than before; by is how far the wall clock ran ahead.
// Delays that were computed before are then wrong, and all keys that depend on wall time must be added again. now is
// the wall clock, time.Now outside of tests. WatchClock checks once a second and returns when ctx ends.
func WatchClock(ctx context.Context, now func() time.Time, stepped func(by time.Duration)) {
	ticker := time.NewTicker(clockPeriod)
	defer ticker.Stop()
	origin := time.Now()
	watchClock(ctx, ticker.C, func() clocks {
		return clocks{wall: time.Duration(now().UnixNano()), steady: time.Since(origin)}
	}, stepped)
}

// clocks is one reading of both clocks, each from an origin of its own.
type clocks struct{ wall, steady time.Duration }

func watchClock(ctx context.Context, tick <-chan time.Time, read func() clocks, stepped func(by time.Duration)) {
	last := read()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		now := read()
		if by := (now.wall - last.wall) - (now.steady - last.steady); by.Abs() >= clockStep {
			stepped(by)
		}
		last = now
	}
}
