package job

import (
	"math/bits"
	"time"

	v1 "horae/api/v1"
	"horae/internal/schedule"
	"horae/internal/store"
)

// withJitter is when an occurrence is due: its time and its share of spec.jitter. all is everything that the schedule names, on whatever
// day. The jitter ends where the next occurrence begins: occurrences are due in order, and a jitter longer than the period neither
// bunches them nor uses up their starting deadline.
func withJitter(key store.Key, all Occurrences, jitter *v1.Duration, t time.Time) time.Time {
	if jitter == nil {
		return t
	}
	spread := jitter.Duration
	if all != nil {
		if next, ok := all.Next(t); ok {
			spread = min(spread, next.Sub(t))
		}
	}
	return t.Add(jitterOf(key, t, spread))
}

// jitterOf is the delay of an occurrence: from zero to spread, a function of the Job's key and the occurrence alone, so that
// every controller computes the same. It must stay as it is for ever: another function would move what is due.
func jitterOf(key store.Key, scheduled time.Time, spread time.Duration) time.Duration {
	if spread < schedule.Instant {
		return 0
	}
	h := schedule.Hash(uint64(scheduled.UnixMicro()), key.Namespace, "/", key.Name, "@")
	share, _ := bits.Mul64(h, uint64(spread/schedule.Instant)+1)
	return time.Duration(share) * schedule.Instant
}
