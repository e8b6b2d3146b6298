package job

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/internal/condition"
	"horae/internal/store"
)

// An hourly Job was created at 08:30. In each row it has handled 09:00 if ranBefore, whose Run is still active if active; then
// the clock goes to now. The controller was away in between if down, and the Job suspended if suspended.
var policyRows = []struct {
	name        string
	concurrency v1.ConcurrencyPolicy // default Forbid
	missedRuns  v1.MissedRunsPolicy  // default Latest
	deadline    time.Duration
	jitter      time.Duration
	limit       int

	notBefore bool // 09:00 has not come yet: now is before it
	active    bool
	waiting   bool // Queue: 10:00 has come as well and waits
	down      bool
	suspended bool
	resumed   bool // suspended until now
	now       string

	create  []string // times of day
	cancel  int
	notRun  []string
	waits   []string
	next    string // nextScheduleTime; "" for none
	reason  string // of Scheduled, if it is not NextOccurrence
	missed  int64
	skipped int64
}{
	// On time.
	{name: "never ran, not due: waits", notBefore: true, now: "08:59:59", next: "09:00"},
	{name: "never ran, due this instant: runs", notBefore: true, now: "09:00", create: []string{"09:00"}, next: "10:00"},
	{name: "never ran, a little late: runs", notBefore: true, now: "09:00:20", create: []string{"09:00"}, next: "10:00"},
	{name: "ran before, not due: waits", now: "09:59:59", next: "10:00"},
	{name: "ran before, due: runs", now: "10:00:00.02", create: []string{"10:00"}, next: "11:00"},
	{name: "ran before, due, None: runs, for it is on time", missedRuns: v1.MissedRunsNone, now: "10:00:00.02", create: []string{"10:00"}, next: "11:00"},
	{name: "ran before, due, deadline not over: runs", deadline: time.Minute, now: "10:00:59", create: []string{"10:00"}, next: "11:00"},
	{name: "ran before, due, deadline over: is missed", deadline: 10 * time.Second, now: "10:00:11",
		notRun: []string{"Missed StartingDeadline 1 10:00"}, missed: 1, next: "11:00"},

	// A Run is active.
	{name: "active, forbid: skips", active: true, now: "10:00", notRun: []string{"Skipped Overlap 1 10:00"}, skipped: 1, next: "11:00"},
	{name: "active, allow: runs beside it", concurrency: v1.ConcurrencyAllow, active: true, now: "10:00", create: []string{"10:00"}, next: "11:00"},
	{name: "active, replace: cancels it and waits", concurrency: v1.ConcurrencyReplace, active: true, now: "10:00", cancel: 1, waits: []string{"10:00"}, next: "11:00"},
	{name: "active, queue: waits", concurrency: v1.ConcurrencyQueue, active: true, now: "10:00", waits: []string{"10:00"}, next: "11:00"},
	{name: "active, queue, one waits: skips", concurrency: v1.ConcurrencyQueue, active: true, waiting: true, now: "11:00",
		waits: []string{"10:00"}, notRun: []string{"Skipped QueueFull 1 11:00"}, skipped: 1, next: "12:00"},
	{name: "active, queue, the one that waits outlives its deadline: is missed", concurrency: v1.ConcurrencyQueue, deadline: 30 * time.Minute,
		active: true, waiting: true, now: "10:31", notRun: []string{"Missed StartingDeadline 1 10:00"}, missed: 1, next: "11:00"},

	// Late, after downtime.
	{name: "late, latest: runs the last", down: true, now: "12:30", create: []string{"12:00"},
		notRun: []string{"Missed Downtime 2 10:00-11:00"}, missed: 2, next: "13:00"},
	{name: "late by one, latest: runs it", down: true, now: "10:30", create: []string{"10:00"}, next: "11:00"},
	{name: "late, latest, never ran: runs the last", notBefore: true, down: true, now: "12:30", create: []string{"12:00"},
		notRun: []string{"Missed Downtime 3 09:00-11:00"}, missed: 3, next: "13:00"},
	{name: "late, none: runs none", missedRuns: v1.MissedRunsNone, down: true, now: "12:30",
		notRun: []string{"Missed Downtime 3 10:00-12:00"}, missed: 3, next: "13:00"},
	{name: "late, all, allow: runs all", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyAllow, down: true, now: "12:30",
		create: []string{"10:00", "11:00", "12:00"}, next: "13:00"},
	{name: "late, all, forbid: runs one after another", missedRuns: v1.MissedRunsAll, down: true, now: "12:30",
		create: []string{"10:00"}, waits: []string{"11:00", "12:00"}, next: "13:00"},
	{name: "late, all, replace: runs one after another", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyReplace, down: true, now: "12:30",
		create: []string{"10:00"}, waits: []string{"11:00", "12:00"}, next: "13:00"},
	{name: "late, all, above the limit: the oldest are missed", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyAllow, limit: 2, down: true, now: "14:30",
		create: []string{"13:00", "14:00"}, notRun: []string{"Missed TooManyMissed 3 10:00-12:00"}, missed: 3, next: "15:00"},
	{name: "late, latest, deadline over for all: runs none", deadline: 10 * time.Minute, down: true, now: "12:30",
		notRun: []string{"Missed StartingDeadline 3 10:00-12:00"}, missed: 3, next: "13:00"},
	{name: "late, latest, deadline over for all but the last: runs the last", deadline: time.Hour, down: true, now: "12:30", create: []string{"12:00"},
		notRun: []string{"Missed StartingDeadline 2 10:00-11:00"}, missed: 2, next: "13:00"},
	{name: "late, all, allow, deadline over for some: runs the others", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyAllow,
		deadline: 100 * time.Minute, down: true, now: "12:30",
		create: []string{"11:00", "12:00"}, notRun: []string{"Missed StartingDeadline 1 10:00"}, missed: 1, next: "13:00"},
	{name: "late, latest, previous still active, forbid: skips the last", active: true, down: true, now: "12:30",
		notRun: []string{"Skipped Overlap 1 12:00", "Missed Downtime 2 10:00-11:00"}, missed: 2, skipped: 1, next: "13:00"},
	{name: "late, latest, previous still active, queue: the last waits", concurrency: v1.ConcurrencyQueue, active: true, down: true, now: "12:30",
		waits: []string{"12:00"}, notRun: []string{"Missed Downtime 2 10:00-11:00"}, missed: 2, next: "13:00"},
	{name: "late, latest, previous still active, replace: the last replaces it", concurrency: v1.ConcurrencyReplace, active: true, down: true, now: "12:30",
		cancel: 1, waits: []string{"12:00"}, notRun: []string{"Missed Downtime 2 10:00-11:00"}, missed: 2, next: "13:00"},
	{name: "late, latest, previous still active, allow: runs the last", concurrency: v1.ConcurrencyAllow, active: true, down: true, now: "12:30",
		create: []string{"12:00"}, notRun: []string{"Missed Downtime 2 10:00-11:00"}, missed: 2, next: "13:00"},
	{name: "late, all, previous still active, forbid: all wait", missedRuns: v1.MissedRunsAll, active: true, down: true, now: "12:30",
		waits: []string{"10:00", "11:00", "12:00"}, next: "13:00"},
	{name: "on time, all, previous still active, forbid: waits", missedRuns: v1.MissedRunsAll, active: true, now: "10:00", waits: []string{"10:00"}, next: "11:00"},
	{name: "on time, all, previous still active, replace: replaces it", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyReplace, active: true, now: "10:00",
		cancel: 1, waits: []string{"10:00"}, next: "11:00"},
	{name: "late, none, previous still active: runs none", missedRuns: v1.MissedRunsNone, active: true, down: true, now: "12:30",
		notRun: []string{"Missed Downtime 3 10:00-12:00"}, missed: 3, next: "13:00"},
	{name: "up, but more than a minute behind: is late", missedRuns: v1.MissedRunsNone, now: "10:01:01",
		notRun: []string{"Missed Downtime 1 10:00"}, missed: 1, next: "11:00"},

	// Suspended.
	{name: "suspended, due: waits for the user", suspended: true, now: "10:00", reason: v1.ReasonSuspended},
	{name: "suspended, late: waits for the user", suspended: true, down: true, now: "12:30", reason: v1.ReasonSuspended},
	{name: "suspended, active: leaves it alone", suspended: true, active: true, concurrency: v1.ConcurrencyReplace, now: "10:00", reason: v1.ReasonSuspended},
	{name: "resumed, latest: runs the last", resumed: true, now: "12:30", create: []string{"12:00"},
		notRun: []string{"Skipped Suspended 2 10:00-11:00"}, skipped: 2, next: "13:00"},
	{name: "resumed, none: runs none", missedRuns: v1.MissedRunsNone, resumed: true, now: "12:30",
		notRun: []string{"Skipped Suspended 3 10:00-12:00"}, skipped: 3, next: "13:00"},
	{name: "resumed, none, one is due this instant: it passed in suspension", missedRuns: v1.MissedRunsNone, resumed: true, now: "10:00",
		notRun: []string{"Skipped Suspended 1 10:00"}, skipped: 1, next: "11:00"},
	{name: "resumed, all, allow: runs all", missedRuns: v1.MissedRunsAll, concurrency: v1.ConcurrencyAllow, resumed: true, now: "12:30",
		create: []string{"10:00", "11:00", "12:00"}, next: "13:00"},
	{name: "resumed, latest, deadline over: runs none", deadline: time.Minute, resumed: true, now: "12:30",
		notRun: []string{"Missed StartingDeadline 3 10:00-12:00"}, missed: 3, next: "13:00"},
	{name: "resumed, latest, active, forbid: skips the last", active: true, resumed: true, now: "12:30",
		notRun: []string{"Skipped Overlap 1 12:00", "Skipped Suspended 2 10:00-11:00"}, skipped: 3, next: "13:00"},
	{name: "resumed before anything passed: goes on", resumed: true, now: "09:30", next: "10:00"},
	{name: "resumed, queue, one waited, nothing passed: it still waits", concurrency: v1.ConcurrencyQueue, active: true, waiting: true, resumed: true, now: "10:30",
		waits: []string{"10:00"}, next: "11:00"},
	{name: "resumed, queue, one waited, latest: the later one waits", concurrency: v1.ConcurrencyQueue, active: true, waiting: true, resumed: true, now: "12:30",
		waits: []string{"12:00"}, notRun: []string{"Skipped Suspended 2 10:00-11:00"}, skipped: 2, next: "13:00"},
	{name: "resumed, queue, one waited, none: it is skipped", concurrency: v1.ConcurrencyQueue, missedRuns: v1.MissedRunsNone, active: true, waiting: true, resumed: true, now: "10:30",
		notRun: []string{"Skipped Suspended 1 10:00"}, skipped: 1, next: "11:00"},
	{name: "resumed, queue, one waited, all: it waits with the others", concurrency: v1.ConcurrencyQueue, missedRuns: v1.MissedRunsAll, active: true, waiting: true, resumed: true, now: "12:30",
		waits: []string{"10:00", "11:00", "12:00"}, next: "13:00"},

	// Jitter: 10:00 is due at 10:01:17.35.
	{name: "jitter, before its time: waits", jitter: 5 * time.Minute, now: "10:00:30", next: "10:00"},
	{name: "jitter, after its time: runs", jitter: 5 * time.Minute, now: "10:05:00", create: []string{"10:00"}, next: "11:00"},
	{name: "jitter, None, came back before its time: is on time", jitter: 5 * time.Minute, missedRuns: v1.MissedRunsNone, down: true, now: "10:00:30", next: "10:00"},
}

