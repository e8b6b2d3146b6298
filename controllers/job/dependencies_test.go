package job

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

// TestJoins has parents succeed in some order. "!" stands behind each success that starts a Run of the child, "!!"
// behind one that starts two. Runs of the child end at once.
func TestJoins(t *testing.T) {
	for _, tc := range []struct{ policy, want string }{
		// The orders of Chronos: AllSinceLastRun is what its documentation says, EachOnce what its version 3 does.
		{"AllSinceLastRun", "A B!"},
		{"AllSinceLastRun", "A A B!"},
		{"AllSinceLastRun", "A A B! B"},
		{"AllSinceLastRun", "A B! A B!"},
		{"AllSinceLastRun", "A B! B A! A"},
		{"AllSinceLastRun", "A A A B! B B"},
		{"EachOnce", "A B!"},
		{"EachOnce", "A A B!"},
		{"EachOnce", "A A B! B!"},
		{"EachOnce", "A B! A B!"},
		{"EachOnce", "A B! B A! A"},
		{"EachOnce", "A A A B! B! B!"},
		{"Any", "A! B! A! A!"},
		// One parent.
		{"AllSinceLastRun", "A! A! A!"},
		{"EachOnce", "A! A!"},
		// Runs of the times 1 and 2.
		{"SameScheduledTime", "A1 B1! A2 B2!"},
		{"SameScheduledTime", "A1 A2 B2! B1!"},
		{"SameScheduledTime", "A1 A2 B3 A3! B1! B2!"},
		{"SameScheduledTime", "A1 A1 B1! B1"},
		{"SameScheduledTime", "A1! A2! A1!"},
	} {
		t.Run(tc.policy+" "+tc.want, func(t *testing.T) {
			f := newFamily(t)
			parents := []string{"a", "b"}
			if !strings.Contains(tc.want, "B") {
				parents = parents[:1]
			}
			f.parents(parents...)
			f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencyPolicy(tc.policy) }, parents...)
			var got []string
			for _, step := range strings.Fields(strings.ReplaceAll(tc.want, "!", "")) {
				f.ran(strings.ToLower(step[:1]), v1.RunSucceeded, func(s *v1.RunSpec) {
					if len(step) > 1 {
						s.ScheduledTime = v1.NewTimePtr(at("0" + step[1:] + ":00"))
					}
				})
				got = append(got, step+strings.Repeat("!", f.follow("c")))
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if s := f.status("c"); s.Missed+s.Skipped != 0 {
				t.Errorf("recorded %v", notRun(s))
			}
		})
	}
}

// TestWhichEndsStartAChild has a parent's Run end in some way.
func TestWhichEndsStartAChild(t *testing.T) {
	softly := func(s *v1.JobSpec) { s.SoftError = true }
	for _, tc := range []struct {
		name      string
		parent    func(*v1.JobSpec)
		run       func(*v1.RunSpec)
		phase     v1.RunPhase
		succeeded bool // whether a child with on: Succeeded runs
		failed    bool
		finished  bool
	}{
		{name: "succeeded", phase: v1.RunSucceeded, succeeded: true, finished: true},
		{name: "failed, all attempts", phase: v1.RunFailed, failed: true, finished: true},
		{name: "lost", phase: v1.RunLost, failed: true, finished: true},
		{name: "failed softly", parent: softly, phase: v1.RunFailed, succeeded: true, finished: true},
		{name: "lost softly", parent: softly, phase: v1.RunLost, succeeded: true, finished: true},
		{name: "killed", phase: v1.RunKilled, finished: true},
		{name: "killed, with soft errors", parent: softly, phase: v1.RunKilled, finished: true},
		{name: "missed", phase: v1.RunMissed},
		{name: "skipped", phase: v1.RunSkipped},
		{name: "between two attempts", phase: v1.RunPending},
		{name: "without dependents", run: func(s *v1.RunSpec) { s.NoDependents = true }, phase: v1.RunSucceeded},
		{name: "a retry", run: func(s *v1.RunSpec) { s.RetryOf = "a-m1" }, phase: v1.RunSucceeded, succeeded: true, finished: true},
		{name: "marked", run: func(s *v1.RunSpec) { s.MarkSucceeded = true }, phase: v1.RunSucceeded, succeeded: true, finished: true},
		{name: "backfilled, with dependents", run: func(s *v1.RunSpec) {
			s.Reason, s.ScheduledTime = v1.ReasonBackfill, v1.NewTimePtr(at("01:00"))
		}, phase: v1.RunSucceeded, succeeded: true, finished: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for on, want := range map[string]bool{"Succeeded": tc.succeeded, "Failed": tc.failed, "Finished": tc.finished} {
				f := newFamily(t)
				f.create("a", tc.parent)
				f.settle("a")
				f.child("c", nil, "a:"+on)
				name := f.ran("a", tc.phase, tc.run)
				if got := f.follow("c") == 1; got != want {
					t.Errorf("on: %s: %v", on, got)
				}
				if got := f.parentsOf("c"); want && got != name {
					t.Errorf("on: %s: it follows %q", on, got)
				}
				if c := f.status("a").Completions; !want && c != nil {
					t.Errorf("on: %s: an end that concerns nobody is listed: %+v", on, c)
				}
			}
		})
	}
}

