package contract

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	{name: "bad_requests"},
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

// cluster is the dev cluster as a target.
type cluster struct {
	*devcluster.Cluster
}

// newCluster starts the recorded cluster with its times divided by scale.
func newCluster(t testing.TB, s scenario, scale float64) *cluster {
	t.Helper()
	cfg := recordedConfig()
	if s.config != nil {
		s.config(&cfg)
	}
	c, err := devcluster.Start(context.Background(), scaledConfig(cfg, scale))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &cluster{c}
}

// recordedConfig is the usual cluster of the recordings, in recorded time.
func recordedConfig() devcluster.Config {
	return devcluster.Config{
		Listen:               "127.0.0.1:0",
		Attributes:           "rack:r1;zone:z1;cores:16;vlans:[10-20]",
		HeartbeatInterval:    15 * time.Second,
		AllocationInterval:   time.Second,
		UpdateRetryMin:       10 * time.Second,
		AgentPingTimeout:     time.Second,
		MaxAgentPingTimeouts: 3,
		ReregisterDelay:      800 * time.Millisecond,
		DockerHost:           devcluster.NoDocker, // the recorded agent had none
	}
}

// scaledConfig divides the times of a configuration.
func scaledConfig(cfg devcluster.Config, scale float64) devcluster.Config {
	for _, d := range []*time.Duration{&cfg.HeartbeatInterval, &cfg.AllocationInterval, &cfg.UpdateRetryMin,
		&cfg.AgentPingTimeout, &cfg.ReregisterDelay, &cfg.OfferTimeout} {
		*d = time.Duration(float64(*d) / scale)
	}
	return cfg
}

// act does to the processes what the recorder did.
func (c *cluster) act(note string, r *replay) (bool, error) {
	agent := c.Agent(0)
	r.pace(r.at)
	switch {
	case strings.HasPrefix(note, "the agent is stopped (SIGSTOP)"):
		agent.Partition()
	case strings.HasPrefix(note, "the agent goes on (SIGCONT)"):
		agent.Heal()
	case strings.HasPrefix(note, "the agent process is killed (SIGKILL) for 6 s"):
		agent.Crash()
		r.do(6000, func() error { agent.Restart(); return nil })
	case strings.HasPrefix(note, "the master is killed and started again"):
		c.StopMaster()
		// It was refusing connections 1.0 s later and answering 2.5 s later; the agent came back 3.0 s later, after the
		// scheduler had asked for its tasks.
		agent.Partition()
		r.do(1800, func() error { return c.StartMaster(context.Background()) })
		r.do(3000, func() error { agent.Heal(); return nil })
	default:
		return false, nil
	}
	return true, nil
}

// do has something done so much recorded time after the line that the replay is at.
func (r *replay) do(afterMs int, f func() error) {
	r.later = append(r.later, deed{r.at + afterMs, f})
}

// awaitTraps has each command that begins so leave a file when its trap is set, for which the first KILL waits.
func (r *replay) awaitTraps(dir string, traps []string) {
	for i, trap := range traps {
		file := filepath.Join(dir, fmt.Sprint(i))
		r.names.literal(trap, trap+": > "+file+"; ")
		r.ready = append(r.ready, file)
	}
}

// newReplay prepares the replay of a scenario against the dev cluster, or against HORAE_TEST_MESOS.
func newReplay(t testing.TB, s scenario) *replay {
	t.Helper()
	lines, err := load(s.name)
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{lines: lines, hurry: s.hurry, patience: 10 * time.Second}
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

// serveFiles offers what tasks of the recording fetched, over HTTP and as a file, and lets it stand for the recorded
// addresses.
func serveFiles(t testing.TB, r *replay) {
	t.Helper()
	const script = "#!/bin/sh\necho hello\n"
	var pack bytes.Buffer
	z := gzip.NewWriter(&pack)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "hello.sh", Mode: 0o755, Size: int64(len(script))})
	if err == nil {
		_, err = w.Write([]byte(script))
	}
	for _, closer := range []interface{ Close() error }{w, z} {
		if err == nil {
			err = closer.Close()
		}
	}
	dir := t.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "hello.sh"), []byte(script), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello.sh", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(script)) })
	mux.HandleFunc("/pack.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pack.Bytes()) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.names.literal("http://127.0.0.1:8099/", server.URL+"/")
	r.names.literal("/srv/files/", dir+"/")
}