func TestPolicies(t *testing.T) {
	for _, row := range policyRows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, at("08:30"), func(s *v1.JobSpec) {
				s.ConcurrencyPolicy, s.MissedRuns = row.concurrency, row.missedRuns
				if row.deadline > 0 {
					s.StartingDeadline = duration(row.deadline)
				}
				if row.jitter > 0 {
					s.Jitter = duration(row.jitter)
				}
			})
			w.settings.MissedLimit = row.limit
			w.settle()
			if !row.notBefore {
				w.to(w.now.Add(w.settle().After))
				if !row.active {
					w.end("hello-20261122t090000z", v1.RunSucceeded)
				}
				w.settle()
			}
			if row.waiting {
				w.to(at("10:00"))
			}
			if row.suspended || row.resumed {
				w.edit(func(s *v1.JobSpec) { s.Suspend = true })
				w.settle()
			}
			had := len(w.runs)
			if row.resumed {
				w.edit(func(s *v1.JobSpec) { s.Suspend = false })
			}
			if row.down {
				w.down(at(row.now))
			} else {
				w.to(at(row.now))
			}

			type outcome struct {
				Create, NotRun, Waits []string
				Cancel                int
				Next, Reason          string
				Missed, Skipped       int64
			}
			s := w.status()
			got := outcome{NotRun: notRun(s), Reason: scheduled(s), Missed: s.Missed, Skipped: s.Skipped}
			for _, run := range w.runs[had:] {
				got.Create = append(got.Create, run.Object.Spec.ScheduledTime.Format("15:04"))
			}
			for _, run := range w.runs {
				if run.Object.Spec.Cancel {
					got.Cancel++
				}
			}
			for _, at := range s.Waiting {
				got.Waits = append(got.Waits, at.Format("15:04"))
			}
			if s.NextScheduleTime != nil {
				got.Next = s.NextScheduleTime.Format("15:04")
			}
			want := outcome{row.create, row.notRun, row.waits, row.cancel, row.next, row.reason, row.missed, row.skipped}
			if want.Reason == "" {
				want.Reason = v1.ReasonNextOccurrence
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReplaceStartsTheNewRunWhenTheOldOneIsGone(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyReplace })
	w.to(at("10:00"))
	w.to(at("11:00"))
	if !w.runs[0].Object.Spec.Cancel || len(w.runs) != 1 {
		t.Fatalf("Runs %v, want the first one cancelled and no other yet", w.names())
	}
	w.to(at("12:00")) // It will not die.
	if got := notRun(w.status()); len(got) != 1 || got[0] != "Skipped Replaced 1 11:00" {
		t.Errorf("status.notRun is %v, want that 11:00 was replaced by 12:00 before it started", got)
	}
	w.now = at("12:10")
	w.end("hello-20261122t100000z", v1.RunKilled)
	w.settle()
	if diff := cmp.Diff([]string{"20261122t100000z", "20261122t120000z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := w.status(); s.Failed != 0 || s.Succeeded != 0 || s.ConsecutiveFailures != 0 {
		t.Errorf("the killed Run was counted as success or failure: %+v", s)
	}
}

