package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// steps draws the first n steps of a client.
func steps(p Profile, seed uint64, client, n int) (all []Step) {
	c := NewClient(p, seed, client)
	for range n {
		s, ok := c.Next()
		if !ok {
			break
		}
		all = append(all, s)
	}
	return all
}

// TestJepsensNumbersProperty: Jobs have the numbers of the original's generator, and their windows are disjoint.
func TestJepsensNumbersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, unit := Jepsen(), time.Second
		if n := rapid.SampledFrom([]int{1, 10}).Draw(t, "compression"); n > 1 {
			p, unit = p.Compressed(n), time.Second/time.Duration(n)
		}
		for _, s := range steps(p, rapid.Uint64().Draw(t, "seed"), 0, 20) {
			j := s.Job
			within := func(what string, d time.Duration, least, most int) {
				if d < time.Duration(least)*unit || d > time.Duration(most)*unit || d%unit != 0 {
					t.Fatalf("%s is %s, want %d to %d times %s", what, d, least, most, unit)
				}
			}
			within("the duration", j.Duration, 0, 9)
			within("epsilon", j.Epsilon, 10, 29)
			within("what the interval has above duration and epsilon", j.Interval-j.Duration-j.Epsilon, 6, 35)
			if j.Count < 1 || j.Count > 99 || s.Kind != history.Add {
				t.Fatalf("got %+v", s)
			}
			if j.Interval <= j.Epsilon+p.Forgive() {
				t.Fatalf("windows of %s and %s overlap at an interval of %s", j.Epsilon, p.Forgive(), j.Interval)
			}
			if s.Wait < 30*unit || s.Wait >= 90*unit {
				t.Fatalf("waits %s before it adds", s.Wait)
			}
			if j.Concurrency != v1.ConcurrencyAllow || j.MissedRuns != v1.MissedRunsAll || j.Deadline {
				t.Fatalf("something would keep an occurrence from running: %+v", j)
			}
		}
	})
}

func TestASeedRepeatsItsDecisions(t *testing.T) {
	p := Jepsen().Compressed(10)
	p.Vary, p.MaxJobs = true, 30
	if diff := cmp.Diff(steps(p, 7, 2, 200), steps(p, 7, 2, 200)); diff != "" {
		t.Errorf("the same seed decides otherwise: %s", diff)
	}
	if cmp.Equal(steps(p, 7, 2, 20), steps(p, 8, 2, 20)) || cmp.Equal(steps(p, 7, 2, 20), steps(p, 7, 3, 20)) {
		t.Error("another seed, or another client, decides the same")
	}
	if diff := cmp.Diff(Schedule(Faults, 7, time.Hour, 1), Schedule(Faults, 7, time.Hour, 1)); diff != "" {
		t.Errorf("the same seed strikes otherwise: %s", diff)
	}
}

func TestClientsShareTheJobs(t *testing.T) {
	p := Jepsen()
	p.MaxJobs = 12
	all := map[string]bool{}
	for c := range p.Clients {
		for _, s := range steps(p, 1, c, 100) {
			all[s.Job.Name] = true
		}
	}
	if len(all) != 12 {
		t.Errorf("%d Jobs, want 12", len(all))
	}
}

// TestOperationsMakeSenseProperty: nothing is done to a Job before it is added or after it is deleted, it is resumed when it is
// suspended, and its edits count up.
func TestOperationsMakeSenseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Jepsen()
		p.Vary, p.MaxJobs = true, 20
		type state struct {
			suspended, deleted bool
			edits              int
		}
		jobs, kinds := map[string]*state{}, map[history.OpKind]int{}
		for _, s := range steps(p, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 4).Draw(t, "client"), 500) {
			kinds[s.Kind]++
			j := jobs[s.Job.Name]
			switch {
			case s.Kind == history.Add:
				if j != nil {
					t.Fatalf("%s is added again", s.Job.Name)
				}
				jobs[s.Job.Name] = &state{}
				continue
			case j == nil || j.deleted:
				t.Fatalf("%s of %q, which is not there", s.Kind, s.Job.Name)
			case s.Kind == history.Resume && !j.suspended:
				t.Fatalf("%s is resumed and not suspended", s.Job.Name)
			case s.Kind == history.Edit && s.Edit != j.edits+1:
				t.Fatalf("edit %d follows %d", s.Edit, j.edits)
			}
			switch s.Kind {
			case history.Suspend:
				j.suspended = true
			case history.Resume:
				j.suspended = false
			case history.Edit:
				j.edits++
			case history.Delete:
				j.deleted = true
			}
		}
		if len(jobs) != 4 {
			t.Fatalf("%d Jobs, want 4", len(jobs))
		}
	})
}

