package robustness

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"horae/internal/etcdtest"
	"horae/test/robustness/plan"
)

var (
	seed     = flag.Uint64("robustness.seed", 0, "decides on Jobs, operations and faults; 0: another one each time, which is printed")
	duration = flag.Duration("robustness.duration", 0, "how long a run takes, 0: there is none: nine parts of 17 with faults, then quiet, as in Jepsen's test, for 40 s at most if Jobs are compressed tenfold")
	faults   = flag.String("robustness.faults", "all", "which faults to mix: all, none, or some of "+strings.Join(plan.FaultNames(), ","))
	hold     = flag.Int("robustness.hold", 1, "how many times longer each fault is there, and the pauses between them; Jepsen's partitions took 200 s, which is 25 times ours")
	compress = flag.Int("robustness.compress", 10, "how many times faster than in Jepsen's test the Jobs come; 1: as there, 16 at most")
	jobs     = flag.Int("robustness.jobs", 30, "how many Jobs are added at most; 0: as many as come")
	mode     = flag.String("robustness.mode", "strict", "strict: Jobs of all policies, which are suspended, edited, triggered and deleted; jepsen: those of Jepsen's test, left alone, which must also pass its checker")
	each     = flag.Bool("robustness.each", false, "have each of the faults alone, one run after another")
	late     = flag.Bool("robustness.late", false, "fail when tasks start later than their epsilon with no fault about; on a machine that has nothing else to do")
	race     = flag.Bool("robustness.race", false, "build the binaries with the race detector")
	keep     = flag.String("robustness.keep", "", "keep logs, what the tasks wrote, and the history in this directory")
)

// bin is the directory of the binaries under test, built once from the source.
var bin string

func TestMain(m *testing.M) {
	etcdtest.RunMember()
	flag.Parse()
	if *duration == 0 {
		os.Exit(m.Run())
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "horae-robustness-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		args := []string{"build", "-o", dir + "/"}
		if *race {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, "horae/cmd/manager", "horae/cmd/devcluster")...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the binaries: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}