// TestOrdinaryCasesOfDependencies are those in which Chronos lost a trigger, or ran a Job too often.
func TestOrdinaryCasesOfDependencies(t *testing.T) {
	for name, check := range map[string]func(t *testing.T, f *family){
		"a parent fails, and later succeeds: the Runs of one time go together": func(t *testing.T, f *family) {
			f.parents("a", "b")
			f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencySameScheduledTime }, "a", "b")
			hour := func(h string) func(*v1.RunSpec) {
				return func(s *v1.RunSpec) { s.ScheduledTime = v1.NewTimePtr(at(h)) }
			}
			f.ran("a", v1.RunSucceeded, hour("01:00"))
			f.ran("b", v1.RunFailed, hour("01:00"))
			f.ran("b", v1.RunSucceeded, hour("02:00"))
			expect(t, "Runs before a has run", f.follow("c"), 0)
			f.ran("a", v1.RunSucceeded, hour("02:00"))
			expect(t, "Runs of 02:00", f.follow("c"), 1)
			f.ran("b", v1.RunSucceeded, hour("01:00")) // a retry
			expect(t, "Runs of 01:00", f.follow("c"), 1)
			runs := f.runsOf("c")
			expect(t, "scheduled time", runs[len(runs)-1].Object.Spec.ScheduledTime.UTC(), at("01:00"))
		},
		"the child is running: one Run follows all that ended meanwhile": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", nil, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			x, y := f.ran("a", v1.RunSucceeded, nil), f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			expect(t, "active", len(f.active("c")), 1)
			expect(t, "Runs", f.follow("c"), 2)
			expect(t, "parents", f.parentsOf("c"), x+" "+y)
		},
		"the child is running, EachOnce: a Run for each": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencyEachOnce }, "a")
			for range 5 {
				f.ran("a", v1.RunSucceeded, nil)
				f.settle("c")
			}
			expect(t, "Runs", f.follow("c"), 5)
		},
		"the child is running, Forbid: skipped and recorded": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyForbid }, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
			expect(t, "recorded", f.recorded("c"), "Skipped Overlap 1")
		},
		"the child is running, Allow: both": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) { s.ConcurrencyPolicy = v1.ConcurrencyAllow }, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			expect(t, "active", len(f.active("c")), 2)
		},
		"the child is running, Replace: cancelled, and the latest follows": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) {
				s.ConcurrencyPolicy, s.DependencyPolicy = v1.ConcurrencyReplace, v1.DependencyEachOnce
			}, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			expect(t, "cancelled", f.active("c")[0].Object.Spec.Cancel, true)
			last := f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 2)
			expect(t, "parents", f.parentsOf("c"), last)
			expect(t, "recorded", f.recorded("c"), "Skipped Replaced 1")
		},
		"a child that waits too long misses its startingDeadline": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) { s.StartingDeadline = duration(time.Minute) }, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			startBy := f.active("c")[0].Object.Spec.StartBy
			expect(t, "startBy", startBy.UTC(), f.now.Add(time.Minute))
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.now = f.now.Add(2 * time.Minute)
			expect(t, "Runs", f.follow("c"), 1)
			expect(t, "recorded", f.recorded("c"), "Missed StartingDeadline 1")
		},
		"the child has failed too often: suspended, and resumed by an edit": func(t *testing.T, f *family) {
			f.parents("a")
			limit := int32(1)
			f.child("c", func(s *v1.JobSpec) { s.SuspendAfterFailures = &limit }, "a")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.end(f.active("c")[0].Key.Name, v1.RunFailed)
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 0)
			expect(t, "Scheduled", scheduled(f.status("c")), v1.ReasonTooManyFailures)
			f.edit("c", func(s *v1.JobSpec) { s.Description = "mended" })
			expect(t, "Runs after an edit", f.follow("c"), 1)
		},
		"a manual Run of the child consumes nothing": func(t *testing.T, f *family) {
			f.parents("a", "b")
			f.child("c", nil, "a", "b")
			f.ran("a", v1.RunSucceeded, nil)
			f.ran("c", v1.RunSucceeded, nil)
			f.ran("b", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"a new parent counts from then on, and the counts of the others stay": func(t *testing.T, f *family) {
			f.parents("a", "b", "d")
			f.child("c", nil, "a", "b")
			f.ran("a", v1.RunSucceeded, nil)
			f.ran("d", v1.RunSucceeded, nil)
			f.settle("c")
			f.edit("c", func(s *v1.JobSpec) { s.DependsOn = append(s.DependsOn, dependency("d")) })
			f.ran("b", v1.RunSucceeded, nil)
			expect(t, "Runs before d ends again", f.follow("c"), 0)
			f.ran("d", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
			expect(t, "parents", len(f.runsOf("c")[0].Object.Spec.Parents), 3)
		},
		"an end before the Job depended on the parent does not count, however late it is counted": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("x", nil, "a") // so that the end is listed
			run := f.start("a", nil)
			f.end(run, v1.RunSucceeded)
			f.create("c", func(s *v1.JobSpec) { s.DependsOn = []v1.Dependency{dependency("a")} })
			f.settle("c")
			f.settle("a")
			expect(t, "Runs", f.follow("c"), 0)
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"an end after the Job depended on the parent counts, however late the Job is planned": func(t *testing.T, f *family) {
			f.parents("a")
			f.create("c", func(s *v1.JobSpec) { s.DependsOn = []v1.Dependency{dependency("a")} })
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"a parent that goes takes what is banked of it along, recorded": func(t *testing.T, f *family) {
			f.parents("a", "b")
			f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencyEachOnce }, "a", "b")
			f.ran("a", v1.RunSucceeded, nil)
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.edit("c", func(s *v1.JobSpec) { s.DependsOn = s.DependsOn[1:] })
			f.settle("c")
			expect(t, "recorded", f.recorded("c"), "Skipped DependenciesChanged 2")
			f.ran("b", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"dependsOn goes as a whole": func(t *testing.T, f *family) {
			f.parents("a", "b")
			f.child("c", nil, "a", "b")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			f.edit("c", func(s *v1.JobSpec) {
				s.DependsOn, s.DependencyPolicy, s.ConcurrencyPolicy, s.Schedule = nil, "", "", "@hourly"
			})
			f.settle("c")
			expect(t, "recorded", f.recorded("c"), "Skipped DependenciesChanged 1")
			expect(t, "parents", len(f.status("c").Parents), 0)
			expect(t, "ParentsFound", reasonOf(f.status("c"), v1.JobParentsFound), "")
		},
		"a parent that is deleted and created again starts anew": func(t *testing.T, f *family) {
			f.parents("a", "b")
			f.child("c", nil, "a", "b")
			f.ran("a", v1.RunSucceeded, nil)
			f.settle("c")
			delete(f.jobs, "a")
			f.runs = nil
			f.settle("c")
			expect(t, "ParentsFound", reasonOf(f.status("c"), v1.JobParentsFound), v1.ReasonNotFound)
			expect(t, "banked", len(f.status("c").Parents[0].Banked), 1)
			f.parents("a")
			f.settle("c")
			expect(t, "recorded", f.recorded("c"), "Skipped DependenciesChanged 1")
			expect(t, "ParentsFound", reasonOf(f.status("c"), v1.JobParentsFound), v1.ReasonFound)
			f.ran("b", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 0)
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"a parent that does not exist yet counts from its creation": func(t *testing.T, f *family) {
			f.child("c", nil, "a")
			expect(t, "ParentsFound", message(f, "c", v1.JobParentsFound), "there is no Job a")
			f.create("a", nil)
			f.settle("a")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"history keeps nothing": func(t *testing.T, f *family) {
			none := int32(0)
			f.create("a", func(s *v1.JobSpec) { s.History.Succeeded, s.History.Failed = &none, &none })
			f.settle("a")
			f.child("c", nil, "a")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs of a that are kept", len(f.runsOf("a")), 0)
			expect(t, "Runs", f.follow("c"), 1)
		},
		"a Job in a cycle runs nothing": func(t *testing.T, f *family) {
			f.parents("a")
			f.cyclic = true
			f.child("c", nil, "a")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 0)
			expect(t, "ParentsFound", message(f, "c", v1.JobParentsFound), "these Jobs depend on each other in a circle: c -> a -> c")
			expect(t, "Scheduled", scheduled(f.status("c")), v1.ReasonCycle)
			f.cyclic = false
			expect(t, "Runs afterwards", f.follow("c"), 1)
		},
		"a change of on holds for what ends afterwards": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", nil, "a")
			f.child("x", nil, "a:Finished") // so that all ends are listed
			f.ran("a", v1.RunFailed, nil)
			f.ran("a", v1.RunSucceeded, nil)
			f.edit("c", func(s *v1.JobSpec) { s.DependsOn[0].On = v1.OnFailed })
			expect(t, "Runs for what succeeded before", f.follow("c"), 1)
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs for what succeeded afterwards", f.follow("c"), 0)
			f.ran("a", v1.RunFailed, nil)
			expect(t, "Runs for what failed afterwards", f.follow("c"), 1)
		},
		"a Run without a scheduled time cannot be joined by it": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencySameScheduledTime }, "a")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 0)
			expect(t, "recorded", f.recorded("c"), "Skipped NoScheduledTime 1")
		},
		"what cannot be decoded loses nothing that is still listed": func(t *testing.T, f *family) {
			f.parents("a")
			f.child("c", nil, "a")
			broken := *f.jobs["c"]
			broken.Err = fmt.Errorf("spec: is broken")
			f.jobs["c"] = &broken
			f.settle("c")
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs", f.follow("c"), 0)
			f.edit("c", func(*v1.JobSpec) {})
			mended := *f.jobs["c"]
			mended.Err = nil
			f.jobs["c"] = &mended
			expect(t, "Runs", f.follow("c"), 1)
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, newFamily(t)) })
	}
}

