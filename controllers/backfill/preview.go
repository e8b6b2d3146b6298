package backfill

import (
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/controllers/job"
)

// Preview returns what a Backfill would do if it started now and its Runs took no time, or what is wrong with it.
// in.Backfill is the one in question, which need not exist. At most limit occurrences are listed: the first of those
// that would run.
func Preview(in Input, now time.Time, limit int) (*v1.BackfillPreview, field.ErrorList) {
	e := in.Backfill
	errs := v1.ValidateBackfill(e.Object)
	p := planner{in: in, now: now, spec: &e.Object.Spec}
	if j := in.Job; j == nil || j.Rev.Deleted() {
		errs = append(errs, field.Invalid(field.NewPath("spec", "job"), p.spec.Job,
			"there is no Job of this name in the namespace "+e.Key.Namespace))
	} else if j.Err != nil {
		errs = append(errs, field.Invalid(field.NewPath("spec", "job"), p.spec.Job, v1.Short("is not valid: "+j.Err.Error())))
	}
	if len(errs) == 0 {
		errs = Admit(p.spec, in.Job.Object, e.Key.Namespace, now)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	p.next.Schedule = job.ScheduleOf(in.Job.Object, now)
	if len(in.Job.Object.Spec.Calendars.Names()) > 0 {
		p.next.Calendars = in.Job.Object.Spec.Calendars
	}
	if err := p.readTurns(); err != nil {
		return nil, field.ErrorList{field.Invalid(field.NewPath("spec", "job"), p.spec.Job, v1.Short(err.Error()))}
	}
	return p.preview(limit), nil
}

func (p *planner) preview(limit int) *v1.BackfillPreview {
	out := &v1.BackfillPreview{
		Spec: *p.spec, Schedule: p.next.Schedule.Expression, TimeZone: p.next.Schedule.TimeZone, Total: int64(p.turns.total()),
		Occurrences: []v1.BackfillOccurrence{},
	}
	c := &choice{in: &p.in, spec: p.spec, schedule: p.next.Schedule, turns: p.turns}
	var cursor *v1.Time
	for {
		t, ok := p.turns.after(cursor)
		if !ok {
			break
		}
		cursor = v1.NewTimePtr(t)
		o, skip, ready := p.turnOf(c, t)
		switch {
		case !ready:
			out.Waiting++
		case skip != "":
			p.skip(t, skip)
		default:
			if out.Runs++; len(out.Occurrences) < limit {
				out.Occurrences = append(out.Occurrences, v1.BackfillOccurrence{
					ScheduledTime: v1.NewTime(o.ScheduledTime), Run: o.RunName(p.spec.Job),
				})
			}
		}
	}
	out.Skipped, out.SkippedFor, out.Message = p.next.Skipped, p.next.SkippedFor, p.message
	return out
}
