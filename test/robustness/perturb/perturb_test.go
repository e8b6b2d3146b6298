package perturb

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"horae/internal/testparallel"
)

var (
	full     = flag.Bool("perturb.full", false, "every fault at every effect of every scenario, and more storms")
	seedFlag = flag.Uint64("perturb.seed", 0, "of what is drawn; 0: another one each time with -perturb.full, and always the same sample without")
	only     = flag.String("perturb.scenario", "", "run only this scenario")
	faultArg = flag.String("perturb.fault", "", "with -perturb.at: the fault")
	atArg    = flag.Int("perturb.at", 0, "only at this effect, counted from 1")
)

func TestMain(m *testing.M) {
	testparallel.AtLeast(6)
	switch {
	case *seedFlag != 0:
	case *full:
		*seedFlag = uint64(time.Now().UnixNano()) % 1e9
	default:
		*seedFlag = 1
	}
	fmt.Printf("perturb: -perturb.seed=%d\n", *seedFlag)
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	if err := goleak.Find(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// eachScenario runs f with every scenario on a site of its own, and its end state when nothing disturbs it.
func eachScenario(t *testing.T, f func(t *testing.T, s *site, sc scenario, want string, effects int)) {
	for _, sc := range scenarios {
		if *only != "" && sc.name != *only {
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			p := newPlan(*seedFlag, nil)
			want := s.run(t, p, sc, "")
			if t.Failed() {
				return
			}
			t.Logf("%d effects, undisturbed", p.effects())
			f(t, s, sc, want, p.effects())
		})
	}
}

// disturb runs a scenario under a plan and compares. It reports whether all was well.
func disturb(t *testing.T, s *site, p *plan, sc scenario, want, repeat string) bool {
	return t.Run(repeat, func(t *testing.T) {
		s.run(t, p, sc, want)
		if t.Failed() {
			t.Logf("again: go test ./test/robustness/perturb -run %s -perturb.scenario=%s -perturb.seed=%d", t.Name(), sc.name, *seedFlag)
		}
	})
}

// TestOneFault disturbs each scenario once, at each of its effects, in each way.
func TestOneFault(t *testing.T) {
	eachScenario(t, func(t *testing.T, s *site, sc scenario, want string, effects int) {
		random := rand.New(rand.NewPCG(*seedFlag, 2))
		failures := 0
		for _, f := range allFaults {
			if *faultArg != "" && f.String() != *faultArg {
				continue
			}
			for at := 1; failures < enough; at++ {
				if *atArg != 0 && at != *atArg || *atArg == 0 && !*full && random.IntN(effects*len(allFaults)) >= samples {
					if at > effects {
						break
					}
					continue
				}
				p := newPlan(*seedFlag+uint64(at), map[int]fault{at: f})
				if !disturb(t, s, p, sc, want, fmt.Sprintf("%s/%d", f, at)) {
					failures++
				}
				if !p.done() {
					break
				}
			}
		}
	})
}

const (
	// samples of each scenario, on average, without -perturb.full.
	samples = 3
	// enough failures of a scenario: each may take as long as patience lasts, and says much the same.
	enough = 5
)

// TestStorm disturbs each scenario several times in a run: also the successors of those that died.
func TestStorm(t *testing.T) {
	eachScenario(t, func(t *testing.T, s *site, sc scenario, want string, effects int) {
		storms := 1
		if *full {
			storms = 15
		}
		name := fnv.New64()
		_, _ = name.Write([]byte(sc.name))
		random := rand.New(rand.NewPCG(*seedFlag, name.Sum64())) // another storm for each scenario
		for i := 1; i <= storms && !t.Failed(); i++ {
			faults := map[int]fault{}
			for range 2 + random.IntN(4) {
				faults[1+random.IntN(effects+effects/2)] = allFaults[random.IntN(len(allFaults))]
			}
			if *atArg == 0 || *atArg == i {
				disturb(t, s, newPlan(*seedFlag+uint64(i), faults), sc, want, fmt.Sprint(i))
			}
		}
	})
}

// TestUnseenChanges blinds the manager whenever the user writes something: it sees the outcome, and not how it came about.
func TestUnseenChanges(t *testing.T) {
	eachScenario(t, func(t *testing.T, s *site, sc scenario, want string, _ int) {
		unseen := sc
		unseen.play = func(w *world) {
			w.blindUser = true
			sc.play(w)
		}
		disturb(t, s, newPlan(*seedFlag, nil), unseen, want, "unseen")
		if sc.name == "recreate" {
			unseen.play = recreateUnseen
			disturb(t, s, newPlan(*seedFlag, nil), unseen, want, "between two looks")
		}
	})
}
