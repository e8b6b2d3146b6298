package check

import (
	"fmt"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// occurrences: each one that was due has run, or was recorded as not run. Those of a Job that may have been deleted
// are not required, nor those from before the Job was known to be there.
func (v *view) occurrences() {
	for _, name := range v.jobs {
		add, ok := v.acknowledged(name)
		if !ok || v.mayBeDeleted(name) {
			continue
		}
		job := v.h.Jobs[name]
		for k := 0; k < job.Count && job.Target(k).Before(v.due(&job)); k++ {
			if job.Target(k).Before(add.Completed) {
				continue
			}
			v.result.Occurrences++
			switch reason, err := v.occurrence(&job, job.Target(k)); {
			case err != nil:
				v.find(err.kind, name, "occurrence %d, %s: %s", k, stamp(job.Target(k)), err.text)
			case reason != "":
				v.result.NotRun++
				v.result.NotRunFor[reason]++
			default:
				v.result.Ran++
			}
		}
	}
}

// wrong is a finding about one occurrence.
type wrong struct {
	kind Kind
	text string
}

// occurrence returns "" if it ran, the reason for which it rightly did not, or what is wrong with it.
func (v *view) occurrence(j *history.Job, t time.Time) (reason string, _ *wrong) {
	var run *history.Record
	for _, r := range v.ofJob[j.Name] {
		if !scheduled(r) || !r.Nominal.Equal(t) {
			continue
		}
		if v.ran(r.Name) {
			return "", nil
		}
		run = r
	}
	if run != nil {
		return v.notRun(j, run)
	}
	if reason, why := v.notRunFor(j, t); reason != "" {
		return reason, nil
	} else if why != "" {
		return "", &wrong{Missed, why}
	}
	return "", &wrong{Missed, "has no Run, and no status said why"}
}

// notRun judges a Run without a task that came to its end.
func (v *view) notRun(j *history.Job, r *history.Record) (reason string, _ *wrong) {
	text := fmt.Sprintf("%s is %s (%s) after %d attempts, and no task of it came to its end", r.Name, r.Phase, r.Why, len(r.Attempts))
	a := last(r)
	switch {
	case r.Phase == v1.RunMissed && j.Deadline:
		return string(r.Phase), nil
	case r.Phase == v1.RunKilled && j.Concurrency == v1.ConcurrencyReplace:
		return string(r.Phase), nil
	case (r.Phase == v1.RunLost || r.Phase == v1.RunFailed) && a != nil && v.excused(a):
		return string(r.Phase), nil // It is out of retries.
	case r.Phase == v1.RunLost || r.Phase == v1.RunFailed:
		return "", &wrong{Lost, text + "; no fault was there that kills tasks"}
	}
	return "", &wrong{Missed, text}
}

// notRunFor returns why the Job's status said that an occurrence did not become a Run; or why it must not have said so.
func (v *view) notRunFor(j *history.Job, t time.Time) (reason, unlawful string) {
	for _, entry := range v.withoutRun[j.Name] {
		if t.Before(entry.From) || t.After(entry.Through) {
			continue
		}
		if v.lawful(j, entry.Reason) {
			return entry.Reason, ""
		}
		unlawful = fmt.Sprintf("is recorded as %s for %s, which the Job's policies do not allow", entry.Outcome, entry.Reason)
	}
	return "", unlawful
}

// lawful: the Job's own policies let an occurrence not run for that reason.
func (v *view) lawful(j *history.Job, reason string) bool {
	switch reason {
	case v1.ReasonStartingDeadline:
		return j.Deadline
	case v1.ReasonOverlap:
		return j.Concurrency == v1.ConcurrencyForbid && j.MissedRuns != v1.MissedRunsAll
	case v1.ReasonQueueFull:
		return j.Concurrency == v1.ConcurrencyQueue && j.MissedRuns != v1.MissedRunsAll
	case v1.ReasonReplaced:
		return j.Concurrency == v1.ConcurrencyReplace && j.MissedRuns != v1.MissedRunsAll
	case v1.ReasonDowntime:
		return j.MissedRuns != v1.MissedRunsAll
	case v1.ReasonSuspended:
		_, suspended := v.op(j.Name, history.Suspend)
		return suspended && j.MissedRuns != v1.MissedRunsAll
	}
	return false
}

// triggers: each that was acknowledged has its Run, which ran; and there is no manual Run that nobody asked for.
func (v *view) triggers() {
	for _, name := range v.jobs {
		asked, manual := 0, 0
		for _, op := range v.ops[name] {
			if op.Kind != history.Trigger || op.Outcome == history.Failed {
				continue
			}
			asked++
			if op.Outcome == history.OK && !v.mayBeDeleted(name) && op.Completed.Before(v.due(ptr(v.h.Jobs[name]))) {
				v.trigger(name, op)
			}
		}
		for _, r := range v.ofJob[name] {
			if r.Reason == v1.ReasonManual {
				manual++
			}
		}
		if manual > asked {
			v.find(Phantom, name, "%d manual Runs, and %d triggers that may have made one", manual, asked)
		}
	}
}

func (v *view) trigger(job string, op history.Op) {
	r := v.records[op.Run]
	if r == nil {
		v.find(Missed, job, "the trigger at %s was answered with %s, of which etcd knows nothing", stamp(op.Invoked), op.Run)
		return
	}
	if v.ran(r.Name) {
		return
	}
	j := v.h.Jobs[job]
	if _, wrong := v.notRun(&j, r); wrong != nil {
		v.find(wrong.kind, job, "the trigger at %s: %s", stamp(op.Invoked), wrong.text)
	}
}

func ptr[T any](v T) *T { return &v }

// suspensions are the times in which a Job is known to be suspended: from an acknowledged suspension to whatever may have ended
// it.
func suspensions(ops []history.Op, end time.Time) (spans []Window) {
	for i, op := range ops {
		if op.Kind != history.Suspend || op.Outcome != history.OK {
			continue
		}
		until := end
		for _, later := range ops[i+1:] {
			if later.Kind == history.Resume && later.Outcome != history.Failed {
				until = later.Invoked
				break
			}
		}
		// One that may have been carried out late ends it too.
		for _, earlier := range ops[:i] {
			if earlier.Kind == history.Resume && earlier.Outcome == history.Unknown {
				until = op.Completed
			}
		}
		spans = append(spans, Window{op.Completed, until})
	}
	return spans
}
