package job

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
	"horae/internal/store"
)

// calendarWorld has a Job "hello" that was created on Sunday 2026-11-22 at 08:30 and names Calendars: weekend (SAT, SUN), tuesday
// and wednesday (2026-11-24, 2026-11-25).
func calendarWorld(t tester, c v1.JobCalendars, edit func(*v1.JobSpec)) *world {
	w := newWorld(t, at("08:30"), func(s *v1.JobSpec) {
		s.Schedule, s.Calendars = "0 9 * * *", &c
		if edit != nil {
			edit(s)
		}
	})
	w.calendars = map[string]*v1.CalendarSpec{
		"weekend":   {Weekdays: []v1.Weekday{"SAT", "SUN"}},
		"tuesday":   {Dates: []string{"2026-11-24"}},
		"wednesday": {Dates: []string{"2026-11-25"}},
	}
	return w
}

// walk moves the clock from one wake-up to the next up to a time, and ends every Run at once. It returns the times of day at which
// Runs were scheduled: "24T09:00".
func walk(w *world, until string) []string {
	var list []string
	end := at(until)
	for range 1000 {
		d := w.settle()
		for _, run := range w.runs {
			if !ended(run) {
				list = append(list, run.Object.Spec.ScheduledTime.Format("02T15:04"))
				w.end(run.Key.Name, v1.RunSucceeded)
			}
		}
		d = w.settle()
		if d.After == 0 || w.now.Add(d.After).After(end) {
			w.to(end)
			return list
		}
		w.now = w.now.Add(d.After)
	}
	w.t.Fatalf("it wakes up for nothing: now is %s", w.now)
	return nil
}

