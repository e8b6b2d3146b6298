package job

import (
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/internal/calendar"
)

// Upcoming returns the next n occurrences of a Job, without jitter, in order, as the plan would handle them from the
// Job's status. A Job without a schedule has none; an invalid schedule is an error. Suspension is ignored. named are
// the Job's Calendars: an occurrence on an excluded day is left out, or listed at the instant to which it is moved.
func Upcoming(job *v1.Job, named []Calendar, now time.Time, n int) ([]time.Time, error) {
	at := ScheduleOf(job, now.Truncate(time.Second))
	if at.Expression == "" {
		return nil, nil
	}
	var occurrences Occurrences
	occurrences, err := AnchorOf(job.Namespace, job.Name, at).Parse()
	if err != nil {
		return nil, err
	}
	from := cursor(at, job.Status.LastScheduleTime)
	if c := job.Spec.Calendars; len(c.Names()) > 0 {
		d, err := Split(occurrences, job.Spec.TimeZone, c, named)
		if err != nil {
			return nil, err
		}
		if c.OnExcluded == v1.OnExcludedNextDay {
			return upcomingNextDay(d, job.Status.Moved, from, now, n), nil
		}
		occurrences = d.On()
	}
	if from.Before(now) {
		from = now
	}
	var list []time.Time
	for t, ok := occurrences.Next(from); ok && len(list) < n; t, ok = occurrences.Next(t) {
		list = append(list, t)
	}
	return list, nil
}

// Upcoming calls the function Upcoming with the Job's Calendars as they are now.
func (c *Calendars) Upcoming(job *v1.Job, now time.Time, n int) ([]time.Time, error) {
	return Upcoming(job, c.Of(job.Namespace, job.Spec.Calendars), now, n)
}

// maxUpcomingSteps bounds the occurrences that Upcoming examines to find those that run.
const maxUpcomingSteps = 20_000

// upcomingNextDay returns the next n instants after now of a Job that moves occurrences to the next day with runs.
// Occurrences up to from have been handled: those that are moved are in moved.
func upcomingNextDay(d *calendar.Split, moved []v1.Time, from, now time.Time, n int) []time.Time {
	// Only occurrences since the last day with runs can be moved to today or later.
	if day, ok := d.Rule.Prev(calendar.In(now, d.Zone)-1, true); ok {
		if start := calendar.Start(day+1, d.Zone).Add(-instant); start.After(from) {
			from = start
		}
	}
	list := make([]v1.Time, 0, n)
	add := func(t time.Time) {
		if t.After(now) {
			// Mostly at its end. The list is not shared, so it is not copied as by insertTime.
			if i, found := slices.BinarySearchFunc(list, t, func(a v1.Time, b time.Time) int { return a.Compare(b) }); !found {
				list = slices.Insert(list, i, v1.NewTime(t))
			}
		}
	}
	for _, t := range moved {
		add(t.Time)
	}
	for range maxUpcomingSteps {
		t, ok := d.All.Next(from)
		// A later occurrence cannot be moved to before t, so the instants before t are complete.
		i, _ := slices.BinarySearchFunc(list, t, func(a v1.Time, b time.Time) int { return a.Compare(b) })
		if !ok || i >= n {
			break
		}
		if from = t; d.Runs(t) {
			add(t)
		} else if at, ok := d.NextDay(t); ok {
			add(at)
		} else {
			break // There is no day with runs any more.
		}
	}
	var times []time.Time
	for _, t := range list[:min(n, len(list))] {
		times = append(times, t.Time)
	}
	return times
}
