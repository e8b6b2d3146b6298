package cache

import (
	"strings"
	"testing"

	"horae/internal/store"
)

func indexed(runName, job string, create int64) *store.Run {
	return &store.Run{Key: store.RunKey("default", runName), Rev: store.Revisions{SpecCreate: create}, Object: newRun(runName, job)}
}

func TestRunIndex(t *testing.T) {
	type step struct{ old, new *store.Run }
	a, b, c := indexed("a", "j", 1), indexed("b", "j", 2), indexed("c", "j", 3)
	for name, c := range map[string]struct {
		steps    []step
		wantJobs string // Runs of job j
	}{
		"Runs come in any order: the oldest is first":        {steps: []step{{nil, c}, {nil, a}, {nil, b}}, wantJobs: "a b c"},
		"a Run made again is the youngest":                   {steps: []step{{nil, a}, {nil, b}, {a, indexed("a", "j", 3)}}, wantJobs: "b a"},
		"a Run that changes stays where it is":               {steps: []step{{nil, a}, {nil, b}, {a, indexed("a", "j", 1)}}, wantJobs: "a b"},
		"a Run of another Job":                               {steps: []step{{nil, a}, {nil, b}, {a, indexed("a", "other", 1)}}, wantJobs: "b"},
		"a Run of no Job":                                    {steps: []step{{nil, a}, {a, indexed("a", "", 0)}}},
		"the last Run goes":                                  {steps: []step{{nil, a}, {a, nil}}},
		"two Runs of one revision are sorted by their names": {steps: []step{{nil, indexed("y", "j", 1)}, {nil, indexed("x", "j", 1)}}, wantJobs: "x y"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newRunIndex()
			for _, s := range c.steps {
				x.replace(s.old, s.new)
			}
			var got []string
			for _, r := range x.byJob[jobName("j")] {
				got = append(got, r.Key.Name)
			}
			if strings.Join(got, " ") != c.wantJobs {
				t.Errorf("Runs of the Job: %v, want %s", got, c.wantJobs)
			}
			if len(got) == 0 && len(x.byJob) > 0 {
				t.Errorf("an empty list is left: %v", x.byJob)
			}
		})
	}
}

func jobName(job string) name { return name{"default", job} }
