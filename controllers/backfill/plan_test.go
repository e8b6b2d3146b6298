package backfill

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/store"
)

// began returns a world at 06:30 whose Job hello runs every hour since 04:00: its Runs of 04:00, 05:00 and 06:00 ended
// as given, and its history keeps so many.
func began(t tester, keep int32, phases ...v1.RunPhase) *world {
	w := newWorld(t, at("03:30"))
	w.apply(func(s *v1.JobSpec) { s.History.Succeeded, s.History.Failed = &keep, &keep })
	for _, phase := range phases {
		w.settle()
		w.now = w.now.Add(time.Hour)
		w.finish(func(*store.Run) v1.RunPhase { return phase })
	}
	w.now = at("06:30")
	w.settle()
	return w
}

const (
	ok    = v1.RunSucceeded
	fails = v1.RunFailed
)

func TestWhichOccurrencesRun(t *testing.T) {
	for _, tc := range []struct {
		name     string
		keep     int32         // history of the Job
		phases   []v1.RunPhase // of its Runs of 04:00, 05:00 and 06:00
		job      func(*v1.JobSpec)
		prepare  func(w *world)
		from, to string
		spec     func(*v1.BackfillSpec)
		runs     string // occurrences of the Runs, * for those that have a name of their own
		sums     string
	}{
		{name: "before the Job was created", keep: 9, phases: []v1.RunPhase{ok, ok, ok}, from: "01:00", to: "04:00",
			runs: "01:00 02:00 03:00", sums: "3/3 ok=3 failed=0 skipped=0 active=0"},
		{name: "to is exclusive, from inclusive", keep: 9, phases: []v1.RunPhase{ok, ok, ok}, from: "00:00", to: "02:00",
			runs: "00:00 01:00", sums: "2/2 ok=2 failed=0 skipped=0 active=0"},
		{name: "what has a Run is not missing", keep: 9, phases: []v1.RunPhase{ok, fails, ok}, from: "03:00", to: "06:30",
			runs: "03:00", sums: "4/4 ok=1 failed=0 skipped=3 active=0 HasRun=3"},
		{name: "what may have run is not missing", keep: 0, phases: []v1.RunPhase{ok, fails, ok}, from: "03:00", to: "06:30",
			runs: "", sums: "4/4 ok=1 failed=0 skipped=3 active=0 MayHaveRun=3"},
		{name: "what was recorded as not run is missing, whatever history keeps", keep: 0, phases: []v1.RunPhase{ok},
			prepare: func(w *world) { // Downtime: of 05:00 and 06:00 the last one runs.
				w.restart()
				w.finish(succeeds)
			},
			from: "04:00", to: "06:30", sums: "3/3 ok=1 failed=0 skipped=2 active=0 MayHaveRun=2"},
		{name: "what was not tried is missing", keep: 9, phases: []v1.RunPhase{ok, v1.RunMissed, ok}, from: "04:00", to: "06:30",
			runs: "05:00*", sums: "3/3 ok=1 failed=0 skipped=2 active=0 HasRun=2"},
		{name: "what was cancelled before it was tried is missing", keep: 9, phases: []v1.RunPhase{ok, v1.RunKilled, ok}, from: "04:00", to: "06:30",
			runs: "05:00*", sums: "3/3 ok=1 failed=0 skipped=2 active=0 HasRun=2"},
		{name: "failed", keep: 9, phases: []v1.RunPhase{v1.RunKilled, fails, v1.RunLost}, from: "03:00", to: "06:30",
			spec: func(s *v1.BackfillSpec) { s.Runs = v1.BackfillFailed },
			runs: "04:00* 05:00* 06:00*", sums: "4/4 ok=3 failed=0 skipped=1 active=0 NotFailed=1"},
		{name: "failed, and repeated since", keep: 9, phases: []v1.RunPhase{ok, fails, ok},
			prepare: func(w *world) {
				w.make("first", "05:00", "06:00", func(s *v1.BackfillSpec) { s.Runs = v1.BackfillFailed })
				w.finish(succeeds)
			},
			from: "05:00", to: "06:30", spec: func(s *v1.BackfillSpec) { s.Runs = v1.BackfillFailed },
			runs: "", sums: "2/2 ok=0 failed=0 skipped=2 active=0 NotFailed=2"},
		{name: "all", keep: 9, phases: []v1.RunPhase{ok, fails, ok}, from: "03:00", to: "06:30",
			spec: func(s *v1.BackfillSpec) { s.Runs = v1.BackfillAll },
			runs: "03:00 04:00* 05:00* 06:00*", sums: "4/4 ok=4 failed=0 skipped=0 active=0"},
		{name: "all, with one that is active", keep: 9, phases: []v1.RunPhase{ok, fails}, from: "05:00", to: "06:30",
			spec:    func(s *v1.BackfillSpec) { s.Runs = v1.BackfillAll },
			prepare: func(w *world) { w.settle() },
			runs:    "05:00*", sums: "2/2 ok=1 failed=0 skipped=1 active=0 HasRun=1"},
		{name: "what another Backfill has had is not missing, whatever history keeps", keep: 0, phases: []v1.RunPhase{ok, ok, ok},
			prepare: func(w *world) {
				w.make("first", "01:00", "03:00", func(s *v1.BackfillSpec) { s.Order = v1.BackfillNewestFirst })
				w.finish(func(*store.Run) v1.RunPhase { return fails })
			},
			from: "00:00", to: "04:00", sums: "4/4 ok=2 failed=0 skipped=2 active=0 MayHaveRun=2"},
		{name: "a Backfill of failures says nothing of what is missing", keep: 0, phases: []v1.RunPhase{ok, ok, ok},
			prepare: func(w *world) {
				w.make("first", "01:00", "03:00", func(s *v1.BackfillSpec) { s.Runs = v1.BackfillFailed })
				w.finish(succeeds)
			},
			from: "00:00", to: "04:00", sums: "4/4 ok=4 failed=0 skipped=0 active=0"},
		{name: "some fail", keep: 9, phases: []v1.RunPhase{ok, ok, ok}, from: "00:00", to: "03:00",
			spec: func(s *v1.BackfillSpec) { s.Parallel = new(int32); *s.Parallel = 3 },
			prepare: func(w *world) {
				w.now = w.now.Add(time.Minute)
			},
			runs: "00:00 01:00 02:00", sums: "3/3 ok=3 failed=0 skipped=0 active=0"},
		{name: "nothing is in the range", keep: 9, phases: []v1.RunPhase{ok, ok, ok}, from: "00:10", to: "00:50",
			sums: "0/0 ok=0 failed=0 skipped=0 active=0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := began(t, tc.keep, tc.phases...)
			if tc.prepare != nil {
				tc.prepare(w)
			}
			w.make("october", tc.from, tc.to, tc.spec)
			w.finish(succeeds)
			s := w.status("october")
			if got := sums(s); got != tc.sums || reasonOf(s) != "AllSucceeded!" {
				t.Errorf("got  %s, %s\nwant %s", got, reasonOf(s), tc.sums)
			}
			if got := w.runsOf("october"); tc.runs != "" && got != tc.runs {
				t.Errorf("Runs %s, want %s", got, tc.runs)
			}
		})
	}
}

