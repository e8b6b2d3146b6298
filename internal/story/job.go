package story

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/messages"
)

// OfJob returns the events of a Job: what its conditions report, its latest occurrences that did not become Runs, how
// its Runs ended last, and what waits.
func OfJob(j *v1.Job) []Event {
	s := &j.Status
	t := &collector{events: make([]Event, 0, 4+len(s.Conditions)+len(s.NotRun))}
	t.created(j.CreationTimestamp, "the Job was created")
	if s.LastSuccessfulTime != nil {
		t.sum("succeeded", s.LastSuccessfulTime, s.Succeeded, Normal, "RunSucceeded", "a Run succeeded")
	}
	if s.LastFailureTime != nil {
		text := "a Run failed"
		if c := meta.FindStatusCondition(s.Conditions, v1.JobHealthy); c != nil && c.Status == metav1.ConditionFalse && c.Message != "" {
			text = c.Message // it is about the last one
		}
		if s.ConsecutiveFailures > 1 {
			text += fmt.Sprintf("; %d Runs have failed in a row", s.ConsecutiveFailures)
		}
		t.sum("failed", s.LastFailureTime, s.Failed, Warning, "RunFailed", text)
	}
	for i := range s.NotRun {
		t.notRun(&s.NotRun[i])
	}
	if n := len(s.Waiting); n > 0 {
		text := fmt.Sprintf("the occurrence of %s waits for the active Run to end", messages.Instant(s.Waiting[0].Time))
		if n > 1 {
			text = fmt.Sprintf("%d occurrences wait for the active Run to end, the oldest is of %s", n, messages.Instant(s.Waiting[0].Time))
		}
		t.add("queued", s.Waiting[0].Time, Normal, "Queued", text)
	}
	t.conditions(s.Conditions)
	return t.inOrder()
}

// sum adds something that happened count times, of which only the last time is known.
func (t *collector) sum(key string, last *v1.Time, count int64, typ Type, reason, message string) {
	t.addSeveral(Event{Key: key, Time: last.Time, Last: last.Time, Count: max(count, 1), Type: typ, Reason: reason, Message: message})
}

// notRun adds occurrences that did not become Runs.
func (t *collector) notRun(n *v1.NotRun) {
	e := Event{
		Key:  fmt.Sprintf("notrun/%s/%s/%s", n.Outcome, n.Reason, messages.Instant(n.ScheduledTime.Time)),
		Time: n.ScheduledTime.Time, Last: n.ScheduledTime.Time, Count: max(n.Count, 1),
		Type: Normal, Reason: string(cmp.Or(n.Outcome, v1.RunSkipped)),
	}
	verb := "skipped"
	if n.Outcome == v1.RunMissed {
		e.Type, verb = Warning, "missed"
	}
	text := fmt.Sprintf("the occurrence of %s was %s", messages.Instant(n.ScheduledTime.Time), verb)
	if n.Count > 1 {
		if n.Through != nil {
			e.Last = n.Through.Time
		}
		text = fmt.Sprintf("%d occurrences from %s to %s were %s", n.Count, messages.Instant(e.Time), messages.Instant(e.Last), verb)
	}
	e.Message = messages.Join(text+" ("+n.Reason+")", n.Message)
	t.addSeveral(e)
}