// TestMissedRunsOfAChild: what became complete while the Job was suspended.
func TestMissedRunsOfAChild(t *testing.T) {
	for _, tc := range []struct {
		missed   v1.MissedRunsPolicy
		policy   v1.DependencyPolicy
		runs     int
		recorded string
	}{
		{v1.MissedRunsLatest, v1.DependencyAllSinceLastRun, 1, ""},
		{v1.MissedRunsAll, v1.DependencyAllSinceLastRun, 1, ""},
		{v1.MissedRunsNone, v1.DependencyAllSinceLastRun, 0, "Skipped Suspended 1"},
		{v1.MissedRunsLatest, v1.DependencyEachOnce, 1, "Skipped Suspended 2"},
		{v1.MissedRunsAll, v1.DependencyEachOnce, 3, ""},
		{v1.MissedRunsNone, v1.DependencyEachOnce, 0, "Skipped Suspended 3"},
		{v1.MissedRunsLatest, v1.DependencyAny, 1, "Skipped Suspended 6"},
		{v1.MissedRunsAll, v1.DependencyAny, 7, ""},
		{v1.MissedRunsNone, v1.DependencyAny, 0, "Skipped Suspended 7"},
	} {
		t.Run(string(tc.missed)+" "+string(tc.policy), func(t *testing.T) {
			f := newFamily(t)
			f.parents("a", "b")
			f.child("c", func(s *v1.JobSpec) { s.MissedRuns, s.DependencyPolicy, s.Suspend = tc.missed, tc.policy, true }, "a", "b")
			for range 3 {
				f.ran("a", v1.RunSucceeded, nil)
				f.ran("b", v1.RunSucceeded, nil)
				f.settle("c")
			}
			f.ran("a", v1.RunSucceeded, nil)
			expect(t, "Runs of a suspended Job", f.follow("c"), 0)
			f.edit("c", func(s *v1.JobSpec) { s.Suspend = false })
			expect(t, "Runs", f.follow("c"), tc.runs)
			expect(t, "recorded", f.recorded("c"), tc.recorded)
			f.ran("a", v1.RunSucceeded, nil)
			f.ran("b", v1.RunSucceeded, nil)
			if f.follow("c") == 0 {
				t.Error("nothing runs any more")
			}
		})
	}
}