// TestOneAfterTheOther: parallel bounds what is active, and the order is the one that is asked for.
func TestOneAfterTheOther(t *testing.T) {
	for _, tc := range []struct {
		order    v1.BackfillOrder
		parallel int32
		want     string
	}{
		{v1.BackfillOldestFirst, 1, "00:00 | 01:00 | 02:00 | 03:00"},
		{v1.BackfillNewestFirst, 1, "03:00 | 02:00 | 01:00 | 00:00"},
		{v1.BackfillOldestFirst, 3, "00:00 01:00 02:00 | 03:00"},
	} {
		t.Run(fmt.Sprint(tc.order, tc.parallel), func(t *testing.T) {
			w := began(t, 0, ok, ok, ok)
			w.make("october", "00:00", "04:00", func(s *v1.BackfillSpec) { s.Order, s.Parallel = tc.order, &tc.parallel })
			var waves []string
			for {
				w.settle()
				live := w.live("october")
				if len(live) == 0 {
					break
				}
				var wave []string
				for _, r := range live {
					wave = append(wave, r.Object.Spec.ScheduledTime.Format("15:04"))
					w.end(r.Key.Name, ok)
				}
				waves = append(waves, strings.Join(wave, " "))
			}
			if got := strings.Join(waves, " | "); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestWhatABackfillWaitsFor(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(w *world)
		spec    func(*v1.BackfillSpec)
		reason  string
		message string // a part of the condition's
		mend    func(w *world)
	}{
		{name: "suspended", spec: func(s *v1.BackfillSpec) { s.Suspend = true }, reason: v1.ReasonSuspended,
			mend: func(w *world) { w.edit("october", func(s *v1.BackfillSpec) { s.Suspend = false }) }},
		{name: "no Job", prepare: func(w *world) { w.delete(store.JobKey("default", "hello")); w.finish(succeeds) },
			reason: v1.ReasonWaitingForJob, message: "there is no Job hello", mend: func(w *world) { w.apply(nil) }},
		{name: "a Job that is not valid", prepare: func(w *world) { w.apply(func(s *v1.JobSpec) { s.Schedule = "nonsense" }) },
			reason: v1.ReasonWaitingForJob, message: "is not accepted", mend: func(w *world) { w.apply(func(s *v1.JobSpec) { s.Schedule = "0 * * * *" }) }},
		{name: "an earlier Backfill", prepare: func(w *world) { w.make("first", "00:00", "01:00", nil) },
			reason: v1.ReasonWaitingForBackfill, mend: func(*world) {}},
		{name: "an earlier Backfill that is suspended", prepare: func(w *world) {
			w.make("first", "00:00", "01:00", func(s *v1.BackfillSpec) { s.Suspend = true })
		}, reason: v1.ReasonWaitingForBackfill, mend: func(w *world) { w.delete(store.BackfillKey("default", "first")) }},
		{name: "the schedule", prepare: func(w *world) {
			w.apply(func(s *v1.JobSpec) { s.Suspend = true })
			w.settle()
			w.now = at("08:30")
		}, spec: func(s *v1.BackfillSpec) { s.From, s.To = v1.NewTime(at("07:00")), v1.NewTime(at("08:30")) },
			reason: v1.ReasonWaitingForSchedule, message: "up to 2026-11-22T06:00:00Z; the next one here is 2026-11-22T07:00:00Z",
			mend: func(w *world) { w.apply(func(s *v1.JobSpec) { s.Suspend, s.MissedRuns = false, v1.MissedRunsNone }) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := began(t, 9, ok, ok, ok)
			if tc.prepare != nil {
				tc.prepare(w)
			}
			w.make("october", "01:00", "03:00", tc.spec)
			w.settle()
			s := w.status("october")
			if reasonOf(s) != tc.reason || !strings.Contains(s.Conditions[len(s.Conditions)-1].Message, tc.message) || len(w.live("october")) > 0 {
				t.Fatalf("got %+v", s.Conditions)
			}
			tc.mend(w)
			w.finish(succeeds)
			if s := w.status("october"); reasonOf(s) != "AllSucceeded!" || s.Succeeded != 2 {
				t.Errorf("in the end %s %+v", sums(s), s.Conditions)
			}
		})
	}
}

func TestWhatIsNotAccepted(t *testing.T) {
	for _, tc := range []struct {
		name string
		job  func(*v1.JobSpec)
		spec func(*v1.BackfillSpec)
		want string
	}{
		{name: "the future", spec: func(s *v1.BackfillSpec) { s.To = v1.NewTime(at("07:00")) },
			want: `spec.to: Invalid value: "2026-11-22T07:00:00Z": is in the future (it is 2026-11-22T06:30:00Z now)`},
		{name: "no schedule", job: func(s *v1.JobSpec) { s.Schedule = "" }, want: `spec.job: Invalid value: "hello": has no schedule`},
		{name: "too many", job: func(s *v1.JobSpec) { s.Schedule = "* * * * * *" },
			spec: func(s *v1.BackfillSpec) { s.From = v1.NewTime(at("2026-11-01T00:00:00Z")) },
			want: `spec.to: Invalid value: "2026-11-22T03:00:00Z": the range has 1825200 occurrences of the Job; a Backfill may have at most 100000`},
		{name: "too long", spec: func(s *v1.BackfillSpec) { s.From = v1.NewTime(at("1826-11-01T00:00:00Z")) },
			want: `spec.to: Invalid value: "2026-11-22T03:00:00Z": must be at most 100 years after from`},
		{name: "by itself", spec: func(s *v1.BackfillSpec) { *s.Parallel = 1000 }, want: `spec.parallel: Invalid value: 1000: must be between 1 and 100`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := began(t, 9, ok, ok, ok)
			if tc.job != nil {
				w.apply(tc.job)
			}
			w.make("october", "01:00", "03:00", func(s *v1.BackfillSpec) {
				one := int32(1)
				if s.Parallel = &one; tc.spec != nil {
					tc.spec(s)
				}
			})
			w.make("next", "01:00", "02:00", nil)
			w.settle()
			s := w.status("october")
			if c := s.Conditions[0]; c.Type != v1.BackfillAccepted || c.Reason != v1.ReasonInvalid || !strings.HasPrefix(c.Message, tc.want) {
				t.Errorf("got %+v, want %s", c, tc.want)
			}
			if reasonOf(s) != v1.ReasonNotAccepted || w.runsOf("october") != "" {
				t.Errorf("it goes on: %s, %s", reasonOf(s), w.runsOf("october"))
			}
			if tc.job == nil && len(w.live("next")) == 0 {
				t.Error("one that is not accepted keeps others waiting")
			}
		})
	}
}

// TestABackfillOfWhatHasPassedSince: a range that was in the future begins when it has passed.
func TestABackfillOfWhatHasPassedSince(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "02:00", "07:30", nil)
	w.settle()
	d := Plan(w.backfills.gather.input(w.backfill("october")), w.now)
	if d.After != time.Hour {
		t.Errorf("it looks again after %v", d.After)
	}
	w.now = at("07:30")
	w.finish(succeeds)
	if s := w.status("october"); reasonOf(s) != "AllSucceeded!" || sums(s) != "6/6 ok=2 failed=0 skipped=4 active=0 HasRun=4" {
		t.Errorf("got %s %s", reasonOf(s), sums(s))
	}
}

// TestTheJobIsEditedInTheMiddle: the occurrences stay those of the schedule at the start; each Run is of the Job as it
// is when the Run is made.
func TestTheJobIsEditedInTheMiddle(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "00:00", "03:00", nil)
	w.settle()
	w.apply(func(s *v1.JobSpec) { s.Schedule, s.Task.Shell = "*/10 * * * *", "false" })
	w.finish(succeeds)
	if got := w.runsOf("october"); got != "00:00 01:00 02:00" {
		t.Errorf("Runs %s", got)
	}
	var shells []string
	for _, r := range all[v1.Run](w.present(), store.Runs) {
		if r.Object.Spec.Backfill != "" {
			shells = append(shells, r.Object.Spec.Task.Shell)
		}
	}
	if diff := cmp.Diff([]string{"true", "false", "false"}, shells); diff != "" {
		t.Error(diff)
	}
}

