package check

import (
	"maps"
	"slices"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// backfills: each has at most one Run of an occurrence of its range, comes to its end, and counts what its Runs are.
func (v *view) backfills() {
	asked := map[string]bool{}
	for _, op := range v.h.Ops {
		if op.Kind != history.Repeat || op.Outcome == history.Failed {
			continue
		}
		asked[op.Backfill] = true
		if _, ok := v.h.Backfills[op.Backfill]; !ok && op.Outcome == history.OK {
			v.find(Missed, op.Job, "the Backfill %s was acknowledged, and etcd never held it", op.Backfill)
		}
	}
	runs := map[string][]*history.Record{}
	for _, name := range v.jobs {
		for _, r := range v.ofJob[name] {
			if r.Reason != v1.ReasonBackfill && r.Backfill == "" {
				continue
			}
			if _, ok := v.h.Backfills[r.Backfill]; !ok || r.Reason != v1.ReasonBackfill {
				v.find(Phantom, name, "%s has the reason %s and is of the Backfill %q", r.Name, r.Reason, r.Backfill)
				continue
			}
			runs[r.Backfill] = append(runs[r.Backfill], r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.h.Backfills)) {
		b := v.h.Backfills[name]
		if !asked[name] {
			v.find(Phantom, b.Job, "nobody asked for the Backfill %s", name)
		}
		v.result.Backfills++
		v.result.Backfilled += len(runs[name])
		for _, r := range runs[name] {
			v.backfilled(name, &b, r)
		}
		v.oncePerOccurrence(name, &b, runs[name])
		if !v.mayBeDeleted(b.Job) {
			v.backfillSums(name, &b, runs[name])
		}
	}
}

// backfilled: a Run of a Backfill is of its Job and range, and ran.
func (v *view) backfilled(name string, b *history.Backfill, r *history.Record) {
	j := v.h.Jobs[b.Job]
	if _, ok := j.Index(r.Nominal); !ok || r.Job != b.Job || r.Nominal.Before(b.From) || !r.Nominal.Before(b.To) {
		v.find(Phantom, r.Job, "%s is for %s, and the Backfill %s of %s from %s to %s", r.Name, stamp(r.Nominal), name, b.Job,
			stamp(b.From), stamp(b.To))
	}
	if r.NoDependents == b.Dependents {
		v.find(Phantom, r.Job, "%s has noDependents %t, and its Backfill dependents %t", r.Name, r.NoDependents, b.Dependents)
	}
	if !r.Deleted && !v.mayBeDeleted(b.Job) && !v.ran(r.Name) && b.Finished {
		if _, wrong := v.notRun(&j, r); wrong != nil {
			v.find(wrong.kind, r.Job, "the Backfill %s: %s", name, wrong.text)
		}
	}
}

// oncePerOccurrence: a Backfill has no two Runs of an occurrence, and one of what is missing none of what has run before.
func (v *view) oncePerOccurrence(name string, b *history.Backfill, runs []*history.Record) {
	of := map[int64]string{}
	for _, r := range runs {
		t := r.Nominal.UnixNano()
		if other := of[t]; other != "" {
			v.find(Duplicate, b.Job, "%s and %s of the Backfill %s are both for %s", other, r.Name, name, stamp(r.Nominal))
		}
		of[t] = r.Name
		if b.Runs != v1.BackfillMissing {
			continue
		}
		for _, other := range v.ofJob[b.Job] {
			if other.Nominal.Equal(r.Nominal) && other.Created < r.Created && len(v.byRun[other.Name]) > 0 {
				v.find(Duplicate, b.Job, "%s of the Backfill %s is for what was missing, and %s had run for %s", r.Name, name, other.Name,
					stamp(r.Nominal))
			}
		}
	}
}

// backfillSums: it has finished, and its status says of each occurrence of the range once what became of it.
func (v *view) backfillSums(name string, b *history.Backfill, runs []*history.Record) {
	if !b.Finished {
		v.find(Unended, b.Job, "the Backfill %s has done %d of %d: %s", name, b.Done, b.Total, b.Why)
		return
	}
	var total, succeeded, skipped int64
	j := v.h.Jobs[b.Job]
	for k := range j.Count {
		if t := j.Target(k); !t.Before(b.From) && t.Before(b.To) {
			total++
		}
	}
	for _, r := range runs {
		if r.Phase == v1.RunSucceeded {
			succeeded++
		}
	}
	for reason, n := range b.SkippedFor {
		skipped += n
		if b.Runs == v1.BackfillAll && reason != v1.ReasonHasRun && reason != v1.ReasonScheduled {
			v.find(Missed, b.Job, "the Backfill %s of all occurrences has skipped %d: %s", name, n, reason)
		}
	}
	n := int64(len(runs))
	if b.Total != total || b.Done != total || b.Succeeded != succeeded || b.Failed != n-succeeded ||
		b.Skipped != total-n || b.Skipped != skipped {
		v.find(Miscounted, b.Job, "the Backfill %s says %d of %d done, %d succeeded, %d failed, %d skipped (%v); its range has %d, "+
			"and of its %d Runs %d succeeded", name, b.Done, b.Total, b.Succeeded, b.Failed, b.Skipped, b.SkippedFor, total, n, succeeded)
	}
}
