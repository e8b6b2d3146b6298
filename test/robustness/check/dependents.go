package check

import (
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// dependents: each end of a parent's Run leads to one Run of a Job that follows it, or is recorded; and each such Run follows
// ends that are there, of each parent.
func (v *view) dependents() {
	for _, name := range v.jobs {
		j := v.h.Jobs[name]
		consumed := map[string]string{}
		for _, r := range v.ofJob[name] {
			if r.Reason == v1.ReasonDependency {
				v.result.Joins++
				v.joins(&j, r, consumed)
				v.joined(&j, r)
			}
		}
		v.result.Consumed += len(consumed)
		if add, ok := v.acknowledged(name); ok && len(j.Parents) > 0 && !v.mayBeDeleted(name) {
			v.ends(&j, add, consumed)
			v.couldFollow(&j)
		}
	}
}

// joins: the Runs that a Run follows. consumed has, by their names, which Run follows them.
func (v *view) joins(j *history.Job, r *history.Record, consumed map[string]string) {
	of := map[string]int{}
	for _, name := range r.Parents {
		parent := v.records[name]
		if parent == nil || !slices.Contains(j.Parents, parent.Job) {
			v.find(Phantom, j.Name, "%s follows %s, which is no Run of its parents %v", r.Name, name, j.Parents)
			continue
		}
		of[parent.Job]++
		if !counts(parent, j.On) {
			v.find(Phantom, j.Name, "%s follows %s, whose end (%s) does not count", r.Name, name, parent.Phase)
		}
		if other := consumed[name]; other != "" {
			v.find(Duplicate, j.Name, "%s and %s both follow %s", other, r.Name, name)
		}
		consumed[name] = r.Name
	}
	for _, parent := range j.Parents {
		if n := of[parent]; n == 0 || n > 1 && j.Policy == v1.DependencyEachOnce {
			v.find(Phantom, j.Name, "%s follows %d Runs of %s under %s: %v", r.Name, n, parent, j.Policy, r.Parents)
		}
	}
}

// counts reports whether the end of a Run is one that a Job follows.
func counts(r *history.Record, on v1.DependencyOutcome) bool {
	switch r.Phase {
	case v1.RunSucceeded:
		return !r.NoDependents
	case v1.RunFailed, v1.RunLost, v1.RunKilled:
		return !r.NoDependents && on == v1.OnFinished
	}
	return false
}

// joined: the tasks of a Run that follows others came after the ends of theirs, and nothing forbade them.
func (v *view) joined(j *history.Job, r *history.Record) {
	cause, recorded := v.causes(r)
	for _, w := range v.byRun[r.Name] {
		if want := strings.Join(r.Parents, ","); w.Parents != want {
			v.find(Phantom, j.Name, "%s was to follow %q, and its Run follows %q", w.File, w.Parents, want)
		}
		if w.Start.Before(cause) {
			v.find(Phantom, j.Name, "%s started at %s, and what it follows ended at %s", w.File, stamp(w.Start), stamp(cause))
		}
		if d, deleted := v.op(j.Name, history.Delete); deleted && d.Outcome == history.OK && cause.After(d.Completed) {
			v.find(Phantom, j.Name, "%s follows what ended at %s, and the Job was deleted by %s", w.File, stamp(cause), stamp(d.Completed))
		}
		for _, s := range suspensions(v.ops[j.Name], v.h.Read) {
			if cause.After(s.From) && w.Start.Before(s.To) {
				v.find(Phantom, j.Name, "%s started at %s and follows what ended at %s, and the Job was suspended from %s to %s",
					w.File, stamp(w.Start), stamp(cause), stamp(s.From), stamp(s.To))
			}
		}
		v.edited(j, &w, cause)
	}
	if _, added := v.op(j.Name, history.Add); !added {
		v.find(Phantom, j.Name, "%s is of a Job that was refused", r.Name)
	}
	if !r.Deleted && !v.mayBeDeleted(j.Name) && recorded.Before(v.due(j)) && !v.ran(r.Name) {
		if _, wrong := v.notRun(j, r); wrong != nil {
			v.find(wrong.kind, j.Name, "what ended by %s: %s", stamp(recorded), wrong.text)
		}
	}
}

// causes are the last end of those tasks that a Run follows, as they wrote it down, of Runs that succeeded; and the last end
// of all that it follows, as it was recorded.
func (v *view) causes(r *history.Record) (witnessed, recorded time.Time) {
	for _, name := range r.Parents {
		parent := v.records[name]
		if parent == nil {
			continue
		}
		recorded = later(recorded, endOf(parent))
		if a := last(parent); a != nil && parent.Phase == v1.RunSucceeded && v.byTask[a.Task] != nil {
			witnessed = later(witnessed, v.byTask[a.Task].End)
		}
	}
	return witnessed, recorded
}

// endOf is when a Run's last attempt ended, as it was recorded; zero if there was none.
func endOf(r *history.Record) time.Time {
	if a := last(r); a != nil {
		return a.Finished
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ends: each end of a parent that came after the Job's addition is consumed, banked, or recorded. What is recorded, and what
// a full bank holds without a name, may stand for any of them.
func (v *view) ends(j *history.Job, add history.Op, consumed map[string]string) {
	status, bank := v.h.Statuses[j.Name], v.h.Banked[j.Name]
	room := status.Missed + status.Skipped + bank.Omitted
	for _, r := range v.ofJob[j.Name] {
		room += r.Omitted
		if r.Phase == v1.RunMissed || r.Phase == v1.RunSkipped {
			room--
		}
	}
	banked := map[string]bool{}
	for _, name := range bank.Runs {
		if by := consumed[name]; by != "" || banked[name] {
			v.find(Duplicate, j.Name, "the end of %s is banked, and also consumed by %q or banked once more", name, by)
		}
		banked[name] = true
	}
	most := 0
	for _, parent := range j.Parents {
		all, lost := 0, []string{}
		for _, r := range v.ofJob[parent] {
			if r.Deleted || !counts(r, j.On) || !endOf(r).After(add.Completed) {
				continue
			}
			all++
			if consumed[r.Name] == "" && !banked[r.Name] {
				lost = append(lost, r.Name)
			}
		}
		most = max(most, all)
		if _, ok := v.acknowledged(parent); ok && !v.mayBeDeleted(parent) && int64(len(lost)) > room {
			v.find(Missed, j.Name, "of %d ends of %s that count, %d are not consumed, banked, or recorded (%d may be): %v",
				all, parent, len(lost), room, lost)
		}
	}
	for _, entry := range v.withoutRun[j.Name] {
		if !v.lawfulEnd(j, entry.Reason, most) {
			v.find(Missed, j.Name, "ends are recorded as %s for %s, which the Job's policies do not allow", entry.Outcome, entry.Reason)
		}
	}
}

// lawfulEnd: the Job's own policies let an end lead to no Run for that reason. most is how many ends one parent had.
func (v *view) lawfulEnd(j *history.Job, reason string, most int) bool {
	const kept = 50 // Banks and lists hold a hundred, of fewer than 30 parents.
	switch reason {
	case v1.ReasonTooManyBanked, v1.ReasonNotListed:
		return most > kept
	case v1.ReasonDependenciesChanged:
		return slices.ContainsFunc(j.Parents, v.mayBeDeleted)
	}
	return v.lawful(j, reason)
}

// couldFollow: when all is over, no end of each parent is left of which a Run was due.
func (v *view) couldFollow(j *history.Job) {
	bank := v.h.Banked[j.Name]
	var since time.Time
	for _, parent := range j.Parents {
		first := slices.IndexFunc(bank.Runs, func(name string) bool { return v.records[name] != nil && v.records[name].Job == parent })
		if first < 0 || v.mayBeDeleted(parent) {
			return
		}
		since = later(since, endOf(v.records[bank.Runs[first]]))
	}
	if since.Before(v.due(j)) {
		v.find(Missed, j.Name, "has had ends of all its parents banked since %s, and no Run follows them: %v", stamp(since), bank.Runs)
	}
}