// TestTheRangeIsFixed: a change in etcd, past the API, is reported; nothing runs twice.
func TestTheRangeIsFixed(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "00:00", "03:00", func(s *v1.BackfillSpec) { s.Runs = v1.BackfillAll })
	w.settle()
	w.edit("october", func(s *v1.BackfillSpec) { s.Order = v1.BackfillNewestFirst })
	w.finish(succeeds)
	if c := w.status("october").Conditions[0]; !strings.HasPrefix(c.Message, "spec.order: Forbidden: is fixed when the Backfill is made") {
		t.Errorf("got %+v", c)
	}
	w.edit("october", func(s *v1.BackfillSpec) { s.Order = v1.BackfillOldestFirst })
	w.finish(succeeds)
	if s := w.status("october"); sums(s) != "3/3 ok=3 failed=0 skipped=0 active=0" {
		t.Error(sums(s))
	}
}

func TestTheJobIsDeleted(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "00:00", "03:00", nil)
	w.settle()
	w.delete(store.JobKey("default", "hello"))
	w.finish(succeeds)
	s := w.status("october")
	if reasonOf(s) != "JobDeleted!" || sums(s) != "1/3 ok=0 failed=1 skipped=0 active=0" || s.Failures[0].Phase != v1.RunKilled {
		t.Errorf("got %s %s %+v", reasonOf(s), sums(s), s.Failures)
	}
	w.apply(nil) // Another Job of that name.
	w.finish(succeeds)
	if got := w.runsOf("october"); got != "" {
		t.Errorf("it goes on with another Job: %s", got)
	}
}