func TestScheduleHasEachFaultBeforeAnyComesAgain(t *testing.T) {
	strikes := Schedule(Faults, 3, time.Hour, 1)
	if len(strikes) < 2*len(Faults) {
		t.Fatalf("%d strikes in an hour", len(strikes))
	}
	for round := 0; round+len(Faults) <= len(strikes); round += len(Faults) {
		seen := map[string]bool{}
		for _, s := range strikes[round : round+len(Faults)] {
			seen[s.Fault.Name] = true
		}
		if len(seen) != len(Faults) {
			t.Errorf("from %d on: %d kinds of %d", round, len(seen), len(Faults))
		}
	}
	for i, s := range strikes {
		if s.For < s.Fault.Least || s.For > s.Fault.Most || s.At+s.For > time.Hour || i > 0 && s.At < strikes[i-1].At {
			t.Errorf("strike %d: %+v", i, s)
		}
	}
	for i, s := range Schedule(Faults, 3, time.Hour, 25) {
		if s.Fault != strikes[i].Fault || s.At != 25*strikes[i].At || s.For != 25*strikes[i].For {
			t.Errorf("held 25 times longer strike %d is %+v, was %+v", i, s, strikes[i])
		}
	}
	if got := Schedule(nil, 3, time.Hour, 1); got != nil {
		t.Errorf("no faults strike: %v", got)
	}
}

func TestParseFaults(t *testing.T) {
	got, err := ParseFaults("compact, revoke")
	if err != nil || len(got) != 2 || got[0].Name != "compact" || got[1].Name != "revoke" {
		t.Errorf("got %v, %v", got, err)
	}
	if all, err := ParseFaults("all"); err != nil || len(all) != len(Faults) {
		t.Errorf("all: got %v, %v", all, err)
	}
	if none, err := ParseFaults("none"); err != nil || none != nil {
		t.Errorf("none: got %v, %v", none, err)
	}
	if _, err := ParseFaults("kill"); err == nil {
		t.Error("kill is not a fault")
	}
	if !slices.Contains(FaultNames(), "restartall") {
		t.Error("the names lack restartall")
	}
}

// TestJobsFollowEarlierOnesProperty: a Job that follows others has no schedule, and those are the client's own, older and not deleted;
// Backfills are of Jobs with a schedule, and are numbered.
func TestJobsFollowEarlierOnesProperty(t *testing.T) {
	follow, chains, backfills := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := Jepsen()
		p.Vary, p.MaxJobs = true, 50
		there, follows, numbers := map[string]bool{}, map[string]bool{}, map[string]int{}
		for _, s := range steps(p, rapid.Uint64().Draw(t, "seed"), 0, 100) {
			switch j := &s.Job; s.Kind {
			case history.Add:
				for _, parent := range j.Parents {
					if !there[parent] || j.Count != 0 || j.Policy == "" || j.On == "" {
						t.Fatalf("%+v follows %s", j, parent)
					}
					if follows[parent] {
						chains++
					}
				}
				there[j.Name], follows[j.Name] = true, len(j.Parents) > 0
				if len(j.Parents) > 0 {
					follow++
				}
			case history.Delete:
				delete(there, j.Name)
			case history.Repeat:
				backfills++
				if numbers[j.Name]++; follows[j.Name] || s.Backfill != numbers[j.Name] || s.Runs == "" || s.Parallel < 1 {
					t.Fatalf("got %+v", s)
				}
			}
		}
	})
	if follow == 0 || chains == 0 || backfills == 0 {
		t.Errorf("%d Jobs follow others, %d of them such as do themselves; %d Backfills", follow, chains, backfills)
	}
}