func TestQueueStartsTheOneThatWaits(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyQueue })
	w.to(at("10:00"))
	w.to(at("11:00"))
	w.now = at("11:20")
	w.end("hello-20261122t100000z", v1.RunFailed)
	w.settle()
	if diff := cmp.Diff([]string{"20261122t100000z", "20261122t110000z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := w.status(); len(s.Waiting) != 0 || s.Occurrences != 2 {
		t.Errorf("waiting %v, occurrences %d; want none and 2", s.Waiting, s.Occurrences)
	}
}

// TestAllMakesUpForEveryOccurrenceOneAtATime: what comes due during the catch-up joins its end.
func TestAllMakesUpForEveryOccurrenceOneAtATime(t *testing.T) {
	for _, policy := range []v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyQueue, v1.ConcurrencyReplace} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
				s.Schedule, s.MissedRuns, s.ConcurrencyPolicy, s.Suspend = "*/10 * * * * *", v1.MissedRunsAll, policy, true
			})
			w.to(at("09:30:45"))
			w.edit(func(s *v1.JobSpec) { s.Suspend = false })
			for range 40 { // Each Run takes nine seconds, so that the catch-up is slow.
				w.to(w.now.Add(time.Second))
				for _, run := range w.runs {
					if !ended(run) && w.now.Sub(run.Object.CreationTimestamp.Time) >= 9*time.Second {
						w.end(run.Key.Name, v1.RunSucceeded)
						w.settle()
					}
				}
			}
			s := w.status()
			if s.Skipped != 0 || s.Missed != 0 || int(s.Occurrences) != len(w.ever)+len(s.Waiting) || len(s.Active) > 1 {
				t.Errorf("%d occurrences, %d Runs, %d wait, %d skipped, %d missed, active %v: %v", s.Occurrences, len(w.ever), len(s.Waiting), s.Skipped, s.Missed, s.Active, notRun(s))
			}
		})
	}
}

func TestAllLetsNoMoreWaitThanTheLimit(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.MissedRuns = v1.MissedRunsAll })
	w.settings.MissedLimit = 3
	for hour := 10; hour <= 15; hour++ {
		w.to(at(fmt.Sprintf("%d:00", hour)))
	}
	s := w.status()
	if got := notRun(s); len(s.Waiting) != 3 || !s.Waiting[0].Equal(at("13:00")) || len(got) != 1 || got[0] != "Missed TooManyMissed 2 11:00-12:00" {
		t.Errorf("waiting %v, not run %v", s.Waiting, got)
	}
}

// TestManyActiveRuns: the status names a hundred of them, and each is counted once all the same, whichever ends when.
func TestManyActiveRuns(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		s.ConcurrencyPolicy, s.MissedRuns, s.Schedule = v1.ConcurrencyAllow, v1.MissedRunsAll, "* * * * *"
		keep := int32(1000)
		s.History.Succeeded, s.History.Failed = &keep, &keep
	})
	w.settings.MissedLimit = 300
	w.settle()
	w.down(at("13:00:30"))
	w.edit(func(s *v1.JobSpec) { s.Suspend = true })
	w.settle()
	all := len(w.runs)
	gone := w.runs[all-1]
	if s := w.status(); s.ActiveCount != 210 || all != 210 || len(s.Active) != maxActive {
		t.Fatalf("%d Runs, %d active, %d named", all, s.ActiveCount, len(s.Active))
	}
	w.update(gone.Key.Name, func(r *store.Run) { r.Rev.SpecMod, r.Rev.SpecVersion = 0, 0 }) // Its spec is gone.
	w.settle()
	if s := w.status(); !slices.Contains(s.Active, gone.Key.Name) {
		t.Errorf("a Run without its spec, which nothing but the status knows, is not among those named")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	order := rng.Perm(all)
	succeeded, failed := int64(0), int64(0)
	for i, n := range order {
		phase := []v1.RunPhase{v1.RunSucceeded, v1.RunFailed, v1.RunKilled}[rng.IntN(3)]
		switch phase {
		case v1.RunSucceeded:
			succeeded++
		case v1.RunFailed:
			failed++
		}
		w.end(w.runs[n].Key.Name, phase)
		if rng.IntN(4) == 0 || i == all-1 { // Several may end between two plans.
			w.settle()
			if s := w.status(); s.Succeeded != succeeded || s.Failed != failed || s.ActiveCount != int64(all-i-1) || int64(len(s.Active)) > s.ActiveCount {
				t.Fatalf("after %d ends: %d succeeded, %d failed, %d active, want %d, %d, %d", i+1, s.Succeeded, s.Failed, s.ActiveCount, succeeded, failed, all-i-1)
			}
		}
	}
}