// TestDeletionCancels: what is active is cancelled, and a Backfill of the same name begins when that has ended.
func TestDeletionCancels(t *testing.T) {
	two := int32(2)
	w := began(t, 9, ok, ok, ok)
	w.make("october", "00:00", "03:00", func(s *v1.BackfillSpec) { s.Parallel = &two })
	w.settle()
	w.delete(store.BackfillKey("default", "october"))
	w.settle()
	for _, r := range w.live("october") {
		if !r.Object.Spec.Cancel {
			t.Errorf("%s goes on", r.Key.Name)
		}
	}
	if len(w.live("october")) != 2 || w.backfill("october") == nil {
		t.Errorf("%d Runs are left", len(w.live("october")))
	}
	w.make("october", "02:00", "03:00", nil)
	w.settle()
	if len(w.live("october")) != 2 {
		t.Error("the next one has begun")
	}
	w.finish(succeeds)
	if s := w.status("october"); sums(s) != "1/1 ok=1 failed=0 skipped=0 active=0" {
		t.Errorf("the next one: %s", sums(s))
	}
	w.delete(store.BackfillKey("default", "october"))
	w.finish(succeeds)
	if w.backfill("october") != nil {
		t.Error("its status is left")
	}
}

func TestTTL(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "02:00", "03:00", func(s *v1.BackfillSpec) { s.TTL = &v1.Duration{Duration: time.Hour} })
	w.finish(succeeds)
	if d := Plan(w.backfills.gather.input(w.backfill("october")), w.now); d.After > time.Hour || d.After < 59*time.Minute || !d.Idle() {
		t.Errorf("it looks again after %v", d.After)
	}
	w.now = w.now.Add(time.Hour)
	w.finish(succeeds)
	if w.backfill("october") != nil {
		t.Error("it is still there")
	}
}

