package story

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/messages"
)

// Type says whether an event needs attention. The values are those of Kubernetes.
type Type string

// The types.
const (
	Normal  Type = "Normal"
	Warning Type = "Warning"
)

// Event is one thing that has happened to an object.
type Event struct {
	// Key tells the events of an object apart. It stays the same while the event is reported, also when its message,
	// its count or its last time change.
	Key string
	// Time is when it happened (first), and Last when it happened last; they are equal unless Count is above 1. Both
	// are zero when the object does not say when.
	Time, Last time.Time
	// Count is how often it happened, at least 1.
	Count int64
	Type  Type
	// Reason in one word.
	Reason string
	// Message is one line.
	Message string

	// order is Time, or that of the event before if the object does not say when.
	order time.Time
}

// Of returns the events of an object of any kind, in the order in which they happened. The object is not modified.
func Of(o api.Object) []Event {
	switch o := o.(type) {
	case *v1.Run:
		return OfRun(o)
	case *v1.Job:
		return OfJob(o)
	case *v1.Backfill:
		return OfBackfill(o)
	}
	t := &collector{}
	t.created(o.GetCreationTimestamp(), "the "+strings.ToLower(kindName(o))+" was created")
	if k := api.KindOf(o); k != nil && k.Conditions != nil {
		t.conditions(*k.Conditions(o))
	}
	return t.inOrder()
}

func kindName(o api.Object) string {
	if k := api.KindOf(o); k != nil {
		return k.Name
	}
	return "object"
}

// Equal reports whether two events say the same.
func (e *Event) Equal(other *Event) bool {
	return e.Key == other.Key && e.Time.Equal(other.Time) && e.Last.Equal(other.Last) && e.Count == other.Count &&
		e.Type == other.Type && e.Reason == other.Reason && e.Message == other.Message
}

// collector collects the events of one object.
type collector struct{ events []Event }

// add appends an event that happened once; a zero time is one that the object does not know.
func (t *collector) add(key string, at time.Time, typ Type, reason, message string) {
	t.addSeveral(Event{Key: key, Time: at, Last: at, Count: 1, Type: typ, Reason: reason, Message: message})
}

func (t *collector) addSeveral(e Event) {
	e.Message = cmp.Or(v1.Short(messages.FirstLine(e.Message)), e.Reason)
	if e.order = e.Time; e.order.IsZero() && len(t.events) > 0 {
		e.order = t.events[len(t.events)-1].order
	}
	t.events = append(t.events, e)
}

// inOrder returns the events by time. Those of the same time stay in the order in which they were added. A status that
// another tool wrote may say the same thing twice: the keys are made to differ.
func (t *collector) inOrder() []Event {
	seen := make(map[string]int, len(t.events))
	for i := range t.events {
		key := t.events[i].Key
		if seen[key]++; seen[key] > 1 {
			t.events[i].Key += fmt.Sprintf("#%d", seen[key])
		}
	}
	slices.SortStableFunc(t.events, func(a, b Event) int { return a.order.Compare(b.order) })
	return t.events
}

func (t *collector) created(at metav1.Time, message string) {
	t.add("created", at.Time, Normal, "Created", message)
}

// conditions adds what the conditions of a status report: what is not as it should be, and warnings.
func (t *collector) conditions(list []metav1.Condition) {
	for i := range list {
		c := &list[i]
		typ, reason := Warning, ""
		if by, ok := conditionReasons[conditionReason{c.Type, c.Status, c.Reason}]; ok {
			typ, reason = by.typ, by.reason
		} else if c.Status == metav1.ConditionFalse && c.Type != v1.JobHealthy { // of that the Job's last failure has the message
			if reason = "Not" + c.Type; strings.HasSuffix(c.Type, "Found") {
				reason = strings.TrimSuffix(c.Type, "Found") + "NotFound"
			}
		} else if c.Type == v1.JobAccepted && c.Status == metav1.ConditionTrue && c.Message != "" {
			reason = "AcceptedWithWarnings"
		}
		if reason == "" {
			continue
		}
		t.add("condition/"+c.Type+"/"+c.Reason, c.LastTransitionTime.Time, typ, reason, c.Message)
	}
}

type conditionReason struct {
	typ    string
	status metav1.ConditionStatus
	reason string
}

// conditionReasons are the events of conditions that are not simply "Not" and the condition's type. An empty reason
// means that there is no event: what happened is reported otherwise, or nothing did.
var conditionReasons = map[conditionReason]struct {
	typ    Type
	reason string
}{
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonSuspended}:       {Normal, "Suspended"},
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonTooManyFailures}: {Warning, "SuspendedAfterFailures"},
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonExhausted}:       {Normal, "ScheduleExhausted"},
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonNoSchedule}:      {},
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonDependsOn}:       {},
	{v1.JobScheduled, metav1.ConditionFalse, v1.ReasonNotAccepted}:     {},
	{v1.JobScheduled, metav1.ConditionTrue, v1.ReasonClockWentBack}:    {Warning, "ClockWentBack"},

	{v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonAllSucceeded}:        {Normal, "Finished"},
	{v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonSomeFailed}:          {Warning, "Finished"},
	{v1.BackfillFinished, metav1.ConditionTrue, v1.ReasonJobDeleted}:          {Warning, "Finished"},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonRunning}:            {Normal, "Running"},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonSuspended}:          {Normal, "Suspended"},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonNotAccepted}:        {},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonWaitingForJob}:      {Normal, "Waiting"},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonWaitingForSchedule}: {Normal, "Waiting"},
	{v1.BackfillFinished, metav1.ConditionFalse, v1.ReasonWaitingForBackfill}: {Normal, "Waiting"},
}

// length of a time span as people read it: milliseconds below ten seconds, otherwise seconds.
func length(from, to time.Time) string {
	d := to.Sub(from)
	if d < 10*time.Second {
		return v1.Duration{Duration: max(d, 0).Round(time.Millisecond)}.String()
	}
	return v1.Duration{Duration: d.Round(time.Second)}.String()
}