// TestOneTransactionTakesWhatEtcdTakes: Runs of a large task are made, and cancelled, a few at a time.
func TestOneTransactionTakesWhatEtcdTakes(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		s.ConcurrencyPolicy, s.MissedRuns, s.Schedule = v1.ConcurrencyAllow, v1.MissedRunsAll, "* * * * *"
		s.Task.Env = []v1.EnvVar{{Name: "LARGE", Value: strings.Repeat("x", 100<<10)}}
	})
	w.settle()
	w.down(at("10:10:30"))
	if len(w.runs) != 40 {
		t.Fatalf("%d Runs, want 40", len(w.runs))
	}
	w.edit(func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyReplace })
	w.to(at("10:11"))
	for _, run := range w.runs {
		if !run.Object.Spec.Cancel {
			t.Errorf("%s is not cancelled", run.Key.Name)
		}
	}
	// One that takes nearly all of it by itself is alone.
	w.edit(func(s *v1.JobSpec) { s.Task.Env[0].Value = strings.Repeat("x", 1<<20) })
	w.to(at("10:11:10"))
}

// TestAJobWhoseRunsEtcdWouldNotTake was put with etcdctl: the API takes 1 MiB at most.
func TestAJobWhoseRunsEtcdWouldNotTake(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		for i := range 16 {
			s.Task.Env = append(s.Task.Env, v1.EnvVar{Name: fmt.Sprintf("LARGE%d", i), Value: strings.Repeat("x", 100_000)})
		}
	})
	w.to(at("10:00"))
	c := condition.Find(w.status().Conditions, v1.JobAccepted)
	if len(w.runs) != 0 || c.Reason != v1.ReasonInvalid || !strings.Contains(c.Message, "too large") {
		t.Errorf("%d Runs, %+v", len(w.runs), c)
	}
	w.edit(func(s *v1.JobSpec) { s.Task.Env = nil })
	w.to(at("10:30"))
	w.to(at("11:00"))
	if len(w.runs) != 1 {
		t.Errorf("%d Runs after it was mended", len(w.runs))
	}
}

func TestReplaceCancelsMoreRunsThanOneTransactionTakes(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		s.ConcurrencyPolicy, s.MissedRuns, s.Schedule = v1.ConcurrencyAllow, v1.MissedRunsAll, "* * * * *"
	})
	w.settle()
	w.down(at("10:40:30"))
	if len(w.runs) != 70 {
		t.Fatalf("%d Runs, want 70", len(w.runs))
	}
	w.edit(func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyReplace })
	w.to(at("10:41"))
	for _, run := range w.runs {
		if !run.Object.Spec.Cancel {
			t.Errorf("%s is not cancelled", run.Key.Name)
		}
	}
}

func TestEditsThatLeaveTheScheduleAloneLeaveTheCursorAlone(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.to(at("10:00"))
	w.now = at("10:10")
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.settle()
	before := *w.status()
	w.edit(nil) // The same file again.
	w.to(at("10:20"))
	w.edit(func(s *v1.JobSpec) { s.Task.Shell, s.Description = "false", "new" })
	w.to(at("10:30"))
	after := *w.status()
	if len(w.runs) != 1 {
		t.Errorf("Runs %v: the edit fired one", w.names())
	}
	before.ObservedGeneration, before.Conditions = after.ObservedGeneration, after.Conditions
	if !equalStatus(&before, &after) {
		t.Errorf("the status changed by more than its generation:\n%+v\n%+v", before, after)
	}
	w.to(at("11:00"))
	if got := w.runs[1].Object.Spec.Task.Shell; got != "false" {
		t.Errorf("the next Run has task %q, want the edited one", got)
	}
}

