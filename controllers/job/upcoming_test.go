package job

import (
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// calendarCache has one Calendar.
type calendarCache struct{ entry *store.Calendar }

func (c *calendarCache) Calendar(string, string) *store.Calendar { return c.entry }

// A restored etcd gives revisions out once more: the API keeps what it has read of a Calendar over that.
func TestACalendarOfTheSameRevisionIsReadAgain(t *testing.T) {
	entry := func(day string) *store.Calendar {
		spec := "apiVersion: horae/v1\nkind: Calendar\nspec: {dates: [\"" + day + "\"]}\n"
		return store.NewEntry[v1.Calendar](store.CalendarKey("default", "holidays"), &store.KeyValue{CreateRevision: 7, ModRevision: 7, Version: 1, Value: []byte(spec)}, nil)
	}
	cache := &calendarCache{entry("2026-11-22")}
	calendars := NewCalendars(cache)
	job := newJob(at("09:30"), func(s *v1.JobSpec) { s.Calendars = &v1.JobCalendars{Exclude: []string{"holidays"}} })
	next := func(want string) {
		t.Helper()
		times, err := calendars.Upcoming(job, at("09:30"), 1)
		if err != nil || len(times) != 1 || !times[0].Equal(at(want)) {
			t.Errorf("next: %v, %v; want %s", times, err, want)
		}
	}
	next("2026-11-23T00:00:00Z")
	kept := calendars.known[cache.entry.Key].calendar.Days
	next("2026-11-23T00:00:00Z")
	if calendars.known[cache.entry.Key].calendar.Days != kept {
		t.Error("one that is the same was read again")
	}
	cache.entry = entry("2026-12-24")
	next("10:00")
}
