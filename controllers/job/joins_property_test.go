package job

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/store"
)

var joinPolicies = []v1.DependencyPolicy{
	v1.DependencyAllSinceLastRun, v1.DependencyEachOnce, v1.DependencyAny, v1.DependencySameScheduledTime,
}

// bankModel says what a policy means, one end after the other, without any of the code under test.
type bankModel struct {
	policy  v1.DependencyPolicy
	parents []string
	banked  map[string][]modelEnd
	joins   []string
}

type modelEnd struct {
	run  string
	time int // 0: none
}

func (m *bankModel) add(parent string, e modelEnd) {
	if m.policy == v1.DependencySameScheduledTime && e.time == 0 {
		return
	}
	m.banked[parent] = append(m.banked[parent], e)
	var names []string
	rest := map[string][]modelEnd{}
	for _, p := range m.parents {
		var take, left []modelEnd
		for i, b := range m.banked[p] {
			var taken bool
			switch m.policy {
			case v1.DependencyAllSinceLastRun:
				taken = true
			case v1.DependencyEachOnce:
				taken = i == 0
			case v1.DependencyAny:
				taken = p == parent
			case v1.DependencySameScheduledTime:
				taken = b.time == e.time
			}
			if taken {
				take = append(take, b)
			} else {
				left = append(left, b)
			}
		}
		if len(take) == 0 && m.policy != v1.DependencyAny {
			return // not complete
		}
		for _, b := range take {
			names = append(names, b.run)
		}
		rest[p] = left
	}
	m.banked = rest
	m.joins = append(m.joins, strings.Join(names, " "))
}

// TestJoinsFireAsTheModelSays under any interleaving of ends with plans of the child: plans that are lost, decisions
// that are carried out late, edits that do not matter, restarts. With concurrencyPolicy Allow nothing else decides.
func TestJoinsFireAsTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFamily(t)
		names := []string{"a", "b", "d"}[:rapid.IntRange(1, 3).Draw(t, "parents")]
		f.parents(names...)
		m := &bankModel{policy: rapid.SampledFrom(joinPolicies).Draw(t, "policy"), parents: names, banked: map[string][]modelEnd{}}
		f.create("c", func(s *v1.JobSpec) {
			s.DependencyPolicy, s.ConcurrencyPolicy = m.policy, v1.ConcurrencyAllow
			for _, name := range names {
				s.DependsOn = append(s.DependsOn, v1.Dependency{Job: name})
			}
		})
		stale := f.input("c")
		t.Repeat(map[string]func(*rapid.T){
			"end": func(t *rapid.T) {
				parent := rapid.SampledFrom(names).Draw(t, "parent")
				e := modelEnd{time: rapid.IntRange(0, 2).Draw(t, "time")}
				e.run = f.ran(parent, v1.RunSucceeded, func(s *v1.RunSpec) {
					if e.time > 0 {
						s.ScheduledTime = v1.NewTimePtr(at(fmt.Sprintf("0%d:00", e.time)))
					}
				})
				m.add(parent, e)
			},
			"fail":  func(t *rapid.T) { f.ran(rapid.SampledFrom(names).Draw(t, "parent"), v1.RunFailed, nil) },
			"plan":  func(*rapid.T) { in := f.input("c"); f.apply("c", in, f.plan(in)) },
			"crash": func(*rapid.T) { f.plan(f.input("c")) },
			"look":  func(*rapid.T) { stale = f.input("c") },
			"late":  func(*rapid.T) { f.apply("c", stale, f.plan(stale)) },
			"edit":  func(*rapid.T) { f.edit("c", func(s *v1.JobSpec) { s.Description += "." }) },
			"done": func(*rapid.T) {
				for _, run := range f.active("c") {
					f.end(run.Key.Name, v1.RunSucceeded)
				}
			},
		})
		f.settle("c")
		var got []string
		for _, run := range f.created("c") {
			got = append(got, strings.Join(run.Spec.Parents, " "))
		}
		if !slices.Equal(got, m.joins) {
			t.Fatalf("got  %q\nwant %q", got, m.joins)
		}
		for i, name := range names {
			var got, want []string
			for _, b := range f.status("c").Parents[i].Banked {
				got = append(got, b.Run)
			}
			for _, b := range m.banked[name] {
				want = append(want, b.run)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("banked of %s: %q, want %q", name, got, want)
			}
		}
	})
}

