package job

import (
	"slices"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// trimHistory deletes the ended Runs that exceed the history. All of them have been counted: those that this plan
// counts are deleted in the same transaction as the counts. Runs of Backfills have room of their own, so that a
// Backfill does not push the Runs of the schedule out; and they stay until their Backfill has counted them.
func (p *planner) trimHistory() {
	if p.invalid != "" {
		return // How many Runs the user wants to keep is not known.
	}
	h := &p.spec.History
	type kept struct{ succeeded, failed int }
	limits := kept{limitOf(h.Succeeded), limitOf(h.Failed)}
	others, backfills := limits, limits
	for _, run := range slices.Backward(p.in.Runs) {
		if run.Rev.Deleted() || p.earlier(run) || !ended(run) {
			continue
		}
		of := &others
		if backfilled(run) {
			of = &backfills
		}
		room := &of.failed
		if run.Object.Status.Phase == v1.RunSucceeded {
			room = &of.succeeded
		}
		if *room--; *room >= 0 && !p.outlived(run) {
			continue
		}
		if backfilled(run) && p.in.Uncounted != nil && p.in.Uncounted(run) {
			continue // The Backfill's status changes when it has counted the Run, and that wakes the plan.
		}
		if !p.spend(nil) {
			return
		}
		p.discard = append(p.discard, run)
	}
}

func limitOf(n *int32) int {
	if n == nil {
		return v1.DefaultHistory
	}
	return int(*n)
}

// outlived reports whether the Run has been kept for spec.history.ttl. If not, the plan wakes up when it has.
func (p *planner) outlived(run *store.Run) bool {
	ttl, finish := p.spec.History.TTL, finishOf(run)
	if ttl == nil || finish.IsZero() {
		return false
	}
	end := finish.Add(ttl.Duration)
	if end.After(p.now) {
		p.wake.At(end)
		return false
	}
	return true
}
