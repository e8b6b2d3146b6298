// Package backoff computes how long to wait before trying again, and waits. It is a leaf. Whatever tries again uses a
// Policy, so that all back-offs have one shape.
package backoff

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Policy is the shape of a back-off: First, then Factor times as long with each failure, at most Max.
type Policy struct {
	First, Max time.Duration
	// Factor is 2 if it is not given.
	Factor float64
	// Jitter is the share of each delay that is drawn at random, from 0 to 1, so that what failed together is not
	// tried again together.
	Jitter float64
}

// Bound returns the longest delay after a number of earlier failures.
func (p Policy) Bound(failures int) time.Duration {
	factor := p.Factor
	if factor == 0 {
		factor = 2
	}
	most := max(p.First, p.Max)
	if d := float64(p.First) * math.Pow(factor, float64(failures)); d < float64(most) {
		return time.Duration(d)
	}
	return most
}

// Delay draws the delay after a number of earlier failures.
func (p Policy) Delay(failures int) time.Duration {
	bound := p.Bound(failures)
	return bound - rand.N(time.Duration(float64(bound)*p.Jitter)+1)
}

// Counter counts the failures in a row of one thing. It is not safe for concurrent use.
type Counter struct {
	Policy
	failures int
}

// Next counts one more failure and draws its delay.
func (c *Counter) Next() time.Duration {
	c.failures++
	return c.Delay(c.failures - 1)
}

// Reset starts anew, after a success.
func (c *Counter) Reset() { c.failures = 0 }

// Sleep waits, and returns ctx's error if ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
