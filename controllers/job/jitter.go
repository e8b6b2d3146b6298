package job

import (
	"math/bits"
	"time"

	v1 "horae/api/v1"
	"horae/internal/schedule"
	"horae/internal/store"
)

// withJitter returns when an occurrence is due: its time plus its share of spec.jitter. all are the occurrences of
// the schedule on all days. The jitter ends at the next occurrence: so occurrences are due in order, and a jitter
// longer than the period neither bunches them nor uses up their starting deadline.
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

// jitterOf returns the delay of an occurrence, from zero to spread. It is a function of the Job's key and the
// occurrence alone, so that every controller computes the same. It must never change: another function would move
// what is due.
func jitterOf(key store.Key, scheduled time.Time, spread time.Duration) time.Duration {
	if spread < schedule.Instant {
		return 0
	}
	h := schedule.Hash(uint64(scheduled.UnixMicro()), key.Namespace, "/", key.Name, "@")
	share, _ := bits.Mul64(h, uint64(spread/schedule.Instant)+1)
	return time.Duration(share) * schedule.Instant
}
