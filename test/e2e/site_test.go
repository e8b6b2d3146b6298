package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/leader"
	"horae/internal/store"
)

var (
	// full asks for the longer forms: more rounds, longer outages. `make e2e` gives it.
	full = flag.Bool("e2e.full", false, "the longer forms of the tests under failures; implies -e2e.failures")
	// failures asks for all tests under failures. `make test-failures` gives it.
	failures = flag.Bool("e2e.failures", false, "also the tests under failures that take long, or need a machine that keeps up")
)

// underFailures is called first by a test that waits for leases to run out, or that a starved machine could fail. `make test` leaves
// it out.
func underFailures(t *testing.T) {
	t.Helper()
	if !*failures && !*full {
		t.Skip("a test under failures: make test-failures runs it")
	}
	t.Parallel()
}

// lease of the managers in these tests.
const lease = 4 * time.Second

// site is two managers over one etcd and one dev cluster, each of which outlives the others, and ten Jobs that are due each second,
// a tenth of a second after one another, and make up for all that they miss.
//
// The tasks are the witnesses: each appends a line with the time to its Run's file when it starts.
type site struct {
	t         *testing.T
	etcd      *etcdtest.Server // nil where etcd is a cluster
	cluster   *process         // nil where the test itself runs Mesos
	client    *clientv3.Client
	endpoints string // of etcd
	master    string // of Mesos
	witness   string
	config    string
	lease     time.Duration
	managers  map[string]*process
	through   map[string]string // other endpoints of etcd, for the managers that have them
	began     time.Time
}

// ticks is how many Jobs a site has.
const ticks = 10

const tick = `
---
apiVersion: horae/v1
kind: Job
metadata: {name: tick%d}
spec:
  schedule: %s
  missedRuns: All
  concurrencyPolicy: Allow
  history: {succeeded: 1000, failed: 1000}
  retries: {limit: %d, delay: 1s}
  task:
    resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}
    shell: |
      echo start $(date +%%s.%%N) >> %s/$HORAE_RUN
      %s
`

// newSite starts everything; the Jobs' tasks end with the command. Every other Job retries once, what is not started excepted.
func newSite(t *testing.T, command string) *site {
	t.Helper()
	etcd := etcdtest.New(t)
	cluster := start(t, "devcluster", clusterArgs("127.0.0.1:0", t.TempDir())...)
	s := openSite(t, cluster.ready["master"], etcd.Endpoint)
	s.etcd, s.cluster = etcd, cluster
	s.open(command)
	return s
}

// openSite prepares a site over an etcd and a Mesos that are there.
func openSite(t *testing.T, master string, endpoints ...string) *site {
	t.Helper()
	return &site{
		t: t, master: master, endpoints: strings.Join(endpoints, ","), client: etcdtest.Client(t, endpoints...),
		witness: t.TempDir(), lease: lease, managers: map[string]*process{}, through: map[string]string{},
	}
}

// open starts the managers a, which leads, and b, and gives them the Jobs.
func (s *site) open(command string) {
	t := s.t
	t.Helper()
	s.config = filepath.Join(t.TempDir(), "manager.yaml")
	if err := os.WriteFile(s.config, fmt.Appendf(nil, "leader: {leaseTTL: %s}\n", s.lease), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start("a")
	s.waitLeader("a")
	s.start("b")
	s.waitCandidates(2)

	// Half of the Jobs are given to the leader, half to the standby.
	s.began = time.Now()
	origin := s.began.Add(2 * time.Second).Truncate(time.Second).UTC()
	for i := range ticks {
		first := origin.Add(time.Duration(i) * time.Second / ticks)
		doc := fmt.Sprintf(tick, i, "R/"+first.Format("2006-01-02T15:04:05.000Z")+"/PT1S", i%2, s.witness, command)
		if r := s.managers[[]string{"a", "b"}[i%2]].horaeStdin(doc, "apply", "-f", "-"); r.code != 0 {
			t.Fatalf("apply: %s%s", r.out, r.err)
		}
	}
	s.waitStarts(time.Now())
}

func clusterArgs(listen, workDir string) []string {
	return []string{"--listen", listen, "--agents", "2", "--resources", "cpus:16;mem:8192;disk:10000", "--work-dir", workDir}
}

// start starts a manager, or starts it again.
func (s *site) start(name string) *process {
	s.t.Helper()
	endpoints := s.endpoints
	if others, ok := s.through[name]; ok {
		endpoints = others
	}
	p := start(s.t, "manager", "--name", name, "--config", s.config, "--etcd-endpoints", endpoints,
		"--mesos-masters", s.master, "--listen", "127.0.0.1:0")
	s.t.Cleanup(func() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }) // else a stopped one would not hear that it is to end
	s.managers[name] = p
	return p
}

func (s *site) waitLeader(name string) {
	s.t.Helper()
	eventually(s.t, name+" leads", func() string {
		switch id, err := leader.Leader(s.t.Context(), s.client); {
		case err != nil:
			return err.Error()
		case id.Name != name:
			return id.Name + " leads"
		}
		return ""
	})
}

// roles returns which of two managers leads, and which stands by. A lead moves on a starved machine: ask just before it matters.
func (s *site) roles() (leads, standby string) {
	s.t.Helper()
	eventually(s.t, "somebody leads", func() string {
		id, err := leader.Leader(s.t.Context(), s.client)
		if err != nil {
			return err.Error()
		}
		leads = id.Name
		return ""
	})
	for name := range s.managers {
		if name != leads {
			standby = name
		}
	}
	return leads, standby
}