// TestJoinsUnderEverything has parents that are planned late, deleted, created again, and edited; a child that is
// suspended, replaced, busy, and given other parents. No end is consumed twice (see apply), each Run follows what its
// policy says, and what has ended is consumed, banked or recorded.
func TestJoinsUnderEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFamily(t)
		all := []string{"a", "b", "d"}
		f.parents(all...)
		anyPolicy := func(t *rapid.T, s *v1.JobSpec) {
			s.DependencyPolicy = rapid.SampledFrom(joinPolicies).Draw(t, "policy")
			s.ConcurrencyPolicy = rapid.SampledFrom([]v1.ConcurrencyPolicy{
				v1.ConcurrencyAllow, v1.ConcurrencyForbid, v1.ConcurrencyReplace, v1.ConcurrencyQueue,
			}).Draw(t, "concurrency")
			s.MissedRuns = rapid.SampledFrom([]v1.MissedRunsPolicy{v1.MissedRunsLatest, v1.MissedRunsAll, v1.MissedRunsNone}).Draw(t, "missed")
			s.DependsOn = nil
			for _, name := range rapid.Permutation(all).Draw(t, "parents")[:rapid.IntRange(1, 3).Draw(t, "n")] {
				s.DependsOn = append(s.DependsOn, v1.Dependency{Job: name, On: rapid.SampledFrom([]v1.DependencyOutcome{
					v1.OnSucceeded, v1.OnFailed, v1.OnFinished,
				}).Draw(t, "on")})
			}
		}
		f.create("c", func(s *v1.JobSpec) { anyPolicy(t, s) })
		stale := f.input("c")
		parent := func(t *rapid.T) string { return rapid.SampledFrom(all).Draw(t, "parent") }
		t.Repeat(map[string]func(*rapid.T){
			"end": func(t *rapid.T) {
				name := parent(t)
				if f.jobs[name] == nil {
					return
				}
				run := f.start(name, func(s *v1.RunSpec) {
					s.ScheduledTime = v1.NewTimePtr(at(fmt.Sprintf("0%d:00", rapid.IntRange(1, 2).Draw(t, "time"))))
				})
				f.end(run, rapid.SampledFrom([]v1.RunPhase{v1.RunSucceeded, v1.RunFailed, v1.RunKilled}).Draw(t, "phase"))
			},
			"count": func(t *rapid.T) {
				if name := parent(t); f.jobs[name] != nil {
					f.settle(name)
				}
			},
			"plan": func(*rapid.T) { in := f.input("c"); f.apply("c", in, f.plan(in)) },
			"look": func(*rapid.T) { stale = f.input("c") },
			"late": func(*rapid.T) { f.apply("c", stale, f.plan(stale)) },
			"done": func(*rapid.T) {
				for _, run := range f.active("c") {
					f.end(run.Key.Name, v1.RunSucceeded)
				}
			},
			"edit":    func(t *rapid.T) { f.edit("c", func(s *v1.JobSpec) { anyPolicy(t, s) }) },
			"suspend": func(*rapid.T) { f.edit("c", func(s *v1.JobSpec) { s.Suspend = !s.Suspend }) },
			"soft":    func(t *rapid.T) { f.editIfThere(parent(t), func(s *v1.JobSpec) { s.SoftError = !s.SoftError }) },
			"delete":  func(t *rapid.T) { f.remove(parent(t)) },
			"create": func(t *rapid.T) {
				if name := parent(t); f.jobs[name] == nil {
					f.create(name, nil)
					f.settle(name)
				}
			},
			"cycle": func(*rapid.T) { f.cyclic = !f.cyclic },
		})
		// In the end all is well, and each parent succeeds once more.
		f.cyclic = false
		for _, name := range all {
			if f.jobs[name] == nil {
				f.create(name, nil)
			}
			f.settle(name)
		}
		f.edit("c", func(s *v1.JobSpec) { s.Suspend = false })
		f.follow("c")
		before := len(f.created("c"))
		for _, d := range f.jobs["c"].Object.Spec.DependsOn {
			phase := v1.RunSucceeded
			if d.On == v1.OnFailed {
				phase = v1.RunFailed
				f.edit(d.Job, func(s *v1.JobSpec) { s.SoftError = false })
			}
			f.ran(d.Job, phase, func(s *v1.RunSpec) { s.ScheduledTime = v1.NewTimePtr(at("03:00")) })
		}
		f.follow("c")
		if len(f.created("c")) == before {
			t.Fatalf("nothing runs any more: %+v", f.status("c").Parents)
		}
		for _, run := range f.created("c") {
			if run.Spec.Reason == v1.ReasonDependency && len(run.Spec.Parents) == 0 {
				t.Fatalf("%s follows nothing", run.Name)
			}
		}
	})
}

