package cache

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// graph drives a dependency index as the cache does.
type graph struct {
	x    dependencyIndex
	jobs map[string]*store.Job
}

func newGraph() *graph { return &graph{jobs: map[string]*store.Job{}} }

func (g *graph) put(job string, parents ...string) {
	next := &store.Job{Key: store.JobKey("default", job), Object: &v1.Job{}, Rev: store.Revisions{SpecCreate: 1, SpecMod: 1}}
	for _, p := range parents {
		next.Object.Spec.DependsOn = append(next.Object.Spec.DependsOn, v1.Dependency{Job: p})
	}
	g.x.replace(g.jobs[job], next)
	g.jobs[job] = next
}

func (g *graph) remove(job string) {
	g.x.replace(g.jobs[job], nil)
	delete(g.jobs, job)
}

func (g *graph) children(job string) []string {
	var names []string
	for _, n := range g.x.children[name{"default", job}] {
		names = append(names, n.name)
	}
	slices.Sort(names)
	return names
}

// reaches finds out by looking at every path whether to depends on from.
func (g *graph) reaches(from, to string) bool {
	seen := map[string]bool{}
	list := []string{from}
	for i := 0; i < len(list); i++ {
		for child, job := range g.jobs {
			for _, d := range job.Object.Spec.DependsOn {
				if d.Job == list[i] && !seen[child] {
					seen[child] = true
					list = append(list, child)
				}
			}
		}
	}
	return seen[to]
}

// TestTheIndexKnowsChildrenAndCycles compares it with a search of everything, under any edits.
func TestTheIndexKnowsChildrenAndCycles(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		g := newGraph()
		one := rapid.SampledFrom(names)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) { g.put(one.Draw(t, "job"), rapid.SliceOfN(one, 0, 3).Draw(t, "parents")...) },
			"remove": func(t *rapid.T) {
				if job := one.Draw(t, "job"); g.jobs[job] != nil {
					g.remove(job)
				}
			},
			"": func(t *rapid.T) {
				edges := 0
				for _, job := range names {
					var want []string
					for child, j := range g.jobs {
						if slices.ContainsFunc(j.Object.Spec.DependsOn, func(d v1.Dependency) bool { return d.Job == job }) {
							want = append(want, child)
						}
					}
					slices.Sort(want)
					if got := g.children(job); !slices.Equal(got, want) {
						t.Fatalf("children of %s: %v, want %v", job, got, want)
					}
					edges += len(want)
					g.checkCycle(t, job)
				}
				if n := len(g.x.order.place); edges == 0 && n > 0 {
					t.Fatalf("%d places are left without edges", n)
				}
			},
		})
	})
}

func (g *graph) checkCycle(t *rapid.T, job string) {
	cycle := g.x.cycle(name{"default", job})
	if want := g.reaches(job, job); (cycle != nil) != want {
		t.Fatalf("cycle of %s: %v, want one: %v", job, cycle, want)
	}
	for i := 1; i < len(cycle); i++ {
		if !slices.Contains(g.children(cycle[i-1]), cycle[i]) {
			t.Fatalf("%v: %s does not depend on %s", cycle, cycle[i], cycle[i-1])
		}
	}
	if len(cycle) > 0 && (cycle[0] != job || cycle[len(cycle)-1] != job) {
		t.Fatalf("the cycle of %s is %v", job, cycle)
	}
}

// TestALargeKnotIsNamedInPart: the names of a cycle become a message.
func TestALargeKnotIsNamedInPart(t *testing.T) {
	g := newGraph()
	const n = 1000
	for i := range n {
		g.put(fmt.Sprint("j", i), fmt.Sprint("j", (i+1)%n))
	}
	if cycle := g.x.cycle(name{"default", "j7"}); len(cycle) != maxCycle || cycle[0] != "j7" {
		t.Errorf("got %d names", len(cycle))
	}
	if n := len(g.x.knotted()); n != 1000 {
		t.Errorf("%d Jobs are in the knot", n)
	}
	g.put("j3")
	if knots := g.x.knotted(); len(knots) != 0 {
		t.Errorf("%d Jobs are still in a knot", len(knots))
	}
}

// TestAJobWhoseSpecIsBrokenKeepsItsParents: their ends are listed for it until it is mended.
func TestAJobWhoseSpecIsBrokenKeepsItsParents(t *testing.T) {
	list := []v1.ParentStatus{{Job: "a", On: v1.OnFailed}}
	broken := &store.Job{
		Key: store.JobKey("default", "c"), Rev: store.Revisions{SpecMod: 2}, Err: fmt.Errorf("broken"),
		Object: &v1.Job{Status: v1.JobStatus{Parents: list}},
	}
	if got := dependsOn(broken); len(got) != 1 || got[0] != (v1.Dependency{Job: "a", On: v1.OnFailed}) {
		t.Errorf("got %v", got)
	}
	broken.Rev.SpecMod = 0
	if got := dependsOn(broken); got != nil {
		t.Errorf("of a deleted Job: %v", got)
	}
}

// BenchmarkDependencies adds Jobs that depend on up to three of 100 Jobs before them, in a shuffled order.
func BenchmarkDependencies(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				g := newGraph()
				for k := range n {
					i := k * 7919 % n // each once, in no order
					var parents []string
					for d := 1; d <= 3; d++ {
						if p := i - d*(i%37+1); p >= 0 {
							parents = append(parents, fmt.Sprint(p))
						}
					}
					g.put(fmt.Sprint(i), parents...)
				}
				if len(g.x.knotted()) > 0 {
					b.Fatal("a cycle")
				}
				if len(g.x.knotted()) > 0 {
					b.Fatal("a cycle")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/job")
		})
	}
}