func TestAChangedScheduleStartsFromNowAndTellsWhatItLeaves(t *testing.T) {
	w := newWorld(t, at("08:30"), nil)
	w.to(at("09:00"))
	w.end("hello-20261122t090000z", v1.RunSucceeded)
	w.settle()
	w.edit(func(s *v1.JobSpec) { s.Schedule = "R/2012-01-01T00:15:00Z/PT30M" })
	w.down(at("11:30")) // 10:00 and 11:00 of the old schedule passed; so did many of the new one.
	if len(w.runs) != 1 {
		t.Fatalf("Runs %v: a changed schedule fired the past", w.names())
	}
	s := w.status()
	if diff := cmp.Diff([]string{"Skipped ScheduleChanged 2 10:00-11:00"}, notRun(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !s.Schedule.Since.Equal(at("11:30")) || s.Occurrences != 0 || !s.NextScheduleTime.Equal(at("11:45")) || s.Succeeded != 1 {
		t.Errorf("status %+v", s)
	}
	w.to(at("11:45"))
	if diff := cmp.Diff([]string{"20261122t090000z", "20261122t114500z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	w.edit(func(s *v1.JobSpec) { s.Schedule, s.TimeZone = "0 12 * * *", "Europe/Berlin" })
	w.to(at("11:50"))
	if got := w.status().NextScheduleTime.Time; !got.Equal(at("2026-11-23T11:00:00Z")) {
		t.Errorf("next in Berlin is %v, want 11:00Z tomorrow", got)
	}
	w.edit(func(s *v1.JobSpec) { s.Schedule = "" })
	w.to(at("2026-11-23T12:00:00Z"))
	if s := w.status(); s.Schedule != nil || scheduled(s) != v1.ReasonNoSchedule || s.NextScheduleTime != nil {
		t.Errorf("status without a schedule: %+v", s)
	}
}

func TestARepeatingScheduleWithoutStartBeginsWhenTheJobIsCreated(t *testing.T) {
	w := newWorld(t, at("09:30:10"), func(s *v1.JobSpec) {
		s.Schedule, s.ConcurrencyPolicy = "R3//PT1H", v1.ConcurrencyAllow
	})
	w.settle()
	for range 5 {
		w.to(w.now.Add(time.Hour))
	}
	if diff := cmp.Diff([]string{"20261122t093010z", "20261122t103010z", "20261122t113010z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := w.status(); scheduled(s) != v1.ReasonExhausted || s.Occurrences != 3 {
		t.Errorf("reason %s after %d occurrences, want Exhausted after 3", scheduled(s), s.Occurrences)
	}
	w.edit(func(s *v1.JobSpec) { s.Schedule = "@every 90m" })
	if d := w.to(at("15:00")); d.After != 90*time.Minute || len(w.runs) != 3 {
		t.Errorf("%d Runs, next in %v; want 3 and the first of @every in 90m", len(w.runs), d.After)
	}
}

func TestRnCountsOccurrencesAndNothingElse(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.Schedule = "R3/2026-11-22T10:00:00Z/PT1H" })
	w.settle()
	w.end(w.manual("early"), v1.RunFailed)
	w.to(at("10:00"))
	w.to(at("11:00")) // Skipped: it is an occurrence all the same.
	w.end("hello-20261122t100000z", v1.RunFailed)
	w.to(at("11:30"))
	w.end(w.manual("again"), v1.RunSucceeded)
	w.to(at("12:00"))
	w.end("hello-20261122t120000z", v1.RunLost)
	w.to(at("19:00"))
	s := w.status()
	if s.Occurrences != 3 || s.Skipped != 1 || scheduled(s) != v1.ReasonExhausted || s.NextScheduleTime != nil {
		t.Errorf("status %+v", s)
	}
	if s.Succeeded != 1 || s.Failed != 3 {
		t.Errorf("succeeded %d, failed %d; want 1 and 3", s.Succeeded, s.Failed)
	}
}

func TestR0NeverRuns(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.Schedule = "R0/2026-11-22T10:00:00Z/PT1H" })
	if w.settle(); len(w.runs) == 0 {
		w.to(at("12:00"))
	}
	if len(w.runs) != 0 || scheduled(w.status()) != v1.ReasonExhausted {
		t.Errorf("Runs %v, reason %s", w.names(), scheduled(w.status()))
	}
}

func TestAClockThatStepsBackFiresNothingTwice(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow })
	w.to(at("10:00"))
	w.to(at("11:00"))
	w.down(at("09:45"))
	if scheduled(w.status()) != v1.ReasonClockWentBack {
		t.Errorf("reason %s, want ClockWentBack", scheduled(w.status()))
	}
	w.to(at("10:00"))
	w.to(at("11:00"))
	if len(w.runs) != 2 {
		t.Errorf("Runs %v: fired twice", w.names())
	}
	w.to(at("12:00"))
	if len(w.runs) != 3 || scheduled(w.status()) != v1.ReasonNextOccurrence {
		t.Errorf("Runs %v, reason %s", w.names(), scheduled(w.status()))
	}
}

func TestAClockThatStepsForwardIsDowntime(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.MissedRuns = v1.MissedRunsNone })
	w.to(at("10:00"))
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.to(at("12:30")) // No restart, but more than MaxLag.
	if diff := cmp.Diff([]string{"Missed Downtime 2 11:00-12:00"}, notRun(w.status())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAClockThatWasWrongForLongIsMendedByAnEdit(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.settle()
	w.down(at("2030-01-01T00:00:30Z"))
	w.end("hello-20300101t000000z", v1.RunSucceeded)
	w.down(at("10:30"))
	if w.status().NextScheduleTime.Year() != 2030 {
		t.Fatalf("next is %v", w.status().NextScheduleTime)
	}
	w.edit(func(s *v1.JobSpec) { s.Schedule = "30 * * * *" })
	w.to(at("10:31"))
	w.to(at("11:30"))
	if got := w.names(); got[len(got)-1] != "20261122t113000z" {
		t.Errorf("Runs %v, want one for 11:30", got)
	}
}

// TestOneWriteResumes: any write of the spec lets a Job that was stopped after failures go on, be it an annotation; also one that was
// suspended when its Runs failed.
func TestOneWriteResumes(t *testing.T) {
	for _, suspended := range []bool{false, true} {
		t.Run(fmt.Sprintf("suspended: %v", suspended), func(t *testing.T) {
			one := int32(1)
			w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.SuspendAfterFailures = &one })
			w.to(at("10:00"))
			if suspended {
				w.edit(func(s *v1.JobSpec) { s.Suspend = true })
				w.settle()
			}
			w.end("hello-20261122t100000z", v1.RunFailed)
			w.to(at("10:30"))
			if s := w.status(); scheduled(s) == v1.ReasonNextOccurrence || s.ConsecutiveFailures != 1 {
				t.Fatalf("reason %s with %d failures: not stopped", scheduled(s), s.ConsecutiveFailures)
			}
			w.edit(func(s *v1.JobSpec) { s.Suspend = false })
			w.to(at("11:00"))
			if s := w.status(); scheduled(s) != v1.ReasonNextOccurrence || s.ConsecutiveFailures != 0 || w.names()[len(w.runs)-1] != "20261122t110000z" {
				t.Errorf("reason %s with %d failures, Runs %v", scheduled(s), s.ConsecutiveFailures, w.names())
			}
		})
	}
}