// TestMoreEndsThanAreKept: what a Job cannot see or bank is recorded.
func TestMoreEndsThanAreKept(t *testing.T) {
	f := newFamily(t)
	f.parents("a", "b")
	f.child("each", func(s *v1.JobSpec) { s.DependencyPolicy = v1.DependencyEachOnce }, "a", "b")
	f.child("all", nil, "a", "b")
	f.child("late", nil, "a", "b")
	for range maxCompletions + 5 {
		f.ran("a", v1.RunSucceeded, nil)
		f.settle("each")
		f.settle("all")
	}
	f.ran("b", v1.RunSucceeded, nil)
	f.settle("each")
	f.settle("all")
	f.settle("late")
	expect(t, "recorded of each", f.recorded("each"), "Missed TooManyBanked 5")
	expect(t, "banked of each", len(f.status("each").Parents[0].Banked), maxBankedOfOne-1)
	expect(t, "recorded of all", f.recorded("all"), "")
	run := f.runsOf("all")[0].Object
	expect(t, "parents of all", len(run.Spec.Parents), maxBankedOfOne+1)
	expect(t, "omitted of all", run.Spec.OmittedParents, 5)
	expect(t, "recorded of late", f.recorded("late"), "Missed NotListed 5")
	expect(t, "parents of late", len(f.runsOf("late")[0].Object.Spec.Parents), maxCompletions+1)
}

