package calendar

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/condition"
	"horae/internal/store"
)

// Decision is what to do with a Calendar's status.
type Decision struct {
	// Status is the whole next status.
	Status v1.CalendarStatus
	// Created is the Calendar's creation time. The status document keeps it, because a spec need not have it.
	Created metav1.Time
	// WriteStatus: Status differs from the present one.
	WriteStatus bool
	// DeleteStatus: the Calendar is gone.
	DeleteStatus bool
	// After is the delay until the next day begins, when to plan again. 0: when something changes.
	After time.Duration
}

const (
	// daysCounted is how many days status.days covers: a year, leap or not.
	daysCounted = 366
	// daysListed bounds status.nextDays.
	daysListed = 5
)

// Plan decides. It is pure. The entry is nil for a Calendar that has neither spec nor status.
func Plan(e *store.Calendar, now time.Time) Decision {
	if e == nil {
		return Decision{}
	}
	if e.Rev.Deleted() {
		return Decision{DeleteStatus: e.Rev.StatusMod != 0}
	}
	d := Decision{Created: e.Object.CreationTimestamp}
	if d.Created.IsZero() {
		d.Created = metav1.NewTime(now.UTC().Truncate(time.Second))
	}
	set, err := calendar.Read(e.Object, e.SpecErr())
	d.Status = v1.CalendarStatus{ObservedGeneration: e.Rev.SpecVersion,
		Conditions: condition.Set(e.Object.Status.Conditions, accepted(e, err), now)}
	if err == nil {
		today := calendar.In(now, time.UTC)
		describe(&d.Status, set, today)
		d.After = max(calendar.Start(today+1, time.UTC).Sub(now), time.Millisecond)
	}
	d.WriteStatus = e.Rev.StatusMod == 0 || e.StatusErr() != nil || e.Earlier != nil || !equal(&e.Object.Status, &d.Status)
	return d
}

// accepted returns the condition Accepted.
func accepted(e *store.Calendar, err error) metav1.Condition {
	c := metav1.Condition{Type: v1.CalendarAccepted, Status: metav1.ConditionTrue, Reason: v1.ReasonValid,
		ObservedGeneration: e.Rev.SpecVersion}
	if err != nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1.ReasonInvalid, v1.Short(err.Error())
	}
	return c
}

func describe(s *v1.CalendarStatus, set *calendar.Set, today calendar.Day) {
	for d := today; d < today+daysCounted; d++ {
		if set.Contains(d) {
			s.Days++
		}
	}
	for d, ok := set.Next(today, true); ok && len(s.NextDays) < daysListed; d, ok = set.Next(d+1, true) {
		s.NextDays = append(s.NextDays, d.String())
	}
	if last, ok := set.Last(); ok {
		s.LastDay = last.String()
	}
}

func equal(a, b *v1.CalendarStatus) bool {
	return a.ObservedGeneration == b.ObservedGeneration && a.Days == b.Days && a.LastDay == b.LastDay &&
		slices.Equal(a.NextDays, b.NextDays) &&
		condition.EqualLists(a.Conditions, b.Conditions)
}