func TestSuspensionAfterFailures(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		n := int32(2)
		s.SuspendAfterFailures = &n
	})
	fail := func(hour string) {
		w.to(at(hour + ":00"))
		w.end("hello-20261122t"+hour+"0000z", v1.RunFailed)
		w.settle()
	}
	fail("10")
	w.end(w.manual("experiment"), v1.RunFailed)
	w.settle()
	if s := w.status(); scheduled(s) != v1.ReasonNextOccurrence || s.ConsecutiveFailures != 1 || s.Failed != 2 {
		t.Fatalf("a manual failure counts towards the suspension: %+v", s)
	}
	fail("11")
	if s := w.status(); scheduled(s) != v1.ReasonTooManyFailures || s.NextScheduleTime != nil || reasonOf(s, v1.JobHealthy) != v1.ReasonLastRunFailed {
		t.Fatalf("not suspended after two failures: %+v", s)
	}
	w.to(at("13:30"))
	if len(w.runs) != 3 {
		t.Fatalf("Runs %v: ran while suspended", w.names())
	}

	// A person has it run well: it goes on, and what passed is treated as after any suspension.
	w.end(w.manual("mended"), v1.RunSucceeded)
	w.settle()
	if got := w.names(); got[len(got)-1] != "20261122t130000z" || notRun(w.status())[0] != "Skipped TooManyFailures 1 12:00" {
		t.Errorf("Runs %v, notRun %v", got, notRun(w.status()))
	}
	w.end("hello-20261122t130000z", v1.RunFailed)
	w.settle()
	fail("14")
	if scheduled(w.status()) != v1.ReasonTooManyFailures {
		t.Fatalf("not suspended again")
	}

	// An edit lifts it too, but the user's own suspension stays.
	w.edit(func(s *v1.JobSpec) { s.Suspend = true })
	w.to(at("14:30"))
	if s := w.status(); scheduled(s) != v1.ReasonSuspended || s.ConsecutiveFailures != 0 {
		t.Errorf("reason %s with %d failures in a row", scheduled(s), s.ConsecutiveFailures)
	}
	w.end(w.manual("other"), v1.RunSucceeded)
	w.to(at("15:30"))
	if scheduled(w.status()) != v1.ReasonSuspended {
		t.Errorf("the user's suspension was lifted")
	}
}

func TestASpecThatIsNotValidRunsNothingAndSaysWhy(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.to(at("10:00"))
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.settle()

	w.edit(func(s *v1.JobSpec) { s.Schedule = "0 25 * * *" })
	w.to(at("12:30"))
	s := w.status()
	c := condition.Find(s.Conditions, v1.JobAccepted)
	if c.Status != "False" || c.Reason != v1.ReasonInvalid || !cmp.Equal(s.ObservedGeneration, int64(2)) {
		t.Fatalf("condition %+v", c)
	}
	if want := `spec.schedule: Invalid value: "0 25 * * *": hour "25": must be 0-23`; len(c.Message) < len(want) || c.Message[:len(want)] != want {
		t.Errorf("message %q", c.Message)
	}
	if len(w.runs) != 1 || scheduled(s) != v1.ReasonNotAccepted || s.Succeeded != 1 || s.Schedule.Expression != "0 * * * *" {
		t.Errorf("Runs %v, status %+v", w.names(), s)
	}

	w.edit(func(s *v1.JobSpec) { s.Schedule = "0 * * * *" }) // As it was: what passed is treated as after a suspension.
	w.settle()
	if got := w.names(); len(got) != 2 || got[1] != "20261122t120000z" || notRun(w.status())[0] != "Skipped NotAccepted 1 11:00" {
		t.Errorf("Runs %v, notRun %v", got, notRun(w.status()))
	}
}

func TestRunsAreCountedExactlyOnce(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow })
	w.to(at("10:00"))
	w.end(w.manual("ended-before-it-was-seen"), v1.RunFailed)
	seen := w.manual("seen")
	w.settle()
	if s := w.status(); len(s.Active) != 2 || s.Failed != 1 {
		t.Fatalf("active %v, failed %d", s.Active, s.Failed)
	}
	// A crash before the status is written: the next controller counts what this one did not record.
	w.end(seen, v1.RunSucceeded)
	lost := Plan(w.input(), w.now)
	if lost.Status.Succeeded != 1 {
		t.Fatalf("succeeded %d", lost.Status.Succeeded)
	}
	w.settle()
	w.settle()
	if s := w.status(); s.Succeeded != 1 || s.Failed != 1 || len(s.Active) != 1 {
		t.Errorf("succeeded %d, failed %d, active %v", s.Succeeded, s.Failed, s.Active)
	}
	// A Run that a person deletes while it is active leaves the list and counts as nothing.
	w.drop("hello-20261122t100000z")
	w.settle()
	if s := w.status(); s.Succeeded != 1 || s.Failed != 1 || len(s.Active) != 0 {
		t.Errorf("succeeded %d, failed %d, active %v", s.Succeeded, s.Failed, s.Active)
	}
}

func TestFailuresInARowAreInTheOrderOfTheirEnds(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow })
	w.to(at("10:00"))
	w.to(at("11:00"))
	w.now = at("11:10")
	w.end("hello-20261122t110000z", v1.RunSucceeded)
	w.now = at("11:20")
	w.end("hello-20261122t100000z", v1.RunFailed) // began first, ended last
	w.settle()
	if s := w.status(); s.ConsecutiveFailures != 1 || reasonOf(s, v1.JobHealthy) != v1.ReasonLastRunFailed {
		t.Errorf("%d failures in a row, %s", s.ConsecutiveFailures, reasonOf(s, v1.JobHealthy))
	}
}

func TestStatusThatOnlySumsUpWaitsForItsTurn(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.History.TTL = duration(time.Millisecond) })
	w.to(at("10:00"))
	w.written = w.now
	w.now = w.now.Add(300 * time.Millisecond)
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.now = w.now.Add(100 * time.Millisecond)
	d := w.plan(w.input())
	if !d.Idle() || d.After != 600*time.Millisecond {
		t.Errorf("400ms after the last write: %+v", d)
	}
	if d.Status.Succeeded != 1 {
		t.Errorf("the next status does not count the Run")
	}
	w.now = w.now.Add(d.After)
	d = w.plan(w.input())
	if !d.WriteStatus || len(d.Delete) != 1 {
		t.Errorf("1s after the last write: %+v", d)
	}
	w.written = w.now.Add(time.Hour) // The clock went back.
	if d := w.plan(w.input()); !d.WriteStatus {
		t.Errorf("a last write in the future holds the next one up")
	}
}