func TestCalendars(t *testing.T) {
	exclude := func(names ...string) v1.JobCalendars { return v1.JobCalendars{Exclude: names} }
	only := func(names ...string) v1.JobCalendars { return v1.JobCalendars{Only: names} }
	nextDay := func(c v1.JobCalendars) v1.JobCalendars { c.OnExcluded = v1.OnExcludedNextDay; return c }
	for _, tc := range []struct {
		name      string
		calendars v1.JobCalendars
		edit      func(*v1.JobSpec)
		until     string // default 2026-11-29T08:00:00Z, a Sunday
		want      string // days and times of Runs
		notRun    []string
		occurred  int64
		next      string
		found     string // reason of CalendarsFound; default Found
		reason    string // of Scheduled; default NextOccurrence
	}{
		{name: "weekends are excluded", calendars: exclude("weekend"), want: "23T09:00 24T09:00 25T09:00 26T09:00 27T09:00",
			notRun: []string{"Skipped Calendar 2 09:00-09:00"}, occurred: 7, next: "30T09:00"},
		{name: "two Calendars are excluded", calendars: exclude("weekend", "tuesday"), want: "23T09:00 25T09:00 26T09:00 27T09:00",
			notRun: []string{"Skipped Calendar 3 09:00-09:00"}, occurred: 7, next: "30T09:00"},
		{name: "only two days", calendars: only("tuesday", "wednesday"), want: "24T09:00 25T09:00",
			notRun: []string{"Skipped Calendar 5 09:00-09:00"}, occurred: 7, reason: v1.ReasonExhausted},
		{name: "only one day, of the others of which one is excluded", calendars: v1.JobCalendars{Only: []string{"tuesday", "weekend"}, Exclude: []string{"wednesday"}},
			want: "22T09:00 24T09:00 28T09:00", notRun: []string{"Skipped Calendar 4 09:00-09:00"}, occurred: 7, next: "29T09:00"},
		{name: "a missing Calendar excludes nothing", calendars: exclude("lost", "tuesday"), want: "22T09:00 23T09:00 25T09:00 26T09:00 27T09:00 28T09:00",
			notRun: []string{"Skipped Calendar 1 09:00"}, occurred: 7, next: "29T09:00", found: v1.ReasonNotFound},
		{name: "a missing Calendar adds no day to the only ones", calendars: only("lost", "tuesday"), want: "24T09:00",
			notRun: []string{"Skipped Calendar 6 09:00-09:00"}, occurred: 7, reason: v1.ReasonExhausted, found: v1.ReasonNotFound},

		{name: "to the next day, where the Job runs anyway: once", calendars: nextDay(exclude("weekend")),
			want: "23T09:00 24T09:00 25T09:00 26T09:00 27T09:00", occurred: 5, next: "30T09:00"},
		{name: "to the next day", calendars: nextDay(exclude("tuesday", "wednesday")), edit: func(s *v1.JobSpec) { s.Schedule = "0 9 * * TUE\n30 8 * * WED" },
			want: "26T08:30 26T09:00", occurred: 2, next: "01T09:00"},
		{name: "over the weekend, beside what runs there", calendars: nextDay(exclude("weekend")), edit: func(s *v1.JobSpec) { s.Schedule = "0 9 * * SAT,SUN\n0 10 * * MON" },
			want: "23T09:00 23T10:00", occurred: 2, next: "30T09:00"},
		{name: "to no day at all", calendars: nextDay(only("lost")), occurred: 7, notRun: []string{"Skipped TooManyMoved 7 09:00-09:00"},
			found: v1.ReasonNotFound, reason: v1.ReasonExhausted},
		{name: "Rn counts the days that were left out", calendars: exclude("weekend"), edit: func(s *v1.JobSpec) { s.Schedule = "R4/2026-11-21T09:00:00Z/P1D" },
			want: "23T09:00 24T09:00", notRun: []string{"Skipped Calendar 1 09:00"}, occurred: 3, reason: v1.ReasonExhausted},
		{name: "days are those of the Job's zone", calendars: exclude("tuesday"), edit: func(s *v1.JobSpec) { s.Schedule, s.TimeZone = "0 */6 * * *", "Pacific/Auckland" },
			until: "2026-11-24T23:00:00Z", // 13 hours ahead: Tuesday there is from Monday 11:00 to Tuesday 11:00.
			want:  "22T11:00 22T17:00 22T23:00 23T05:00 24T11:00 24T17:00 24T23:00", notRun: []string{"Skipped Calendar 4 11:00-05:00"}, occurred: 11, next: "25T05:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := calendarWorld(t, tc.calendars, tc.edit)
			if tc.until == "" {
				tc.until = "2026-11-29T08:00:00Z"
			}
			got := strings.Join(walk(w, tc.until), " ")
			if got != tc.want {
				t.Errorf("ran %s, want %s", got, tc.want)
			}
			s := w.status()
			if diff := cmp.Diff(tc.notRun, notRun(s)); diff != "" {
				t.Error(diff)
			}
			if len(s.NotRun) > 0 && s.NotRun[0].Message == "" {
				t.Error("what did not run is recorded without a message")
			}
			next := ""
			if s.NextScheduleTime != nil {
				next = s.NextScheduleTime.Format("02T15:04")
			}
			if next != tc.next || s.Occurrences != tc.occurred {
				t.Errorf("next %q, want %q; %d occurrences, want %d", next, tc.next, s.Occurrences, tc.occurred)
			}
			if tc.reason == "" {
				tc.reason = v1.ReasonNextOccurrence
			}
			if tc.found == "" {
				tc.found = v1.ReasonFound
			}
			if got := scheduled(s); got != tc.reason {
				t.Errorf("Scheduled: %s, want %s", got, tc.reason)
			}
			if got := reasonOf(s, v1.JobCalendarsFound); got != tc.found {
				t.Errorf("CalendarsFound: %s, want %s", got, tc.found)
			}
		})
	}
}

// setCalendar changes a Calendar; nil deletes it.
func (w *world) setCalendar(name string, spec *v1.CalendarSpec) {
	if spec == nil {
		delete(w.calendars, name)
	} else {
		w.calendars[name] = spec
	}
}

