package check

import (
	"maps"
	"slices"

	v1 "horae/api/v1"
)

// sums: once a Job is at rest its status adds up with its Runs, each counted once whatever happened to whoever counted; and no
// occurrence both ran and is recorded as not run.
func (v *view) sums() {
	for _, name := range v.jobs {
		s, ok := v.h.Statuses[name]
		if !ok || v.mayBeDeleted(name) {
			continue
		}
		follows := len(v.h.Jobs[name].Parents) > 0 // It has no occurrences: what it records are ends.
		if !follows {
			v.notRunAndRun(name)
		}
		if !s.Idle {
			continue
		}
		var succeeded, failed, missed, runs int64
		for _, r := range v.ofJob[name] {
			switch r.Phase {
			case v1.RunSucceeded:
				succeeded++
			case v1.RunFailed, v1.RunLost:
				failed++
			case v1.RunMissed, v1.RunSkipped:
				missed++ // counted among those that did not run
			}
			if scheduled(r) {
				runs++
			}
		}
		if s.Succeeded != succeeded || s.Failed != failed {
			v.find(Miscounted, name, "its status counts %d succeeded and %d failed, its Runs are %d and %d", s.Succeeded,
				s.Failed, succeeded, failed)
		}
		if notRun := s.Missed + s.Skipped - missed; !follows && s.Occurrences != runs+notRun {
			v.find(Miscounted, name, "its status has handled %d occurrences, and there are %d Runs and %d "+
				"occurrences that it records as not run", s.Occurrences, runs, notRun)
		}
	}
}

// views: each manager shows the Runs as etcd has them.
func (v *view) views() {
	for _, manager := range slices.Sorted(maps.Keys(v.h.Views)) {
		shown := v.h.Views[manager]
		for name := range shown {
			if r := v.records[name]; r == nil || r.Deleted {
				v.find(Diverged, manager, "shows %s, which is not there", name)
			}
		}
		for _, r := range v.h.Records {
			if phase, ok := shown[r.Name]; !r.Deleted && (!ok || phase != r.Phase) {
				v.find(Diverged, manager, "shows that %s is %q; it is %q", r.Name, phase, r.Phase)
			}
		}
	}
}

// notRunAndRun looks at what was recorded of all occurrences in its span. An entry that names fewer than its span has says nothing certain
// of any of them.
func (v *view) notRunAndRun(name string) {
	j := v.h.Jobs[name]
	for _, entry := range v.withoutRun[name] {
		from, ok1 := j.Index(entry.From)
		through, ok2 := j.Index(entry.Through)
		if !ok1 || !ok2 {
			v.find(Miscounted, name, "its status records %s to %s, which its schedule does not have", stamp(entry.From),
				stamp(entry.Through))
			continue
		}
		if entry.Count != int64(through-from+1) {
			continue
		}
		for _, r := range v.ofJob[name] {
			if k, _ := j.Index(r.Nominal); scheduled(r) && k >= from && k <= through {
				v.find(Miscounted, name, "its status records that %s did not become a Run, for %s, and there is %s",
					stamp(r.Nominal), entry.Reason, r.Name)
			}
		}
	}
}
