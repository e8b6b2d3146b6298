package mesos

import (
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before the next round of masters. It is not safe for concurrent use.
type backoff struct {
	min, max time.Duration
	next     time.Duration
	random   func(n int64) int64 // in [0, n); nil: math/rand
}

// wait returns a random part of the current bound (full jitter: a fleet of schedulers that lost the same master comes back
// spread out) and doubles the bound up to max.
func (b *backoff) wait() time.Duration {
	bound := max(b.next, b.min)
	b.next = min(2*bound, b.max)
	if bound <= 0 {
		return 0
	}
	random := b.random
	if random == nil {
		random = rand.Int64N
	}
	return time.Duration(random(int64(bound) + 1))
}

// reset starts anew, after a subscription that was stable.
func (b *backoff) reset() { b.next = 0 }