// TestEditingACalendarLeavesThePastAlone: what was off when it passed stays so, and what ran is not run again.
func TestEditingACalendarLeavesThePastAlone(t *testing.T) {
	for _, tc := range []struct {
		name       string
		onExcluded v1.OnExcluded
		schedule   string
		editAt     string
		edit       *v1.CalendarSpec
		down       bool // the controller is away from the day before until the edit
		want       string
		notRun     []string
	}{
		{name: "today is no longer excluded: the rest of it runs", schedule: "0 * * * *", editAt: "2026-11-24T10:30:00Z", edit: &v1.CalendarSpec{Dates: []string{"2027-01-01"}},
			want: "11:00 12:00", notRun: []string{"Skipped Calendar 11 00:00-10:00"}},
		{name: "the Calendar goes: the rest of the day runs", schedule: "0 * * * *", editAt: "2026-11-24T10:30:00Z",
			want: "11:00 12:00", notRun: []string{"Skipped Calendar 11 00:00-10:00"}},
		{name: "today is excluded from now on: what ran has run", schedule: "0 10,12 * * *", editAt: "2026-11-25T11:00:00Z", edit: &v1.CalendarSpec{Dates: []string{"2026-11-25"}},
			want: "10:00", notRun: []string{"Skipped Calendar 3 10:00-12:00"}},
		{name: "today is no longer excluded: what was moved stays moved", onExcluded: v1.OnExcludedNextDay, schedule: "0 10 24 * *", editAt: "2026-11-24T11:00:00Z",
			edit: &v1.CalendarSpec{Dates: []string{"2027-01-01"}}, want: "10:00"},
		{name: "today is excluded from now on: what ran is not moved", onExcluded: v1.OnExcludedNextDay, schedule: "0 10 25 * *", editAt: "2026-11-25T11:00:00Z",
			edit: &v1.CalendarSpec{Dates: []string{"2026-11-25"}}, want: "10:00"},
		{name: "the day to which it was moved is excluded as well: it is moved on", onExcluded: v1.OnExcludedNextDay, schedule: "0 10 24 * *", editAt: "2026-11-25T09:00:00Z",
			edit: &v1.CalendarSpec{Dates: []string{"2026-11-24/2026-11-25"}}, want: "10:00"},
		{name: "edited in downtime: what the status knew to be off stays off", schedule: "0 10 * * *", down: true, editAt: "2026-11-24T12:00:00Z",
			edit: &v1.CalendarSpec{Dates: []string{"2027-01-01"}}, notRun: []string{"Skipped Calendar 1 10:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := calendarWorld(t, v1.JobCalendars{Exclude: []string{"tuesday"}, OnExcluded: tc.onExcluded}, func(s *v1.JobSpec) { s.Schedule = tc.schedule })
			before := tc.editAt
			if tc.down {
				before = "2026-11-23T23:00:00Z"
			}
			ran := walk(w, before)
			ran = slices.DeleteFunc(ran, func(s string) bool { return !strings.HasPrefix(s, before[8:10]) })
			w.setCalendar("tuesday", tc.edit)
			if tc.down {
				ran = nil
				w.down(at(tc.editAt))
			}
			end := at(tc.editAt).Truncate(24 * time.Hour).Add(12*time.Hour + 30*time.Minute)
			if tc.onExcluded == v1.OnExcludedNextDay {
				end = end.Add(48 * time.Hour)
			}
			ran = append(ran, walk(w, end.Format(time.RFC3339))...)
			var times []string
			for _, s := range ran {
				times = append(times, s[3:])
			}
			if got := strings.Join(times, " "); got != tc.want {
				t.Errorf("ran %s, want %s", got, tc.want)
			}
			if tc.notRun != nil && !cmp.Equal(tc.notRun[0], notRun(w.status())[0]) {
				t.Errorf("notRun %v, want %v", notRun(w.status()), tc.notRun)
			}
		})
	}
}