func TestHistoryKeepsTheLatestOfEachKindForItsTime(t *testing.T) {
	w := newWorld(t, at("00:30"), func(s *v1.JobSpec) {
		two, one := int32(2), int32(1)
		s.History = v1.History{Succeeded: &two, Failed: &one, TTL: duration(10 * time.Hour)}
	})
	for hour := range 6 {
		w.to(at("01:00").Add(time.Duration(hour) * time.Hour))
		phase := v1.RunSucceeded
		if hour%3 == 1 {
			phase = v1.RunFailed
		}
		w.end(w.runs[len(w.runs)-1].Key.Name, phase)
		w.settle()
	}
	if diff := cmp.Diff([]string{"20261122t040000z", "20261122t050000z", "20261122t060000z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := w.status(); s.Succeeded != 4 || s.Failed != 2 {
		t.Errorf("succeeded %d, failed %d", s.Succeeded, s.Failed)
	}
	w.edit(func(s *v1.JobSpec) { s.Schedule = "" })
	if d := w.to(at("13:00")); d.After != time.Hour {
		t.Errorf("wakes after %v, want when the oldest Run's time is over, in 1h", d.After)
	}
	w.to(at("14:00"))
	if diff := cmp.Diff([]string{"20261122t050000z", "20261122t060000z"}, w.names()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestADeletedJobTakesItsRunsWithIt(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow })
	w.to(at("10:00"))
	w.to(at("11:00"))
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.settle()
	gone := *w.job
	gone.Rev.SpecCreate, gone.Rev.SpecMod, gone.Rev.SpecVersion = 0, 0, 0
	gone.Object = &v1.Job{ObjectMeta: w.job.Object.ObjectMeta, Status: w.job.Object.Status}
	w.job = &gone
	w.settle()
	if diff := cmp.Diff([]string{"20261122t110000z"}, w.names()); diff != "" || !w.runs[0].Object.Spec.Cancel {
		t.Fatalf("want the active Run cancelled and the ended one deleted:\n%s", diff)
	}
	if w.job == nil {
		t.Fatal("the status went before the tasks")
	}
	w.end("hello-20261122t110000z", v1.RunKilled)
	w.settle()
	if w.job != nil || len(w.runs) != 0 {
		t.Errorf("job %v, Runs %v; want nothing left", w.job, w.names())
	}

	// Without a status there is still work: a Job that was deleted before it was ever looked at.
	w = newWorld(t, at("09:30"), nil)
	w.manual("orphan")
	w.job = nil
	w.settle()
	if !w.runs[0].Object.Spec.Cancel {
		t.Error("a Run whose Job is gone goes on")
	}
}

func TestAJobMadeAnewDoesNotInherit(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.to(at("10:00"))
	old := w.runs[0].Key.Name
	w.now = at("10:00:10")
	statusRevision := w.job.Rev.StatusMod
	w.create(func(s *v1.JobSpec) {
		s.Schedule = "R/2026-11-22T10:00:00Z/PT1H\nR/2026-11-22T10:00:30Z/PT1H"
		s.History.Failed = new(int32)
	})
	w.job.Rev.StatusMod = statusRevision // The old status document is still there; the entry's status is empty.
	w.settle()
	if s := w.status(); s.Occurrences != 0 || len(s.Active) != 0 || s.LastScheduleTime != nil {
		t.Errorf("status %+v", s)
	}
	if !w.runs[0].Object.Spec.Cancel {
		t.Errorf("the earlier Job's Run goes on")
	}
	w.to(at("10:00:30"))
	if diff := cmp.Diff([]string{"20261122t100000z", "20261122t100030z"}, w.names()); diff != "" {
		t.Errorf("the earlier Run counts as active: -want +got:\n%s", diff)
	}
	w.end(old, v1.RunKilled)
	w.settle()
	if s := w.status(); len(w.runs) != 1 || s.Failed+s.Succeeded != 0 {
		t.Errorf("Runs %v, status %+v", w.names(), s)
	}
}

func TestI3ANameThatIsTakenIsNotCreatedAgain(t *testing.T) {
	t.Run("by the Job's own Run: it is that occurrence's", func(t *testing.T) {
		w := newWorld(t, at("09:30"), nil)
		w.settle()
		run := NewRun(w.job.Object, Scheduled(at("10:00")), RunOptions{}, w.now)
		w.revision++
		w.runs = append(w.runs, &store.Run{Key: store.RunKey("default", run.Name), Object: run,
			Rev: store.Revisions{SpecCreate: w.revision, SpecMod: w.revision, SpecVersion: 1}})
		w.settle()
		w.edit(func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow })
		w.to(at("10:00"))
		if s := w.status(); len(w.runs) != 1 || s.Occurrences != 1 || s.Skipped+s.Missed != 0 || len(s.Waiting) != 0 {
			t.Errorf("Runs %v, status %+v", w.names(), s)
		}
	})
	t.Run("by a mark of the occurrence, which passed in downtime: it is settled, and counts as a success", func(t *testing.T) {
		w := newWorld(t, at("09:30"), nil)
		w.settle()
		w.now = at("10:05") // nobody leads
		when := v1.NewTime(at("10:00"))
		run := Mark(w.job.Object, "k1", v1.Succeed{At: &when}, true, w.now)
		run.Status = v1.RunStatus{Phase: v1.RunSucceeded, FinishTime: v1.NewTimePtr(w.now)}
		w.revision++
		w.runs = append(w.runs, &store.Run{Key: store.RunKey("default", run.Name), Object: run,
			Rev: store.Revisions{SpecCreate: w.revision, SpecMod: w.revision, SpecVersion: 1, StatusMod: w.revision}})
		w.down(at("10:30"))
		if s := w.status(); len(w.runs) != 1 || s.Succeeded != 1 || s.Occurrences != 1 || len(s.NotRun) != 0 {
			t.Errorf("Runs %v, status %+v", w.names(), s)
		}
	})
	t.Run("by another Job's Run: the occurrence is skipped and recorded", func(t *testing.T) {
		w := newWorld(t, at("09:30"), nil)
		w.settle()
		run := NewRun(w.job.Object, Scheduled(at("10:00")), RunOptions{}, w.now)
		run.Spec.Job = "other"
		w.foreign = append(w.foreign, &store.Run{Key: store.RunKey("default", run.Name), Object: run, Rev: store.Revisions{SpecCreate: 1, SpecMod: 1}})
		w.to(at("10:00"))
		if diff := cmp.Diff([]string{"Skipped NameTaken 1 10:00"}, notRun(w.status())); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("by a Run that is being deleted: the occurrence waits", func(t *testing.T) {
		w := newWorld(t, at("09:30"), nil)
		w.settle()
		name := Scheduled(at("10:00")).RunName("hello")
		w.foreign = append(w.foreign, &store.Run{Key: store.RunKey("default", name), Object: &v1.Run{}, Rev: store.Revisions{StatusMod: 1}})
		w.to(at("10:00"))
		if s := w.status(); len(w.runs) != 0 || len(s.Waiting) != 1 {
			t.Fatalf("Runs %v, waiting %v", w.names(), s.Waiting)
		}
		w.edit(func(s *v1.JobSpec) { s.MissedRuns = v1.MissedRunsAll })
		w.down(at("12:30"))
		if s := w.status(); len(w.runs) != 0 || len(s.Waiting) != 3 {
			t.Fatalf("Runs %v, waiting %v: a later one overtook it", w.names(), s.Waiting)
		}
		w.foreign = nil
		w.settle()
		if len(w.runs) != 1 || w.names()[0] != "20261122t100000z" {
			t.Errorf("Runs %v, want the one for 10:00", w.names())
		}
	})
}

func TestI3RunsAreCreatedInOneTransactionWithTheCursor(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.settle()
	w.now = at("10:00")
	in := w.input()
	d := Plan(in, w.now)
	change, err := changeOf(w.job.Key, in.Job, &d, w.stored, w.now)
	if err != nil {
		t.Fatal(err)
	}
	run := store.RunKey("default", "hello-20261122t100000z")
	want := []store.Guard{
		store.StatusAt(w.job.Key, w.job.Rev.StatusMod), store.SpecAt(w.job.Key, w.job.Rev.SpecMod), store.SpecAt(run, 0),
	}
	if diff := cmp.Diff(want, change.Guards); diff != "" {
		t.Errorf("guards -want +got:\n%s", diff)
	}
	if len(change.Writes) != 2 || change.Writes[0].EtcdKey != w.job.Key.Status() || change.Writes[1].EtcdKey != run.Spec() {
		t.Errorf("writes %v", change.Writes)
	}
}

func TestI5ADecisionWritesOnlyTheJobsOwnStatus(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyReplace })
	w.to(at("10:00"))
	w.end(w.manual("x"), v1.RunFailed)
	w.now = at("11:00")
	in := w.input()
	d := Plan(in, w.now)
	d.Delete = in.Runs[1:]
	change, err := changeOf(w.job.Key, in.Job, &d, w.stored, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if len(change.Writes) != 3 {
		t.Fatalf("writes %v, want the status, a cancellation and a deletion", change.Writes)
	}
	for _, write := range change.Writes {
		key, side, _ := store.ParseKey(write.EtcdKey)
		if own := key == w.job.Key && side == store.StatusSide; !own && (key.Kind != store.Runs || side != store.SpecSide) {
			t.Errorf("writes %s", write.EtcdKey)
		}
	}
}

// TestI8PlansShareTheirInput plans the same input at once in several goroutines; the race detector sees writes. What has
// changed afterwards is compared besides, here as in every other plan of these tests.
func TestI8PlansShareTheirInput(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) {
		s.ConcurrencyPolicy, s.MissedRuns = v1.ConcurrencyQueue, v1.MissedRunsAll
	})
	w.to(at("10:00"))
	w.end(w.manual("x"), v1.RunFailed)
	w.to(at("11:00"))
	w.edit(func(s *v1.JobSpec) { s.Description = "edited" })
	w.end("hello-20261122t100000z", v1.RunSucceeded)
	w.now, w.upSince = at("15:30"), at("15:30")
	in := w.input()
	before := copyInput(in)
	var plans sync.WaitGroup
	for range 4 {
		plans.Go(func() {
			if d := Plan(in, w.now); len(d.Create) != 1 || len(d.Status.Waiting) != 4 {
				t.Errorf("%d Runs are created, %v wait", len(d.Create), d.Status.Waiting)
			}
		})
	}
	plans.Wait()
	if !reflect.DeepEqual(before, copyInput(in)) {
		t.Error("Plan modified its input")
	}
}

