package check

import (
	"fmt"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// view is a history with its indices, and the result that the checks fill in.
type view struct {
	h      *history.History
	result StrictResult

	jobs       []string // in order
	ops        map[string][]history.Op
	witnesses  map[string][]history.Witness // by Job, by start
	byRun      map[string][]history.Witness // by start
	byTask     map[string]*history.Witness
	records    map[string]*history.Record // by name
	ofJob      map[string][]*history.Record
	withoutRun map[string][]history.NotRun
	calls      map[string]history.Call // by task
}

func newView(h *history.History) *view {
	v := &view{
		h: h, ops: map[string][]history.Op{}, witnesses: map[string][]history.Witness{}, byRun: map[string][]history.Witness{},
		byTask: map[string]*history.Witness{}, records: map[string]*history.Record{}, ofJob: map[string][]*history.Record{},
		withoutRun: map[string][]history.NotRun{}, calls: map[string]history.Call{},
	}
	v.result.NotRunFor = map[string]int{}
	for name := range h.Jobs {
		v.jobs = append(v.jobs, name)
	}
	slices.Sort(v.jobs)
	for _, op := range h.Ops {
		v.ops[op.Job] = append(v.ops[op.Job], op)
	}
	sorted := slices.SortedStableFunc(slices.Values(h.Witnesses), func(a, b history.Witness) int { return a.Start.Compare(b.Start) })
	for i := range sorted {
		w := &sorted[i]
		v.witnesses[w.Job] = append(v.witnesses[w.Job], *w)
		v.byRun[w.Run] = append(v.byRun[w.Run], *w)
		if before := v.byTask[w.Task]; before == nil || !v.succeeded(before) {
			v.byTask[w.Task] = w
		}
	}
	for i := range h.Records {
		r := &h.Records[i]
		v.records[r.Name] = r
		v.ofJob[r.Job] = append(v.ofJob[r.Job], r)
	}
	for _, c := range h.Calls {
		if before, ok := v.calls[c.Task]; !ok || before.Outcome != history.OK {
			v.calls[c.Task] = c
		}
	}
	for _, t := range h.NotRun {
		v.withoutRun[t.Job] = append(v.withoutRun[t.Job], t)
	}
	return v
}

func (v *view) find(kind Kind, job, format string, args ...any) {
	v.result.Findings = append(v.result.Findings, Finding{kind, job, fmt.Sprintf(format, args...)})
}

// op is the first operation of that kind on a Job, which may have been carried out.
func (v *view) op(job string, kind history.OpKind) (history.Op, bool) {
	for _, op := range v.ops[job] {
		if op.Kind == kind && op.Outcome != history.Failed {
			return op, true
		}
	}
	return history.Op{}, false
}

// mayBeDeleted reports whether somebody has asked for the Job's deletion.
func (v *view) mayBeDeleted(job string) bool {
	_, deleted := v.op(job, history.Delete)
	return deleted
}

// acknowledged returns the addition of a Job that is known to have been added.
func (v *view) acknowledged(job string) (history.Op, bool) {
	add, ok := v.op(job, history.Add)
	return add, ok && add.Outcome == history.OK
}

// due: what was to start by then has started, and ended, by the read, at the latest.
func (v *view) due(j *history.Job) time.Time {
	read := v.h.Read
	if j.Async {
		read = read.Add(-history.CallSlack)
	}
	return read.Add(-j.Epsilon - v.h.Forgiveness - j.Duration)
}

// deadly reports whether a fault that kills tasks, or loses their ends, was there between the two instants.
func (v *view) deadly(from, to time.Time) bool {
	return slices.ContainsFunc(v.h.Faults, func(f history.Fault) bool {
		return f.Deadly && !f.From.After(to) && !f.To.Before(from)
	})
}

// excused reports whether a fault can have ended the attempt, or hidden its end.
func (v *view) excused(a *history.Attempt) bool {
	to := a.Finished
	if to.IsZero() {
		to = v.h.Read
	}
	return v.deadly(a.Launched, to)
}

// attempt of a record that is the task.
func attempt(r *history.Record, task string) *history.Attempt {
	i := slices.IndexFunc(r.Attempts, func(a history.Attempt) bool { return a.Task == task })
	if i < 0 {
		return nil
	}
	return &r.Attempts[i]
}

// ran reports whether a Run has a task that came to its end, and not to a failure.
func (v *view) ran(run string) bool {
	return slices.ContainsFunc(v.byRun[run], func(w history.Witness) bool { return v.succeeded(&w) })
}

func (v *view) succeeded(w *history.Witness) bool {
	j := v.h.Jobs[w.Job]
	return w.Complete() && !j.Fails(w.Attempt)
}

// last attempt of a record; nil if there is none.
func last(r *history.Record) *history.Attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return &r.Attempts[len(r.Attempts)-1]
}

func scheduled(r *history.Record) bool { return r.Reason == v1.ReasonSchedule }

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000") }