// TestTheRunsOfABackfill: they have its name, its priority and no dependents; they wait for as long as it takes.
func TestTheRunsOfABackfill(t *testing.T) {
	priority := int32(7)
	for _, tc := range []struct {
		name       string
		spec       func(*v1.BackfillSpec)
		job        int32
		priority   int32
		dependents bool
	}{
		{name: "by default", job: 5, priority: -95},
		{name: "at the lower end", job: v1.MinPriority + 1, priority: v1.MinPriority},
		{name: "as it says", spec: func(s *v1.BackfillSpec) { s.Priority, s.Dependents = &priority, true }, priority: 7, dependents: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := began(t, 9, ok, ok, ok)
			w.apply(func(s *v1.JobSpec) {
				s.Priority, s.QueueTimeout, s.StartingDeadline = tc.job, &v1.Duration{Duration: time.Minute}, &v1.Duration{Duration: time.Minute}
			})
			w.make("october", "00:00", "01:00", tc.spec)
			w.settle()
			r := w.live("october")[0].Object
			if r.Spec.Reason != v1.ReasonBackfill || r.Spec.Priority != tc.priority || r.Spec.NoDependents == tc.dependents ||
				r.Spec.QueueTimeout != nil || r.Spec.StartBy != nil || !r.Spec.ScheduledTime.Equal(at("00:00")) {
				t.Errorf("got %+v", r.Spec)
			}
			if errs := v1.ValidateRun(r); len(errs) > 0 {
				t.Error(errs)
			}
		})
	}
}

