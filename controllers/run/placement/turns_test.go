package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

func in(namespace string) func(*v1.Run) { return func(r *v1.Run) { r.Namespace = namespace } }

// since makes the request one that has waited for so long.
func since(r *Request, ago time.Duration) *Request { r.Since = t0.Add(-ago); return r }

// turns are the namespace/name of those that a placement with room for n puts, in the order of their turns.
func turns(v *input, n int) []string {
	p := place(v, []offer.Offer{agent(1, float64(n), 1e6)})
	var names []string
	for _, a := range p.Agents {
		for _, task := range a.Tasks {
			names = append(names, task.Run.Key.Namespace+"/"+task.Run.Key.Name)
		}
	}
	return names
}

func TestTurns(t *testing.T) {
	cpu := func(name, namespace string, change ...func(*v1.Run)) *Request {
		return wants(t, name, "1", "1Mi", append(change, in(namespace))...)
	}
	for name, tc := range map[string]struct {
		waiting []*Request
		usage   map[string]Need
		served  map[lineKey]time.Time
		want    []string // as many as there is room for
	}{
		"of one namespace and priority, the one that has waited longest": {
			waiting: []*Request{since(cpu("a", "x"), time.Second), since(cpu("b", "x"), 2*time.Second)},
			want:    []string{"x/b", "x/a"},
		},
		"the higher priority, also of another namespace": {
			waiting: []*Request{since(cpu("a", "x"), 30*time.Second), cpu("b", "y", priority(1))},
			usage:   map[string]Need{"y": {amount: [dimensions]int64{5000}}},
			want:    []string{"y/b", "x/a"},
		},
		"of one priority, namespaces take turns": {
			waiting: []*Request{
				since(cpu("a", "x"), 3*time.Second), since(cpu("b", "x"), 3*time.Second), since(cpu("c", "x"), 3*time.Second), cpu("d", "y"), cpu("e", "y"),
			},
			want: []string{"x/a", "y/d", "x/b", "y/e", "x/c"},
		},
		"the namespace that uses less": {
			waiting: []*Request{cpu("a", "x"), cpu("b", "x"), cpu("c", "y"), cpu("d", "y")},
			usage:   map[string]Need{"x": {amount: [dimensions]int64{2000}}},
			want:    []string{"y/c", "y/d", "x/a", "x/b"},
		},
		"what counts is the resource of which a namespace uses most": {
			waiting: []*Request{cpu("a", "x"), cpu("b", "y")},
			usage:   map[string]Need{"x": {amount: [dimensions]int64{100, 1e12}}, "y": {amount: [dimensions]int64{200, 1e6}}},
			want:    []string{"y/b", "x/a"},
		},
		"one that has waited rises above a higher priority": {
			waiting: []*Request{since(cpu("low", "x"), 5*time.Minute), cpu("high", "x", priority(4))},
			want:    []string{"x/low", "x/high"},
		},
		"but not before it has waited for long enough": {
			waiting: []*Request{since(cpu("low", "x"), 5*time.Minute), cpu("high", "x", priority(6))},
			want:    []string{"x/high", "x/low"},
		},
		"a line rises only until it is served": {
			waiting: []*Request{since(cpu("low", "x"), 5*time.Minute), since(cpu("low2", "x"), 5*time.Minute), cpu("high", "y", priority(4))},
			want:    []string{"x/low", "y/high", "x/low2"},
		},
		"a line that was served a moment ago has not risen": {
			waiting: []*Request{since(cpu("low", "x"), 5*time.Minute), cpu("high", "y", priority(4))},
			served:  map[lineKey]time.Time{{"x", 0}: t0.Add(-time.Second)},
			want:    []string{"y/high", "x/low"},
		},
		"a backlog does not come before another namespace's new Runs": {
			waiting: []*Request{since(cpu("a", "x"), time.Hour), since(cpu("b", "x"), time.Hour), since(cpu("c", "x"), time.Hour), cpu("new", "y")},
			want:    []string{"x/a", "y/new", "x/b", "x/c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := situation(tc.waiting...)
			v.Usage, v.Served = tc.usage, tc.served
			for n := 1; n <= len(tc.want); n++ {
				if diff := cmp.Diff(tc.want[:n], turns(v, n)); diff != "" {
					t.Fatalf("with room for %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

// TestABacklogHoldsUpNobody: one namespace with 10,000 waiting Runs leaves another's 10 their half of the places.
func TestABacklogHoldsUpNobody(t *testing.T) {
	var waiting []*Request
	for i := range 10_000 {
		waiting = append(waiting, since(wants(t, fmt.Sprint("r", i), "1", "1Mi", in("backlog")), time.Hour))
	}
	for i := range 10 {
		waiting = append(waiting, wants(t, fmt.Sprint("r", i), "1", "1Mi", in("other")))
	}
	placed := map[string]int{}
	p := place(situation(waiting...), []offer.Offer{agent(1, 21, 1e6)})
	for _, task := range p.Agents[0].Tasks {
		placed[task.Run.Key.Namespace]++
	}
	if diff := cmp.Diff(map[string]int{"backlog": 11, "other": 10}, placed); diff != "" {
		t.Error(diff)
	}
}

// TestEveryLineIsServedInTime: whatever stream of Runs of higher priorities comes, the first of each line waits
// no longer than it takes to rise to the highest priority, plus a turn for each of the lines.
func TestEveryLineIsServedInTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const step = time.Minute
		priorities := rapid.SliceOfNDistinct(rapid.Int32Range(-5, 5), 2, 4, rapid.ID[int32]).Draw(rt, "priorities")
		spaces := []string{"x", "y", "z"}[:rapid.IntRange(1, 3).Draw(rt, "namespaces")]
		served := map[lineKey]time.Time{}
		low := since(wants(t, "low", "1", "1Mi", in("low"), priority(slices.Min(priorities))), 0)
		now, made := t0, 0
		lines := len(priorities) * len(spaces)
		rise := time.Duration(slices.Max(priorities)-slices.Min(priorities)+1) * step
		for ; ; now = now.Add(10 * time.Second) {
			v := &input{Now: now, Served: served, Config: Config{Ageing: step}}
			waiting := []*Request{low}
			v.Usage = map[string]Need{"low": {amount: [dimensions]int64{int64(rapid.IntRange(0, 5000).Draw(rt, "used"))}}}
			for _, n := range priorities { // Something new of every priority comes all the time.
				for _, space := range spaces {
					made++
					r := wants(t, fmt.Sprint("r", made), "1", "1Mi", in(space), priority(n))
					r.Since = now
					waiting = append(waiting, r)
				}
			}
			v.Waiting = together(waiting)
			p := place(v, []offer.Offer{agent(1, 1, 1e6)})
			first := p.Agents[0].Tasks[0].Request
			if served[first.lineKey()] = now; first == low {
				return
			}
			if now.Sub(t0) > rise+time.Duration(lines)*10*time.Second {
				rt.Fatalf("it waits since %s", now.Sub(t0))
			}
		}
	})
}

// TestNobodyIsHeldUp: Runs for which there is no place change nothing for the others.
func TestNobodyIsHeldUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string, i int, cpus int) *Request {
			return since(wants(t, fmt.Sprint(name, i), fmt.Sprint(cpus), "1Mi", in(rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "namespace")),
				priority(rapid.Int32Range(-1, 1).Draw(rt, "priority"))), time.Duration(rapid.IntRange(0, 300).Draw(rt, "waited"))*time.Second)
		}
		var fit, large []*Request
		for i := range rapid.IntRange(1, 12).Draw(rt, "fit") {
			fit = append(fit, draw("fits", i, rapid.IntRange(1, 3).Draw(rt, "cpus")))
		}
		for i := range rapid.IntRange(1, 12).Draw(rt, "large") {
			large = append(large, draw("large", i, 1000))
		}
		offers := []offer.Offer{agent(1, float64(rapid.IntRange(1, 20).Draw(rt, "offered")), 1e6), agent(2, 3, 1e6)}
		alone, together := where(placeAll(situation(fit...), offers)), where(placeAll(situation(slices.Concat(large, fit)...), offers))
		maps.DeleteFunc(together, func(name, _ string) bool { return strings.HasPrefix(name, "large") })
		if diff := cmp.Diff(alone, together); diff != "" {
			rt.Fatalf("places (-alone +together with those that fit nowhere):\n%s", diff)
		}
	})
}