// created are all Runs of a Job that were ever created, in order.
func (f *family) created(job string) []*v1.Run { return f.all[job] }

func (f *family) editIfThere(name string, change func(*v1.JobSpec)) {
	if f.jobs[name] != nil {
		f.edit(name, change)
	}
}

// remove deletes a Job and all that is left of it.
func (f *family) remove(name string) {
	delete(f.jobs, name)
	f.runs = slices.DeleteFunc(slices.Clone(f.runs), func(run *store.Run) bool { return run.Object.Spec.Job == name })
}

// TestAQueueLosesNothing: while nobody edits anything, each end that counts is in the bank or has led to a Run, once.
func TestAQueueLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFamily(t)
		names := []string{"a", "b"}
		f.parents(names...)
		policy := rapid.SampledFrom(joinPolicies).Draw(t, "policy")
		f.child("c", func(s *v1.JobSpec) { s.DependencyPolicy = policy }, names...)
		wanted := map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"end": func(t *rapid.T) {
				name := rapid.SampledFrom(names).Draw(t, "parent")
				run := f.start(name, func(s *v1.RunSpec) {
					s.ScheduledTime = v1.NewTimePtr(at(fmt.Sprintf("0%d:00", rapid.IntRange(1, 2).Draw(t, "time"))))
				})
				f.end(run, v1.RunSucceeded)
				wanted[run] = true
			},
			"count": func(t *rapid.T) { f.settle(rapid.SampledFrom(names).Draw(t, "parent")) },
			"plan":  func(*rapid.T) { in := f.input("c"); f.apply("c", in, f.plan(in)) },
			"done": func(*rapid.T) {
				for _, run := range f.active("c") {
					f.now = f.now.Add(time.Second)
					f.end(run.Key.Name, v1.RunSucceeded)
				}
			},
		})
		for _, name := range names {
			f.settle(name)
		}
		f.follow("c")
		for _, run := range f.created("c") {
			for _, parent := range run.Spec.Parents {
				delete(wanted, parent)
			}
		}
		for _, p := range f.status("c").Parents {
			for _, b := range p.Banked {
				delete(wanted, b.Run)
			}
		}
		if len(wanted) > 0 || f.status("c").Skipped+f.status("c").Missed > 0 {
			t.Fatalf("lost: %v; recorded: %v", wanted, notRun(f.status("c")))
		}
		if j, ok := f.nextJoin("c"); ok {
			t.Fatalf("%v could run and does not", j)
		}
	})
}

// nextJoin is what a Job could follow and does not.
func (f *family) nextJoin(job string) (joined, bool) {
	in := f.input(job)
	p := planner{in: in, spec: &in.Job.Object.Spec, parents: in.Job.Object.Status.Parents}
	return p.nextJoin()
}