func TestCalendarsAfterDowntimeAndSuspension(t *testing.T) {
	for _, tc := range []struct {
		name   string
		edit   func(*v1.JobSpec)
		resume bool
		now    string
		create []string
		waits  []string
		notRun []string
	}{
		{name: "latest: the last one on a day with runs", now: "2026-11-29T12:00:00Z", create: []string{"27T09:00"},
			notRun: []string{"Missed Downtime 4 09:00-09:00", "Skipped Calendar 3 09:00-09:00"}},
		{name: "none", edit: func(s *v1.JobSpec) { s.MissedRuns = v1.MissedRunsNone }, now: "2026-11-29T12:00:00Z",
			notRun: []string{"Missed Downtime 5 09:00-09:00", "Skipped Calendar 3 09:00-09:00"}},
		{name: "all", edit: func(s *v1.JobSpec) { s.MissedRuns = v1.MissedRunsAll }, now: "2026-11-29T12:00:00Z", create: []string{"23T09:00"},
			waits: []string{"24T09:00", "25T09:00", "26T09:00", "27T09:00"}, notRun: []string{"Skipped Calendar 3 09:00-09:00"}},
		{name: "a starting deadline", edit: func(s *v1.JobSpec) { s.StartingDeadline = duration(time.Hour) }, now: "2026-11-29T12:00:00Z",
			notRun: []string{"Missed StartingDeadline 5 09:00-09:00", "Skipped Calendar 3 09:00-09:00"}},
		{name: "latest is one that was moved", edit: func(s *v1.JobSpec) {
			s.Schedule, s.Calendars.OnExcluded = "0 9 * * FRI,SUN", v1.OnExcludedNextDay
		}, now: "2026-12-01T12:00:00Z", create: []string{"30T09:00"}, notRun: []string{"Missed Downtime 1 09:00", "Missed Downtime 1 09:00"}},
		{name: "all, and one that was moved", edit: func(s *v1.JobSpec) {
			s.Schedule, s.Calendars.OnExcluded, s.MissedRuns = "0 9 * * FRI,SUN", v1.OnExcludedNextDay, v1.MissedRunsAll
		}, now: "2026-12-01T12:00:00Z", create: []string{"23T09:00"}, waits: []string{"27T09:00", "30T09:00"}},
		{name: "none, and one that was moved", edit: func(s *v1.JobSpec) {
			s.Schedule, s.Calendars.OnExcluded, s.MissedRuns = "0 9 * * SUN", v1.OnExcludedNextDay, v1.MissedRunsNone
		}, now: "2026-11-23T12:00:00Z", notRun: []string{"Missed Downtime 1 09:00"}},
		{name: "resumed", resume: true, now: "2026-11-29T12:00:00Z", create: []string{"27T09:00"},
			notRun: []string{"Skipped Suspended 4 09:00-09:00", "Skipped Calendar 3 09:00-09:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := calendarWorld(t, v1.JobCalendars{Exclude: []string{"weekend"}}, tc.edit)
			w.settle()
			if tc.resume {
				w.edit(func(s *v1.JobSpec) { s.Suspend = true })
				w.to(at(tc.now))
				w.edit(func(s *v1.JobSpec) { s.Suspend = false })
				w.settle()
			} else {
				w.down(at(tc.now))
			}
			var created, waits []string
			for _, run := range w.runs {
				created = append(created, run.Object.Spec.ScheduledTime.Format("02T15:04"))
			}
			for _, t := range w.status().Waiting {
				waits = append(waits, t.Format("02T15:04"))
			}
			if diff := cmp.Diff([][]string{tc.create, tc.waits, tc.notRun}, [][]string{created, waits, notRun(w.status())}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAMissingCalendarIsNamed(t *testing.T) {
	w := calendarWorld(t, v1.JobCalendars{Exclude: []string{"weekend"}}, nil)
	w.settle()
	w.setCalendar("weekend", nil)
	w.settle()
	c := condition.Find(w.status().Conditions, v1.JobCalendarsFound)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != v1.ReasonNotFound || !strings.Contains(c.Message, "weekend is not there") {
		t.Errorf("got %+v", c)
	}
	if len(walk(w, "2026-11-22T10:00:00Z")) != 1 {
		t.Error("it does not run")
	}
	w.edit(func(s *v1.JobSpec) { s.Calendars = nil })
	w.settle()
	if c := condition.Find(w.status().Conditions, v1.JobCalendarsFound); c != nil {
		t.Errorf("a Job without Calendars says %+v", c)
	}
}

// TestAYearOfExcludedDaysIsToldWithoutWalking: days are counted, not occurrences.
func TestAYearOfExcludedDaysIsToldWithoutWalking(t *testing.T) {
	w := calendarWorld(t, v1.JobCalendars{Only: []string{"weekend"}}, func(s *v1.JobSpec) { s.Schedule = "* * * * *" })
	w.settle()
	w.now = w.now.AddDate(1, 0, 0)
	w.upSince = w.now
	in := w.input()
	steps := 0
	in.Compile = countSteps(in.Compile, &steps)
	d := Plan(in, w.now)
	if s := d.Status; s.Skipped+s.Missed+int64(len(d.Create)) != s.Occurrences || s.Occurrences != 365*24*60 || s.Skipped < 260*24*60 {
		t.Errorf("%d occurrences, %d skipped, %d missed", s.Occurrences, s.Skipped, s.Missed)
	}
	if steps > 3000 {
		t.Errorf("the schedule was asked %d times", steps)
	}
	if len(d.Status.NotRun) != 2 {
		t.Errorf("notRun %v", notRun(&d.Status))
	}
}

func TestTooManyToMove(t *testing.T) {
	w := calendarWorld(t, v1.JobCalendars{Exclude: []string{"tuesday"}, OnExcluded: v1.OnExcludedNextDay}, func(s *v1.JobSpec) { s.Schedule = "* * 24 * *" })
	walk(w, "2026-11-25T00:00:00Z")
	s := w.status()
	if len(s.Moved) > maxMoved || s.Occurrences+int64(len(s.Moved)) != 24*60 || s.Skipped < 24*60-maxMoved-2 {
		t.Errorf("%d moved, %d occurrences, %d skipped", len(s.Moved), s.Occurrences, s.Skipped)
	}
}

func TestUpcomingWithCalendars(t *testing.T) {
	for _, tc := range []struct {
		name       string
		onExcluded v1.OnExcluded
		schedule   string
		moved      string
		want       string
	}{
		{name: "skipped", schedule: "0 9 * * *", want: "25T09:00 26T09:00 27T09:00"},
		{name: "moved", onExcluded: v1.OnExcludedNextDay, schedule: "0 9 24 * *\n0 8 25 * *", want: "25T08:00 25T09:00 24T09:00"},
		{name: "moved already", onExcluded: v1.OnExcludedNextDay, schedule: "0 8 25 * *", moved: "2026-11-25T09:00:00Z", want: "25T08:00 25T09:00 25T08:00"},
		{name: "every minute is moved onto every minute", onExcluded: v1.OnExcludedNextDay, schedule: "* * * * *", want: "25T00:00 25T00:01 25T00:02"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := calendarWorld(t, v1.JobCalendars{Exclude: []string{"tuesday"}, OnExcluded: tc.onExcluded}, func(s *v1.JobSpec) { s.Schedule = tc.schedule })
			w.settle()
			now := at("2026-11-24T10:00:00Z")
			w.job.Object.Status.LastScheduleTime = v1.NewTimePtr(at("2026-11-23T23:59:00Z"))
			if tc.moved != "" {
				w.job.Object.Status.LastScheduleTime = v1.NewTimePtr(at("2026-11-24T09:00:00Z"))
				w.job.Object.Status.Moved = []v1.Time{v1.NewTime(at(tc.moved))}
			}
			times, err := Upcoming(w.job.Object, w.named(), now, 3)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range times {
				got = append(got, x.Format("02T15:04"))
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// TestReconcilerFollowsCalendars writes a Job and its Calendar into a real etcd, breaks the Calendar, and deletes it.
func TestReconcilerFollowsCalendars(t *testing.T) {
	r := newRig(t)
	r.follow()
	key := store.CalendarKey("default", "sundays")
	r.put(key.Spec(), "apiVersion: horae/v1\nkind: Calendar\nspec: {weekdays: [SUN]}\n")
	r.put(hello.Spec(), "apiVersion: horae/v1\nkind: Job\nspec: {schedule: 0 * * * *, calendars: {exclude: [sundays]}, task: {shell: x}}\n")
	r.once("09:30")
	r.once("10:00")
	if s := r.status(); len(s.Active) != 0 || s.Skipped != 1 || notRun(s)[0] != "Skipped Calendar 1 10:00" || s.NextScheduleTime.Format("02T15:04") != "23T00:00" {
		t.Errorf("on a Sunday: %+v", s)
	}
	r.put(key.Spec(), "apiVersion: horae/v1\nkind: Calendar\nspec: {weekdays: [Sunday]}\n")
	r.once("10:30")
	if s := r.status(); reasonOf(s, v1.JobCalendarsFound) != v1.ReasonCalendarInvalid || s.NextScheduleTime.Format("02T15:04") != "22T11:00" {
		t.Errorf("with a Calendar that is not valid: %+v", s)
	}
	r.once("11:00")
	if s := r.status(); len(s.Active) != 1 || s.Skipped != 1 {
		t.Errorf("a Calendar that is not valid stopped the Job: %+v", s)
	}
	r.put(key.Spec(), "")
	r.once("11:30")
	if s := r.status(); reasonOf(s, v1.JobCalendarsFound) != v1.ReasonNotFound || len(s.Active) != 1 {
		t.Errorf("without its Calendar: %+v", s)
	}
}

func BenchmarkPlanWithCalendars(b *testing.B) {
	w := calendarWorld(b, v1.JobCalendars{Exclude: []string{"weekend", "tuesday"}}, nil)
	w.exact = false
	w.now = at("2026-11-27T10:00:00Z")
	w.settle()
	in := w.input()
	b.ReportAllocs()
	for b.Loop() {
		Plan(in, w.now)
	}
}

// TestSearchesAmongDaysThatNeverMeetEnd: a Job whose schedule and Calendars have no day in common is planned in bounded time.
func TestSearchesAmongDaysThatNeverMeetEnd(t *testing.T) {
	w := calendarWorld(t, v1.JobCalendars{Only: []string{"leap"}, Exclude: []string{"tuesdays"}}, func(s *v1.JobSpec) { s.Schedule = "0 9 1 * *" })
	w.calendars["leap"] = &v1.CalendarSpec{Dates: []string{"--02-29"}}
	w.calendars["tuesdays"] = &v1.CalendarSpec{Weekdays: []v1.Weekday{"TUE", "WED", "THU", "FRI", "SAT", "SUN"}}
	w.settle()
	in := w.input()
	steps := 0
	in.Compile = countSteps(in.Compile, &steps)
	if d := Plan(in, w.now); d.Status.NextScheduleTime != nil || steps > 2000 {
		t.Errorf("next is %v, found in %d steps", d.Status.NextScheduleTime, steps)
	}
	if got := scheduled(w.status()); got != v1.ReasonExhausted {
		t.Errorf("Scheduled: %s", got)
	}
}

// TestTenYearsOfWorkingDays: every working day has its Run, whatever the zone did to its clocks, and days off cost little.
func TestTenYearsOfWorkingDays(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			start := time.Date(2008, 1, 1, 0, 0, 30, 0, time.UTC)
			w := newWorld(t, start, func(s *v1.JobSpec) {
				s.Schedule, s.TimeZone, s.Calendars = "0 0,12 * * *", zone, &v1.JobCalendars{Exclude: []string{"weekend"}}
			})
			w.exact = false
			w.calendars = map[string]*v1.CalendarSpec{"weekend": {Weekdays: []v1.Weekday{"SAT", "SUN"}}}
			location, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			ran, plans := 0, 0
			end := start.AddDate(10, 0, 0)
			for w.now.Before(end) {
				w.written = time.Time{}
				in := w.input()
				d := w.plan(in)
				plans++
				if !d.Idle() && !w.apply(in, d) {
					t.Fatal("a decision conflicts with the state that it was taken on")
				}
				for _, run := range d.Create {
					if day := run.Spec.ScheduledTime.In(location).Weekday(); day == time.Saturday || day == time.Sunday {
						t.Errorf("it ran at %s", run.Spec.ScheduledTime.In(location))
					}
					ran++
					w.end(run.Name, v1.RunSucceeded)
				}
				if d.Idle() {
					w.now = w.now.Add(d.After)
				}
			}
			s := w.status()
			if want := 3653 * 2 * 5 / 7; ran < want-4 || ran > want+4 || s.Occurrences != int64(ran)+s.Skipped || s.Missed != 0 {
				t.Errorf("%d Runs, want about %d; status %+v", ran, want, s)
			}
			if most := 4*ran + 6*1044 + 10; plans > most {
				t.Errorf("%d plans, want at most %d: it wakes up for nothing", plans, most)
			}
		})
	}
}
