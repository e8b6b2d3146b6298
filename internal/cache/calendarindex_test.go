package cache

import (
	"fmt"
	"slices"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func TestCalendarsAreSeen(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	heard := record(c)
	follow(t, c)
	key := store.CalendarKey("default", "holidays")
	revision := apply(t, s, store.Change{Writes: []store.Write{putSpec(&v1.Calendar{Spec: v1.CalendarSpec{Dates: []string{"2026-12-25"}}}, key)}})
	waitFor(t, c, revision)
	e := c.Calendar("default", "holidays")
	if e == nil || e.Err != nil || e.Object.Spec.Dates[0] != "2026-12-25" || e.Object.Kind != v1.KindCalendar || e.Object.Generation != 1 {
		t.Fatalf("got %+v", e)
	}
	events := heard.take()
	if len(events) != 1 || events[0].New != e || events[0].Old != nil || events[0].Key != key {
		t.Errorf("events %+v", events)
	}
	w, err := c.Watch(t.Context(), store.Calendars, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, put(t, s, key.Spec(), "nonsense"))
	if e, err := w.Next(t.Context()); err != nil || e.New.GetErr() == nil {
		t.Errorf("watched %+v, %v", e, err)
	}
	waitFor(t, c, del(t, s, key.Spec()))
	if list := c.Calendars(""); len(list) != 0 {
		t.Errorf("left %v", list)
	}
}

func TestJobsAreFoundByTheirCalendars(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	write := func(name string, calendars *v1.JobCalendars) {
		t.Helper()
		job := newJob(name)
		job.Spec.Calendars = calendars
		waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(job, store.JobKey("default", name))}}))
	}
	expect := func(what string, want ...string) {
		t.Helper()
		for i, calendar := range []string{"a", "b"} {
			var names []string
			for _, key := range c.JobsWith("default", calendar) {
				names = append(names, key.Name)
			}
			slices.Sort(names)
			if got := fmt.Sprint(names); got != want[i] {
				t.Errorf("%s: %s is named by %s, want %s", what, calendar, got, want[i])
			}
		}
	}
	write("none", nil)
	write("two", &v1.JobCalendars{Exclude: []string{"a"}})
	write("one", &v1.JobCalendars{Exclude: []string{"a"}, Only: []string{"b"}})
	expect("written", "[one two]", "[one]")
	status := newJob("one")
	status.Status.Skipped = 1
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putStatus(status, store.JobKey("default", "one"))}}))
	expect("a status", "[one two]", "[one]")
	write("one", &v1.JobCalendars{Only: []string{"b"}})
	expect("edited", "[two]", "[one]")
	write("two", nil)
	waitFor(t, c, del(t, s, store.JobKey("default", "one").Spec()))
	expect("deleted", "[]", "[]")
	if n := len(c.byName.jobs); n != 0 {
		t.Errorf("%d entries are left in the index", n)
	}
	if slices.ContainsFunc(c.Jobs(""), func(j *store.Job) bool { return j.Err != nil }) {
		t.Error("a Job cannot be read")
	}
}
