package backfill

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

func accepts(list []metav1.Condition) bool { return meta.IsStatusConditionTrue(list, v1.JobAccepted) }

// finished reports whether the Backfill has ended; nothing changes that.
func finished(s *v1.BackfillStatus) bool {
	return meta.IsStatusConditionTrue(s.Conditions, v1.BackfillFinished)
}

// refused reports whether the Backfill is not accepted.
func refused(s *v1.BackfillStatus) bool {
	return meta.IsStatusConditionFalse(s.Conditions, v1.BackfillAccepted)
}

// accept decides whether the spec is valid: by itself, and until the Backfill has started also its range for the Job.
func (p *planner) accept() {
	e := p.in.Backfill
	if e.Err != nil {
		p.invalid = v1.Short(e.Err.Error())
		return
	}
	errs := v1.ValidateBackfill(e.Object)
	if r := p.next.Range; r != nil {
		// The API refuses such a change; one that is written to etcd directly is reported here.
		before := e.Object.DeepCopy()
		before.Spec.Job, before.Spec.From, before.Spec.To, before.Spec.Order, before.Spec.Runs = r.Job, r.From, r.To, r.Order, r.Runs
		errs = v1.ValidateBackfillUpdate(e.Object, before)
	}
	if len(errs) == 0 && p.next.JobUID == "" {
		if p.spec.To.After(p.now) {
			p.wake.At(p.spec.To.Time)
		}
		errs = Admit(&e.Object.Spec, p.jobObject(), e.Key.Namespace, p.now)
	}
	if len(errs) > 0 {
		p.invalid = v1.Short(v1.AsError(errs).Error())
	}
}

// jobObject returns the Job if it can be used; nil otherwise.
func (p *planner) jobObject() *v1.Job {
	if j := p.in.Job; j != nil && !j.Rev.Deleted() && j.Err == nil && looked(j) {
		return j.Object
	}
	return nil
}

// conclude sets the conditions. A Backfill has finished when every occurrence has had its turn and every Run has been
// counted; or when its Job is gone, and so are its Runs.
func (p *planner) conclude() {
	p.next.ObservedGeneration = p.in.Backfill.Rev.SpecVersion
	if p.invalid != "" {
		p.condition(v1.BackfillAccepted, metav1.ConditionFalse, v1.ReasonInvalid, p.invalid)
	} else {
		p.condition(v1.BackfillAccepted, metav1.ConditionTrue, v1.ReasonValid, "")
	}
	over := (p.over || p.gone) && len(p.next.Active) == 0 && p.next.JobUID != ""
	if !over {
		p.condition(v1.BackfillFinished, metav1.ConditionFalse, p.progress(), p.message)
		return
	}
	p.next.FinishTime = v1.NewTimePtr(p.now)
	switch {
	case !p.over:
		p.condition(v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonJobDeleted,
			fmt.Sprintf("the Job %s was deleted; what was left of the range does not run", p.spec.Job))
	case p.next.Failed > 0:
		p.condition(v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonSomeFailed, fmt.Sprintf("%d of %d Runs did not succeed",
			p.next.Failed, p.next.Failed+p.next.Succeeded))
	default:
		p.condition(v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonAllSucceeded, "")
	}
	p.expire()
}

// progress returns the reason of Finished=False.
func (p *planner) progress() string {
	switch {
	case p.invalid != "":
		p.message = "the spec is not valid: see the condition Accepted"
		return v1.ReasonNotAccepted
	case p.gone:
		p.message = "the Job was deleted, and its Runs are being cancelled"
		return v1.ReasonRunning
	case p.waits != "" && !p.over:
		return p.waits
	}
	p.message = ""
	return v1.ReasonRunning
}

// expire deletes a finished Backfill that has been kept for spec.ttl. If it has not, the plan wakes up when it has.
func (p *planner) expire() {
	if p.spec.TTL == nil || p.next.FinishTime == nil {
		return
	}
	end := p.next.FinishTime.Add(p.spec.TTL.Duration)
	if end.After(p.now) {
		p.wake.At(end)
		return
	}
	p.deleteSpec = true
}

func (p *planner) condition(kind string, status metav1.ConditionStatus, reason, message string) {
	p.next.Conditions = condition.Set(p.next.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: p.in.Backfill.Rev.SpecVersion,
	}, p.now)
}

// format of a time in messages.
func format(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// finishedCondition returns the condition Finished if it is True, and nil otherwise.
func finishedCondition(s *v1.BackfillStatus) *metav1.Condition {
	if c := condition.Find(s.Conditions, v1.BackfillFinished); c != nil && c.Status == metav1.ConditionTrue {
		return c
	}
	return nil
}
