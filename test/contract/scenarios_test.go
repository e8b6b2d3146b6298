package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"horae/internal/devcluster"
	"horae/internal/testparallel"
)

func TestMain(m *testing.M) {
	runCommand()
	testparallel.AtLeast(8)
	goleak.VerifyTestMain(m)
}

// defaultScale divides the times of recordings against the dev cluster.
const defaultScale = 5

// scenario is one recording, and what it takes to replay it.
type scenario struct {
	name string
	// config is how the recorded cluster differed from the usual one, in recorded time.
	config func(*devcluster.Config)
	// needs is what a replay against a real master has to control by commands; empty if it runs without them.
	needs string
	// masterFlags and agentFlags are added to the usual ones of a real master and its agent.
	masterFlags, agentFlags []string
	// scale is for scenarios in which what comes first decides: less than the default, for machines that are busy.
	scale float64
	// hurry makes the last call at once: the recording ended just before something else would have happened.
	hurry bool
	// traps are how its commands begin that are killed: the first KILL waits until each shell has set its trap.
	traps []string
	// unsupported is why the dev cluster does not do this yet; empty if it does.
	unsupported string
}

var (
	// Silent agents are noticed as fast as they were when it was recorded.
	quickPings = []string{"--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3"}
	shortOffer = []string{"--offer_timeout=3secs"}
)

const reserved = "cpus(horae):2;mem(horae):512;cpus:4;mem:4096;disk:10000;ports:[31000-32000]"

// scenarios has every recording; a test says so if one is missing.
var scenarios = []scenario{
	{name: "lifecycle"},
	{name: "kill", traps: []string{"trap '' TERM; ", "trap 'echo bye; exit 0' TERM; "}},
	{name: "max_completion_time"},
	{name: "reconcile"},
	{name: "unacknowledged"},
	{name: "scheduler_failover"},
	{name: "failover_timeout_expired"},
	{name: "bad_requests", scale: 2},
	{name: "suppress_revive"},
	{name: "fetch_and_executors"},
	{name: "agent_loss", scale: 3, needs: "an agent that can be stopped and continued", masterFlags: quickPings},
	{name: "agent_crash", scale: 3, needs: "an agent that can be killed and started", masterFlags: quickPings},
	{name: "master_restart", scale: 3, needs: "a master that can be killed and started"},
	{name: "drain_agent"},
	{name: "health_checks"},
	{name: "maintenance", needs: "an agent that can be started again after its machine was taken down"},
	{name: "containers_without_isolators"},
	{name: "reservations_ports_roles", scale: 1, needs: "an agent with resources reserved for role horae, and --offer_timeout=3secs",
		masterFlags: shortOffer, agentFlags: []string{"--resources=" + reserved},
		config: func(c *devcluster.Config) { c.Resources, c.Attributes, c.OfferTimeout = reserved, "", 3*time.Second }},
	{name: "offer_timeout", scale: 2, hurry: true, needs: "a master with --offer_timeout=3secs", masterFlags: shortOffer,
		config: func(c *devcluster.Config) { c.Resources, c.Attributes, c.OfferTimeout = reserved, "", 3*time.Second }},
	{name: "many_tasks_in_one_accept"},
}

// newReplay prepares the replay of a scenario against the dev cluster, or against HORAE_TEST_MESOS.
func newReplay(t testing.TB, s scenario) *replay {
	t.Helper()
	lines, err := load(s.name)
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{lines: lines, hurry: s.hurry, patience: time.Minute}
	if url := strings.TrimSuffix(os.Getenv("HORAE_TEST_MESOS"), "/"); url != "" {
		r.against(t, s, &realMaster{
			url: func() string { return url }, master: os.Getenv("HORAE_TEST_MESOS_MASTER"), agent: os.Getenv("HORAE_TEST_MESOS_AGENT"),
		}, 1)
	} else {
		if s.unsupported != "" {
			t.Skipf("not supported by the dev cluster: %s", s.unsupported)
		}
		r.scale = s.scale
		if r.scale == 0 {
			r.scale = defaultScale
		}
		r.target = newCluster(t, s, r.scale)
	}
	return r
}

func TestRecordings(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if os.Getenv("HORAE_TEST_MESOS") == "" {
				t.Parallel()
			}
			r := newReplay(t, s)
			r.prepare = func(r *replay) {
				serveFiles(t, r)
				if !r.real {
					r.awaitTraps(t.TempDir(), s.traps)
				}
			}
			for _, d := range r.run() {
				t.Error(d)
			}
		})
	}
}

func TestEveryRecordingHasAScenario(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "recordings", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	known := map[string]bool{}
	for _, s := range scenarios {
		known[s.name] = true
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".jsonl"); !known[name] {
			t.Errorf("recording %s is not replayed: add it to scenarios, with the reason if it cannot be", name)
		}
	}
}
