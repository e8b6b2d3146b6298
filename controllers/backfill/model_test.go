package backfill

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// TestEachOccurrenceHasOneTurn drives Backfills and the schedule of a Job through any sequence of ticks, crashes before
// and after a write, decisions taken on a lagging cache, failovers, suspensions, edits, deletions and ends of Runs. The
// world checks at each write that a Backfill runs no occurrence twice, that nothing that is missing is run by two, and
// that no more Runs are active than may be. In the end every occurrence of every Backfill is accounted for once, and so
// is every end of its Runs.
func TestEachOccurrenceHasOneTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, at("06:30"))
		w.apply(drawJob(t))
		phases := rapid.SampledFrom([]v1.RunPhase{v1.RunSucceeded, v1.RunSucceeded, v1.RunFailed, v1.RunLost, v1.RunKilled, v1.RunMissed})
		n := 0
		pick := func(t *rapid.T) *store.Backfill {
			list := all[v1.Backfill](w.present(), store.Backfills)
			if len(list) == 0 {
				t.Skip("no Backfill")
			}
			b := rapid.SampledFrom(list).Draw(t, "backfill")
			if b.Rev.Deleted() {
				t.Skip("it is gone")
			}
			return b
		}
		step := func(t *rapid.T) {
			w.reconcile(rapid.SampledFrom(w.keys()).Draw(t, "key"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"tick": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
			},
			"look":      func(t *rapid.T) { w.seen = rapid.IntRange(w.seen, len(w.history)-1).Draw(t, "seen") },
			"reconcile": step, "again": step, "and again": step,
			"crash before": func(t *rapid.T) { w.lose = "before"; step(t); w.lose = "" },
			"crash after":  func(t *rapid.T) { w.lose = "after"; step(t); w.lose = "" },
			"failover":     func(*rapid.T) { w.restart() },
			"end": func(t *rapid.T) {
				var live []*store.Run
				for _, r := range all[v1.Run](w.present(), store.Runs) {
					if !ended(r) || r.Rev.Deleted() {
						live = append(live, r)
					}
				}
				if len(live) == 0 {
					t.Skip("no Run")
				}
				w.end(rapid.SampledFrom(live).Draw(t, "run").Key.Name, phases.Draw(t, "phase"))
			},
			"make": func(t *rapid.T) {
				if n == 4 {
					t.Skip("there are enough")
				}
				n++
				from := rapid.IntRange(0, 7).Draw(t, "from")
				hours := rapid.IntRange(1, 9).Draw(t, "hours")
				w.make(fmt.Sprintf("b%d", n), fmt.Sprintf("%02d:00", from), fmt.Sprintf("%02d:00", from+hours), drawBackfill(t))
			},
			"suspend": func(t *rapid.T) { w.edit(pick(t).Key.Name, func(s *v1.BackfillSpec) { s.Suspend = !s.Suspend }) },
			"parallel": func(t *rapid.T) {
				w.edit(pick(t).Key.Name, func(s *v1.BackfillSpec) { *s.Parallel = *s.Parallel%3 + 1 })
			},
			"delete": func(t *rapid.T) { w.forgot = true; w.delete(pick(t).Key) },
			"edit":   func(*rapid.T) { w.apply(func(s *v1.JobSpec) { s.Description += "." }) },
			"job":    func(t *rapid.T) { w.apply(func(s *v1.JobSpec) { s.Suspend = !s.Suspend }) },
		})
		for _, b := range all[v1.Backfill](w.present(), store.Backfills) {
			if !b.Rev.Deleted() {
				w.edit(b.Key.Name, func(s *v1.BackfillSpec) { s.Suspend = false })
			}
		}
		w.apply(func(s *v1.JobSpec) { s.Suspend = false })
		w.now = w.now.Add(24 * time.Hour)
		w.finish(func(*store.Run) v1.RunPhase { return phases.Draw(t, "last phase") })
		for _, b := range all[v1.Backfill](w.present(), store.Backfills) {
			checkFinished(t, w, b)
		}
	})
}

// checkFinished checks that a Backfill accounts for everything.
func checkFinished(t tester, w *world, b *store.Backfill) {
	s, id := &b.Object.Status, string(b.Object.UID)
	made := int64(0)
	for key := range w.made {
		if len(key) > len(id) && key[:len(id)] == id {
			made++
		}
	}
	hours := int64(b.Object.Spec.To.Sub(b.Object.Spec.From.Time) / time.Hour)
	switch {
	case !finished(s):
		t.Fatalf("%s has not finished: %s", b.Key.Name, reasonOf(s))
	case s.Total != hours || s.Done != s.Total || s.Succeeded+s.Failed+s.Skipped != s.Total || made != s.Succeeded+s.Failed:
		t.Fatalf("%s: %s; %d Runs were made", b.Key.Name, sums(s), made)
	case int64(w.ends[id+" Succeeded"]) != s.Succeeded || int64(w.ends[id+" Failed"]) != s.Failed:
		t.Fatalf("%s: %s; ended: %v", b.Key.Name, sums(s), w.ends)
	case int64(len(s.Failures)) != min(s.Failed, maxFailures) || len(s.Active) > 0:
		t.Fatalf("%s: %+v", b.Key.Name, s)
	}
}

func drawJob(t *rapid.T) func(*v1.JobSpec) {
	keep := int32(rapid.IntRange(0, 3).Draw(t, "history"))
	policy := rapid.SampledFrom([]v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyAllow, v1.ConcurrencyReplace, v1.ConcurrencyQueue}).Draw(t, "policy")
	missed := rapid.SampledFrom([]v1.MissedRunsPolicy{v1.MissedRunsAll, v1.MissedRunsLatest, v1.MissedRunsNone}).Draw(t, "missed")
	return func(s *v1.JobSpec) {
		s.History.Succeeded, s.History.Failed = &keep, &keep
		s.ConcurrencyPolicy, s.MissedRuns = policy, missed
	}
}

func drawBackfill(t *rapid.T) func(*v1.BackfillSpec) {
	parallel := int32(rapid.IntRange(1, 3).Draw(t, "parallel"))
	order := rapid.SampledFrom([]v1.BackfillOrder{v1.BackfillOldestFirst, v1.BackfillNewestFirst}).Draw(t, "order")
	runs := rapid.SampledFrom([]v1.BackfillRuns{v1.BackfillMissing, v1.BackfillMissing, v1.BackfillFailed, v1.BackfillAll}).Draw(t, "runs")
	return func(s *v1.BackfillSpec) { s.Parallel, s.Order, s.Runs = &parallel, order, runs }
}