// TestAJoinOfAThousandParents: the status and the Run stay within what etcd takes.
func TestAJoinOfAThousandParents(t *testing.T) {
	f := newFamily(t)
	var names []string
	for i := range v1.MaxParents {
		names = append(names, fmt.Sprintf("%s-%04d", strings.Repeat("a", 47), i))
	}
	f.parents(names...)
	f.child("c", nil, names...)
	expect(t, "Accepted", reasonOf(f.status("c"), v1.JobAccepted), v1.ReasonValid)
	for i, name := range names {
		f.ran(name, v1.RunSucceeded, nil)
		if i%100 == 0 {
			f.settle("c")
		}
	}
	expect(t, "Runs", f.follow("c"), 1)
	expect(t, "parents", len(f.runsOf("c")[0].Object.Spec.Parents), v1.MaxParents)
}

// TestAnEndThatDoesNotConcernAJobIsNotWritten: not one by one.
func TestAnEndThatDoesNotConcernAJobIsNotWritten(t *testing.T) {
	f := newFamily(t)
	f.parents("a")
	f.child("c", nil, "a:Failed")
	f.child("x", nil, "a")
	before := f.jobs["c"].Rev.StatusMod
	for range maxUnwrittenSeen - 1 {
		f.ran("a", v1.RunSucceeded, nil)
		f.settle("c")
		f.follow("x")
	}
	expect(t, "status of c", f.jobs["c"].Rev.StatusMod, before)
	f.ran("a", v1.RunSucceeded, nil)
	f.settle("c")
	expect(t, "seen", f.status("c").Parents[0].Seen, maxUnwrittenSeen)
	if n := len(f.status("a").Completions.Ends); n > maxUnwrittenSeen {
		t.Errorf("%d ends are listed", n)
	}
}

// TestTheNameOfADependentRunIsAFunctionOfItsParents (I3).
func TestTheNameOfADependentRunIsAFunctionOfItsParents(t *testing.T) {
	names := map[string]bool{}
	for range 2 {
		f := newFamily(t)
		f.parents("a")
		f.child("c", nil, "a")
		for range 3 {
			f.ran("a", v1.RunSucceeded, nil)
			f.follow("c")
		}
		for _, run := range f.runsOf("c") {
			names[run.Key.Name] = true
		}
	}
	expect(t, "names", len(names), 3)
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// recorded is status.notRun without times: "Skipped Overlap 1".
func (f *family) recorded(job string) string {
	var list []string
	for _, n := range f.status(job).NotRun {
		list = append(list, fmt.Sprintf("%s %s %d", n.Outcome, n.Reason, n.Count))
	}
	return strings.Join(list, ", ")
}

func message(f *family, job, kind string) string {
	if c := condition.Find(f.status(job).Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}