// TestTheSchedulesRunsGoOn: under Forbid the occurrences of the schedule run beside a Backfill's, under Replace they
// replace none of these, and failures of a Backfill do not suspend the Job.
func TestTheScheduleGoesOn(t *testing.T) {
	for _, policy := range []v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyQueue, v1.ConcurrencyReplace} {
		t.Run(string(policy), func(t *testing.T) {
			once := int32(1)
			w := began(t, 9, ok, ok, ok)
			w.apply(func(s *v1.JobSpec) { s.ConcurrencyPolicy, s.SuspendAfterFailures = policy, &once })
			w.make("october", "00:00", "03:00", nil)
			w.settle()
			first := w.live("october")[0].Key.Name
			w.now = at("07:00")
			w.settle()
			if r := run(w.present(), "hello-20261122t070000z"); r == nil || r.Object.Spec.Reason != v1.ReasonSchedule {
				t.Fatal("the occurrence of 07:00 does not run")
			}
			if run(w.present(), first).Object.Spec.Cancel {
				t.Error("the Backfill's Run is replaced")
			}
			w.end(first, fails)
			w.now = w.now.Add(2 * time.Second)
			w.settle()
			s := w.job().Object.Status
			if s.ConsecutiveFailures != 0 || s.Failed != 1 || s.Skipped != 0 || s.LastFailureTime != nil {
				t.Errorf("the Job's status: %+v", s)
			}
		})
	}
}

// TestHistoryOfBackfills: their Runs have room of their own, and none goes before it is counted.
func TestHistoryOfBackfills(t *testing.T) {
	w := began(t, 1, ok, ok, ok)
	w.make("october", "00:00", "03:00", nil)
	for range 3 {
		w.settle()
		w.end(w.live("october")[0].Key.Name, ok)
		for range 3 {
			w.seen = len(w.history) - 1
			w.reconcile(store.JobKey("default", "hello"))
			w.now = w.now.Add(time.Second)
		}
	}
	w.settle()
	if got := w.runsOf("october"); got != "02:00" || w.status("october").Succeeded != 3 {
		t.Errorf("kept %s, counted %s", got, sums(w.status("october")))
	}
	if run(w.present(), "hello-20261122t060000z") == nil {
		t.Error("the schedule's Run was pushed out")
	}
}

// TestARunIsDeletedByAPerson counts as one that did not succeed.
func TestARunIsDeletedByAPerson(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("october", "00:00", "02:00", nil)
	w.settle()
	w.delete(w.live("october")[0].Key)
	w.finish(succeeds)
	s := w.status("october")
	if reasonOf(s) != "SomeFailed!" || sums(s) != "2/2 ok=1 failed=1 skipped=0 active=0" || s.Failures[0].Run != "hello-20261122t000000z" {
		t.Errorf("got %s %s %+v", reasonOf(s), sums(s), s.Failures)
	}
}

// TestManyOccurrencesAtOnce: ten thousand that are skipped take a few writes, and no plan takes long.
func TestManyOccurrencesAtOnce(t *testing.T) {
	w := newWorld(t, at("06:30"))
	w.apply(func(s *v1.JobSpec) { s.Schedule = "* * * * *" })
	w.settle()
	w.make("october", "2026-11-01T00:00:00Z", "2026-11-15T00:00:00Z", func(s *v1.BackfillSpec) { s.Runs = v1.BackfillFailed })
	before := len(w.history)
	w.settle()
	if s := w.status("october"); sums(s) != "20160/20160 ok=0 failed=0 skipped=20160 active=0 NotFailed=20160" {
		t.Error(sums(s))
	}
	if n := len(w.history) - before; n > 20160/maxTurns+2 {
		t.Errorf("%d writes", n)
	}
}