// fence is the present leader's.
func (s *site) fence() store.Fence {
	s.t.Helper()
	got, err := s.client.Get(s.t.Context(), store.LeaderPrefix, clientv3.WithFirstCreate()...)
	if err != nil || len(got.Kvs) == 0 {
		s.t.Fatalf("who leads: %v, %v", got, err)
	}
	return store.Fence{Key: string(got.Kvs[0].Key), CreateRevision: got.Kvs[0].CreateRevision}
}

// checkFenced fails if etcd would still take what the holder of the fence writes.
func (s *site) checkFenced(f store.Fence) {
	s.t.Helper()
	st, err := store.Open(s.t.Context(), store.Config{Endpoints: strings.Split(s.endpoints, ",")})
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // it was only asked
	w := st.Writer(f)
	defer w.Close()
	if _, err := w.Apply(s.t.Context(), store.Change{}); !errors.Is(err, store.ErrFenced) {
		s.t.Errorf("a write of the leader that was deposed: %v, want a refusal", err)
	}
}

// waitCandidates waits until so many managers lead or wait for the lead.
func (s *site) waitCandidates(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%d managers stand for election", n), func() string {
		got, err := s.client.Get(s.t.Context(), store.LeaderPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err.Error()
		}
		if got.Count != int64(n) {
			return fmt.Sprintf("%d do", got.Count)
		}
		return ""
	})
}

// waitStarts waits until each Job has started a task for an occurrence after the instant: what came before is made up for then.
func (s *site) waitStarts(after time.Time) {
	s.t.Helper()
	eventually(s.t, "every Job has started after "+after.UTC().Format(time.StampMilli), func() string {
		last := map[string]time.Time{}
		for run := range s.starts() {
			job, due := occurrence(s.t, run)
			if due.After(last[job]) {
				last[job] = due
			}
		}
		for i := range ticks {
			if job := fmt.Sprintf("tick%d", i); !last[job].After(after) {
				return fmt.Sprintf("%s has started for %s at last", job, last[job].UTC().Format(time.StampMilli))
			}
		}
		return ""
	})
}

// occurrence reads a Run's name: <job>-20261122t020000z, with milliseconds before the z where there are any.
func occurrence(t *testing.T, run string) (job string, due time.Time) {
	t.Helper()
	job, stamp, _ := strings.Cut(run, "-")
	if stamp = strings.TrimSuffix(stamp, "z"); len(stamp) > 15 {
		stamp = stamp[:15] + "." + stamp[15:]
	}
	due, err := time.Parse("20060102t150405", stamp)
	if err != nil {
		t.Fatalf("the Run %q: %v", run, err)
	}
	return job, due
}

// starts reads what the tasks left: when those of each Run started.
func (s *site) starts() map[string][]time.Time {
	s.t.Helper()
	files, err := os.ReadDir(s.witness)
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string][]time.Time{}
	for _, f := range files {
		left, err := os.ReadFile(filepath.Join(s.witness, f.Name()))
		if err != nil {
			s.t.Fatal(err)
		}
		for line := range strings.Lines(string(left)) {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimPrefix(line, "start")), 64)
			if err != nil {
				continue // it is being written
			}
			all[f.Name()] = append(all[f.Name()], time.UnixMicro(int64(seconds*1e6)))
		}
	}
	return all
}

// gap is the longest time without a start that ends after the instant, as its two ends: the last start of the old leader
// and the first one of the new.
func (s *site) gap(since time.Time) (last, first time.Time) {
	s.t.Helper()
	var at []time.Time
	for _, times := range s.starts() {
		at = append(at, times...)
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := 1; i < len(at); i++ {
		if at[i].After(since) && at[i].Sub(at[i-1]) > first.Sub(last) {
			last, first = at[i-1], at[i]
		}
	}
	return last, first
}

// finish suspends the Jobs, waits until all Runs have ended, and returns them as each manager shows them.
func (s *site) finish() (all []v1.Run, ended time.Time) {
	s.t.Helper()
	var any *process
	for _, any = range s.managers {
		break
	}
	ended = time.Now()
	for i := range ticks {
		any.must("suspend", fmt.Sprintf("tick%d", i))
	}
	for name, m := range s.managers {
		eventually(s.t, "all Runs have ended, says "+name, func() string {
			shown := allRuns(s.t, m)
			for _, r := range shown {
				if !r.Status.Phase.Terminal() {
					return fmt.Sprintf("%s is %s: %s", r.Name, r.Status.Phase, r.Status.Message)
				}
			}
			if all != nil && len(shown) != len(all) {
				return fmt.Sprintf("%d Runs here, %d elsewhere", len(shown), len(all))
			}
			all = shown
			return ""
		})
	}
	return all, ended
}

// check finishes, and compares what the tasks left with what Horae says: nothing lost, nothing doubled.
func (s *site) check() {
	s.t.Helper()
	all, ended := s.finish()
	checkEnds(s.t, all, s.witness, 0)
	checkOccurrences(s.t, all, s.began, ended)
	s.t.Logf("%d Runs, each started once", len(all))
}

// alive fails the test if a manager has ended.
func (s *site) alive() {
	s.t.Helper()
	for name, m := range s.managers {
		select {
		case <-m.done:
			s.t.Fatalf("%s has ended:\n%s", name, tail(m.log.String(), 3000))
		default:
		}
	}
}

// metricOf reads one series of a manager's metrics.
func metricOf(t *testing.T, m *process, series string) string {
	t.Helper()
	for line := range strings.Lines(get(t, m.ready["api"]+"/metrics")) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// rounds of a test that repeats itself.
func rounds() int {
	if *full {
		return 4
	}
	return 1
}
