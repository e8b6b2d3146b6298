package job

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/schedule"
	"horae/internal/store"
)

// CalendarCache is where Calendars are read. Its objects are shared and never modified (I8).
type CalendarCache interface {
	// Calendar returns nil for what is not there.
	Calendar(namespace, name string) *store.Calendar
}

// Calendars finds the Calendars that Jobs name, and keeps their days, so that a plan does not read them again. It is safe
// for concurrent use.
type Calendars struct {
	cache CalendarCache
	mu    sync.Mutex
	// known is guarded by mu.
	known map[store.Key]knownCalendar
}

type knownCalendar struct {
	// of is what was read. Revisions would not do to tell it from another: an etcd that is restored gives them out once more.
	of       *store.Calendar
	calendar Calendar
}

// maxKnown Calendars are kept; above that all are read again.
const maxKnown = 4096

// NewCalendars finds them in a cache.
func NewCalendars(cache CalendarCache) *Calendars { return &Calendars{cache: cache} }

// Of are the Calendars that a Job names, each once, as they are now.
func (c *Calendars) Of(namespace string, spec *v1.JobCalendars) []Calendar {
	var list []Calendar
	for _, name := range spec.Names() {
		if !slices.ContainsFunc(list, func(other Calendar) bool { return other.Name == name }) {
			list = append(list, c.get(store.CalendarKey(namespace, name)))
		}
	}
	return list
}

func (c *Calendars) get(key store.Key) Calendar {
	e := c.cache.Calendar(key.Namespace, key.Name)
	if e == nil || e.Rev.Deleted() {
		return Calendar{Name: key.Name, Reason: v1.ReasonNotFound, Problem: "is not there"}
	}
	c.mu.Lock()
	found, ok := c.known[key]
	c.mu.Unlock()
	if ok && found.of == e {
		return found.calendar
	}
	made := readCalendar(e)
	c.mu.Lock()
	if c.known == nil || len(c.known) >= maxKnown {
		c.known = map[store.Key]knownCalendar{}
	}
	c.known[key] = knownCalendar{e, made}
	c.mu.Unlock()
	return made
}

func readCalendar(e *store.Calendar) Calendar {
	invalid := func(err error) Calendar {
		return Calendar{Name: e.Key.Name, Reason: v1.ReasonCalendarInvalid, Problem: fmt.Sprintf("is not valid (%v)", err)}
	}
	if e.Err != nil && !errors.Is(e.Err, e.StatusErr()) { // Its status does not matter here.
		return invalid(e.Err)
	}
	if errs := calendar.Validate(e.Object); len(errs) > 0 {
		return invalid(errs.ToAggregate())
	}
	days, err := calendar.Compile(&e.Object.Spec)
	if err != nil {
		return invalid(err)
	}
	return Calendar{Name: e.Key.Name, Days: days}
}

// Upcoming is the function of that name with the Job's Calendars as they are now.
func (c *Calendars) Upcoming(job *v1.Job, now time.Time, n int) ([]time.Time, error) {
	return Upcoming(job, c.Of(job.Namespace, job.Spec.Calendars), now, n)
}

// maxUpcomingSteps bounds the occurrences that Upcoming goes over to find those that run.
const maxUpcomingSteps = 20_000

// upcomingNextDay are the next n instants after now of a Job that moves occurrences to the next day with runs. Those up to from have
// been handled: they are in moved.
func upcomingNextDay(d *days, moved []v1.Time, from, now time.Time, n int) []time.Time {
	// What is moved to today or later is of the days since the last one with runs.
	if day, ok := d.rule.Prev(calendar.In(now, d.zone)-1, true); ok {
		if start := calendar.Start(day+1, d.zone).Add(-instant); start.After(from) {
			from = start
		}
	}
	list := make([]v1.Time, 0, n)
	add := func(t time.Time) {
		if t.After(now) {
			list = insertTime(list, v1.NewTime(t))
		}
	}
	for _, t := range moved {
		add(t.Time)
	}
	for range maxUpcomingSteps {
		t, ok := d.all.Next(from)
		// What comes later is moved to a later time still: all up to here is known.
		i, _ := slices.BinarySearchFunc(list, t, func(a v1.Time, b time.Time) int { return a.Compare(b) })
		if !ok || i >= n {
			break
		}
		if from = t; d.on(t) {
			add(t)
		} else if at, ok := d.landing(t); ok {
			add(at)
		}
	}
	var times []time.Time
	for _, t := range list[:min(n, len(list))] {
		times = append(times, t.Time)
	}
	return times
}

// daysOf divides a Job's occurrences by its Calendars.
func daysOf(all Occurrences, spec *v1.JobSpec, named []Calendar) (*days, error) {
	zone, err := schedule.LoadLocation(spec.TimeZone)
	if err != nil {
		return nil, err
	}
	return &days{all: all, rule: ruleOf(spec.Calendars, named), zone: zone}, nil
}