func TestPreviewSaysWhatHappens(t *testing.T) {
	w := began(t, 9, ok, fails, ok)
	for _, runs := range []v1.BackfillRuns{v1.BackfillMissing, v1.BackfillFailed, v1.BackfillAll} {
		for _, order := range []v1.BackfillOrder{v1.BackfillOldestFirst, v1.BackfillNewestFirst} {
			b := &v1.Backfill{Spec: v1.BackfillSpec{Job: "hello", From: v1.NewTime(at("01:00")), To: v1.NewTime(at("06:30")), Runs: runs, Order: order}}
			b.Namespace, b.Name = "default", "preview"
			v1.SetDefaultsBackfill(b)
			w.seen = len(w.history) - 1
			previews := NewPreviews(view{w}, func() time.Time { return w.now })
			p, errs := previews.Preview(b, 2)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			name := strings.ToLower(fmt.Sprint(runs, order))
			w.make(name, "01:00", "06:30", func(s *v1.BackfillSpec) { s.Runs, s.Order = runs, order })
			w.settle()
			s := w.status(name)
			w.delete(store.BackfillKey("default", name))
			if p.Total != 6 || p.Runs+p.Skipped != 6 || len(p.Occurrences) != int(min(2, p.Runs)) || s.Total != p.Total {
				t.Errorf("%s: previewed %+v, then %s", name, p, sums(s))
			}
			previewed, _, _ := strings.Cut(p.Occurrences[0].Run, "z-b") // Another Backfill has another suffix.
			if ran, _, _ := strings.Cut(s.Active[0], "z-b"); ran != previewed {
				t.Errorf("%s: previewed %v, ran %v", name, p.Occurrences[0], s.Active)
			}
			w.finish(func(*store.Run) v1.RunPhase { return fails })
			for _, r := range all[v1.Run](w.present(), store.Runs) {
				if r.Object.Spec.Backfill != "" {
					w.delete(r.Key)
				}
			}
			w.finish(succeeds)
		}
	}
}

// TestNamesOfRepetitions: the longest name still is one, and other Backfills have others.
func TestNamesOfRepetitions(t *testing.T) {
	b := &store.Backfill{Key: store.BackfillKey("default", "october"), Rev: store.Revisions{SpecCreate: 7}}
	again := &store.Backfill{Key: b.Key, Rev: store.Revisions{SpecCreate: 8}}
	if id := idOf(b); len(id) != 8 || id != idOf(b) || id == idOf(again) {
		t.Errorf("%s, %s", id, idOf(again))
	}
	name := job.Repeated(at("2026-11-22T02:00:00.123456Z"), idOf(b)).RunName(strings.Repeat("a", v1.MaxJobNameLength))
	if len(name) > v1.MaxRunNameLength {
		t.Errorf("%s has %d characters", name, len(name))
	}
}

// TestAStatusWithoutItsSchedule: the store refuses it. What decides does not rely on that.
func TestAStatusWithoutItsSchedule(t *testing.T) {
	w := began(t, 9, ok, ok, ok)
	w.make("b", "01:00", "06:00", nil)
	forged := *w.backfill("b")
	forged.Object = forged.Object.DeepCopy()
	forged.Object.Status.JobUID = string(w.job().Object.UID)
	p := &planner{in: Input{Backfill: &forged, Job: w.job()}, spec: &forged.Object.Spec, next: forged.Object.Status}
	p.begin()
	if !strings.Contains(p.message, "status.schedule") || p.turns != nil {
		t.Errorf("it waits with the message %q, want one about status.schedule", p.message)
	}
	if _, err := job.AnchorOf("default", "j", nil).Parse(); err == nil {
		t.Error("the schedule of a Job without one can be parsed")
	}
}