func TestI10NotRunIsBoundedAndNothingIsForgotten(t *testing.T) {
	w := newWorld(t, at("00:30"), func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyForbid })
	skipped := int64(0)
	for hour := range 40 {
		now := at("01:00").Add(time.Duration(hour) * time.Hour)
		w.to(now)
		if hour%2 == 1 { // Each second one comes while the one before is active.
			skipped++
			w.end(w.runs[len(w.runs)-1].Key.Name, v1.RunSucceeded)
			w.settle()
		}
	}
	s := w.status()
	if len(s.NotRun) != 10 || s.Skipped != skipped || s.Occurrences != 40 {
		t.Errorf("%d entries, %d skipped, %d occurrences; want 10, %d, 40", len(s.NotRun), s.Skipped, s.Occurrences, skipped)
	}
	if !s.NotRun[0].ScheduledTime.After(s.NotRun[1].ScheduledTime.Time) {
		t.Errorf("the newest is not first: %v", notRun(s))
	}
}

func TestWhatFollowsWithoutAGapIsToldInOneEntry(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.to(at("10:00"))
	for hour := range 5 {
		w.to(at("11:00").Add(time.Duration(hour) * time.Hour))
	}
	if diff := cmp.Diff([]string{"Skipped Overlap 5 11:00-15:00"}, notRun(w.status())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