// TestReplayNoticesDifferences shows that the replay can fail: recordings with one thing changed do not replay.
func TestReplayNoticesDifferences(t *testing.T) {
	if os.Getenv("HORAE_TEST_MESOS") != "" {
		t.Skip("about the replay itself, not the master")
	}
	t.Parallel()
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, scenario{name: m.scenario})
			r.patience = time.Second
			r.prepare = func(r *replay) { serveFiles(t, r) }
			changed := 0
			r.lines = m.change(r.lines, &changed)
			if changed == 0 {
				t.Fatal("the mutation found nothing to change")
			}
			if diffs := r.run(); len(diffs) == 0 {
				t.Error("replayed without a difference")
			}
		})
	}
}

type mutation struct {
	scenario string
	change   func(lines []line, changed *int) []line
}

// replace changes text in the bodies of lines of one kind.
func replace(what, old, with string) func([]line, *int) []line {
	return func(lines []line, changed *int) []line {
		for i := range lines {
			l := &lines[i]
			if l.What == what && strings.Contains(string(l.Body), old) {
				l.Body = json.RawMessage(strings.Replace(string(l.Body), old, with, 1))
				*changed++
			}
		}
		return lines
	}
}

// without drops the first line of a kind with this text.
func without(what, text string) func([]line, *int) []line {
	return func(lines []line, changed *int) []line {
		for i, l := range lines {
			if l.What == what && strings.Contains(string(l.Body), text) {
				*changed++
				return append(lines[:i:i], lines[i+1:]...)
			}
		}
		return lines
	}
}

var mutations = map[string]mutation{
	"another state":                  {"max_completion_time", replace("event", `"TASK_FAILED"`, `"TASK_KILLED"`)},
	"another message":                {"max_completion_time", replace("event", "signal Terminated", "signal Killed")},
	"another reason":                 {"max_completion_time", replace("event", "REASON_MAX_COMPLETION_TIME_REACHED", "REASON_EXECUTOR_TERMINATED")},
	"a reason that is not there":     {"max_completion_time", replace("event", `"source": "SOURCE_EXECUTOR"`, `"source": "SOURCE_EXECUTOR", "reason": "REASON_RECONCILIATION"`)},
	"an update without uuid":         {"max_completion_time", replace("event", `"uuid"`, `"unused"`)},
	"an event that does not come":    {"failover_timeout_expired", replace("event", `"TASK_RUNNING"`, `"TASK_RUNNING", "healthy": true`)},
	"an event that was not recorded": {"failover_timeout_expired", without("event", "Framework has been removed")},
	"another status code": {"bad_requests", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].What == "response" && lines[i].Status == http.StatusUnsupportedMediaType {
				lines[i].Status = http.StatusBadRequest
				*n++
			}
		}
		return lines
	}},
	"another text":                    {"bad_requests", replace("response", "didn't match", "did not match")},
	"other resources in an offer":     {"suppress_revive", replace("event", `"value": 4096`, `"value": 4095`)},
	"another attribute":               {"suppress_revive", replace("event", `"value": "r1"`, `"value": "r2"`)},
	"an offer that was not rescinded": {"suppress_revive", without("call", "SUPPRESS")},
	"a uuid that stands for two":      {"reconcile", replace("event", "REASON_RECONCILIATION", "REASON_AGENT_REMOVED")},
	"another order of a task's states": {"failover_timeout_expired", func(lines []line, n *int) []line {
		var at []int
		for i, l := range lines {
			if l.What == "event" && strings.Contains(string(l.Body), `"doomed"`) {
				at = append(at, i)
			}
		}
		if len(at) == 2 {
			lines[at[0]].Body, lines[at[1]].Body = lines[at[1]].Body, lines[at[0]].Body
			*n++
		}
		return lines
	}},
	"a stream that ends otherwise": {"failover_timeout_expired", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].isNote("stream ended: EOFError") {
				lines[i].Text = "stream ended: IncompleteRead(0 bytes read)"
				*n++
			}
		}
		return lines
	}},
	"a note that nobody knows": {"failover_timeout_expired", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].isNote("failover_timeout is 1 s") {
				lines[i].Text = "the network is on fire"
				*n++
			}
		}
		return lines
	}},
}