// TestEachJobGetsItsShare: thirty Jobs become due together each second, there is room for ten, and their Runs
// do not wait for long. Whether the Jobs are of one namespace or of several, each gets its share of the places
// over time.
func TestEachJobGetsItsShare(t *testing.T) {
	for _, spaces := range []int{1, 2, 7, 30} {
		for patience := range 3 {
			t.Run(fmt.Sprintf("%d namespaces, %ds", spaces, patience), func(t *testing.T) {
				const jobs, room, rounds = 30, 10, 120
				for job, n := range sharesOf(t, spaces, jobs, room, rounds, time.Duration(patience)*time.Second) {
					if want := rounds * room / jobs; n < want/4 {
						t.Errorf("job %d ran %d times, its share is %d", job, n, want)
					}
				}
			})
		}
	}
}

// sharesOf is how often each Job has run.
func sharesOf(t *testing.T, spaces, jobs, room, rounds int, patience time.Duration) []int {
	q := NewQueue(Config{Roles: []string{"horae"}, Ageing: time.Minute, AssumedDuration: time.Hour})
	ran := make([]int, jobs)
	of := map[store.Key]int{}
	var offers Offers
	for round := range rounds {
		now := t0.Add(time.Duration(round) * time.Second)
		for job := range jobs {
			run := testRun(func(r *v1.Run) {
				r.Namespace, r.Spec.Job = fmt.Sprintf("team%02d", job%spaces), fmt.Sprintf("job%02d", job)
				r.Name, r.Spec.ScheduledTime = r.Spec.Job+"-"+now.Format("150405"), v1.NewTimePtr(now)
				r.Spec.Task.Resources = v1.Resources{CPUs: quantity("1"), Memory: quantity("1Mi"), Disk: quantity("0")}
			})
			r, err := NewRequest(run, now, "horae")
			if err != nil {
				t.Fatal(err)
			}
			q.Put(r)
			of[run.Key] = job
		}
		offers.Clear()
		offers.Add([]offer.Offer{agent(round, float64(room), 1e6)})
		for _, a := range q.Place(&offers, nothing{}, now).Agents {
			for i := range a.Tasks {
				ran[of[a.Tasks[i].Run.Key]]++
			}
		}
		for key := range of {
			if r := q.waiting[key]; r == nil || now.Sub(r.Since) >= patience {
				q.Remove(key)
				delete(of, key)
			}
		}
	}
	return ran
}
