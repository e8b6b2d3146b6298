package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"horae/internal/devcluster"
)

// patience ends what would otherwise hang.
const patience = 2 * time.Minute

const (
	// hardLimit is what the manager's process may have of private memory (RLIMIT_DATA): the kernel refuses more, and the process ends.
	hardLimit = 1 << 30
	// softLimit is what its garbage collector aims at, as an operator would set it.
	softLimit = "700MiB"
)

// world is what is attacked.
type world struct {
	t       *testing.T
	dir     string
	cluster *devcluster.Cluster
	manager *manager
	etcd    *clientv3.Client
	runs    *witness
	rate    int // Runs due in a second
}

func newWorld(t *testing.T, rate, idleJobs int) *world {
	w := &world{t: t, dir: t.TempDir(), runs: &witness{started: map[string][]string{}, first: map[string]time.Time{}}, rate: rate}
	var err error
	if w.cluster, err = devcluster.Start(t.Context(), devcluster.Config{
		Listen: "127.0.0.1:0", Agents: 100, Simulate: true, Resources: "cpus:64;mem:65536;disk:100000", WorkDir: w.dir + "/work",
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cluster.Close() })
	w.cluster.Master().SetHooks(devcluster.Hooks{BeforeUpdate: w.runs.update})
	w.manager = w.start()
	if w.etcd, err = clientv3.New(clientv3.Config{Endpoints: []string{w.manager.ready["etcd"]}, Logger: zap.NewNop(), DialTimeout: patience}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.etcd.Close() })
	w.put(idleJobs, func(i int) (string, string) {
		return job(fmt.Sprintf("idle-%05d", i), "0 0 1 1 *", strings.Repeat("an idle Job ", 40))
	})
	return w
}

// due makes as many Jobs as Runs are due in a second, each every second, evenly spread, and returns the first occurrence.
func (w *world) due() time.Time {
	origin := time.Now().Add(3 * time.Second).Truncate(time.Second).UTC()
	w.put(w.rate, func(i int) (string, string) {
		start := origin.Add(time.Duration(i) * time.Second / time.Duration(w.rate)).Truncate(time.Millisecond)
		return job(fmt.Sprintf("load-%d", i), "R/"+start.Format("2006-01-02T15:04:05.000Z")+"/PT1S", "")
	})
	// A schedule counts from when it is seen first.
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		seen, err := w.etcd.Get(w.t.Context(), "/horae/status/jobs/default/load-", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err == nil && int(seen.Count) == w.rate {
			return origin
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the Jobs are not seen: %v", err)
		}
	}
}

func job(name, schedule, description string) (key, value string) {
	return "/horae/spec/jobs/default/" + name, fmt.Sprintf(
		`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":%q,"namespace":"default"},"spec":{"description":%q,"schedule":%q,`+
			`"concurrencyPolicy":"Allow","missedRuns":"All","history":{"succeeded":1,"failed":1},"task":{"shell":"true","labels":{"sim":"ok,50ms"},`+
			`"resources":{"cpus":0.01,"memory":"8Mi","disk":"1Mi"}}}}`, name, description, schedule)
}

func (w *world) put(n int, document func(i int) (key, value string)) {
	w.t.Helper()
	for i := 0; i < n; i += 100 {
		var ops []clientv3.Op
		for j := i; j < min(i+100, n); j++ {
			key, value := document(j)
			ops = append(ops, clientv3.OpPut(key, value))
		}
		if _, err := w.etcd.Txn(w.t.Context()).Then(ops...).Commit(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// manager is the process.
type manager struct {
	t     *testing.T
	cmd   *exec.Cmd
	done  chan struct{}
	log   *tail
	ready map[string]string
}

// start starts a manager with memory limits on the world's data.
func (w *world) start() *manager {
	w.t.Helper()
	m := &manager{t: w.t, done: make(chan struct{}), log: &tail{}, ready: map[string]string{}}
	m.cmd = exec.Command(filepath.Join(bin, "manager"), "--mesos-masters", w.cluster.URL(), "--listen", "127.0.0.1:0",
		"--etcd-listen", "127.0.0.1:0", "--data-dir", w.dir+"/data")
	m.cmd.Env = append(os.Environ(), "GOMEMLIMIT="+softLimit)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	m.cmd.Stderr = m.log
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if err := unix.Prlimit(m.cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: hardLimit, Max: hardLimit}, nil); err != nil {
		w.t.Fatal(err)
	}
	if *full {
		prefer(m.cmd.Process.Pid, -15)
	}
	ready := make(chan map[string]string, 1)
	go func() {
		defer close(m.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "manager ready "); ok {
				fields := map[string]string{}
				for _, f := range strings.Fields(rest) {
					k, v, _ := strings.Cut(f, "=")
					fields[k] = v
				}
				ready <- fields
			}
		}
		_ = m.cmd.Wait()
	}()
	w.t.Cleanup(m.stop)
	select {
	case m.ready = <-ready:
	case <-m.done:
		w.t.Fatalf("the manager ended before it was ready:\n%s", m.log)
	case <-time.After(patience):
		w.t.Fatalf("the manager is not ready after %s:\n%s", patience, m.log)
	}
	return m
}

// prefer sets the priority of a process that leads a session, where that is allowed. What is measured is what attacks do to the manager, not
// what else this machine is busy with.
func prefer(pid, nice int) {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, nice)
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0)
}

func (m *manager) stop() {
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(patience):
		m.t.Errorf("the manager did not end on SIGTERM:\n%s", m.log)
		_ = m.cmd.Process.Kill()
		<-m.done
	}
}

// mustLive fails the test at once when the manager has ended.
func (m *manager) mustLive() {
	m.t.Helper()
	select {
	case <-m.done:
		m.t.Fatalf("the manager has ended (%v):\n%s", m.cmd.ProcessState, m.log)
	default:
	}
}

// peak is the most memory that was resident since the last call, in MiB.
func (m *manager) peak() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.cmd.Process.Pid))
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.cmd.Process.Pid), []byte("5"), 0) // begins the peak anew
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib / 1024
		}
	}
	return 0
}

// readyz waits until the manager says that it is ready.
func (m *manager) readyz() {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		m.mustLive()
		code, body, err := get(context.Background(), m.ready["api"]+"/readyz?verbose")
		if err == nil && code == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("/readyz: %d %s %v\n%s", code, body, err, m.log)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func get(ctx context.Context, url string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// tail keeps the end of what a process printed.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	if len(b.buf) > 64<<10 {
		b.buf = bytes.Clone(b.buf[len(b.buf)-8<<10:])
	}
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf)
}

// witness notes when each task started, as its agent saw it.
type witness struct {
	mu      sync.Mutex
	started map[string][]string  // tasks by Run; guarded by mu
	first   map[string]time.Time // by Run; guarded by mu
}

// update is the dev cluster's hook.
func (w *witness) update(taskID, state string) bool {
	if state == "TASK_RUNNING" {
		now := time.Now()
		run := strings.Split(taskID, ".")[1]
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.first[run].IsZero() {
			w.first[run] = now
		}
		if !slices.Contains(w.started[run], taskID) {
			w.started[run] = append(w.started[run], taskID)
		}
	}
	return true
}

// lateness returns how late each Run of the load that was due in [from, to) started, sorted, and how many started twice.
func (w *witness) lateness(from, to time.Time) (late []time.Duration, twice int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for run, tasks := range w.started {
		due, ok := dueTime(run)
		if !ok || due.Before(from) || !due.Before(to) {
			continue
		}
		late = append(late, w.first[run].Sub(due))
		if len(tasks) > 1 {
			twice++
		}
	}
	slices.Sort(late)
	return late, twice
}

// dueTime reads the name of a Run of the load: load-7-20261122t020000z, with milliseconds before the z where there are any.
func dueTime(run string) (time.Time, bool) {
	stamp := run[strings.LastIndexByte(run, '-')+1:]
	if !strings.HasPrefix(run, "load-") || len(stamp) < 16 || stamp[8] != 't' {
		return time.Time{}, false
	}
	text := stamp[:8] + "T" + stamp[9:15] + "." + strings.TrimSuffix(stamp[15:], "z") + "0"
	due, err := time.Parse("20060102T150405.999999999", text)
	return due, err == nil
}

// percentile of a sorted list, by the nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max((len(sorted)*p+99)/100-1, 0)]
}

// attack starts a process that plays the attacks named, or all, for a time. It returns what the attackers found wrong, and how much they sent.
// In the long form the process has the least priority.
func (w *world) attack(lasts time.Duration, names ...string) (wrong string, sent int) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	doc, err := json.Marshal(target{API: w.manager.ready["api"], Etcd: w.manager.ready["etcd"], Mesos: w.cluster.URL(), Lasts: lasts, Names: names})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), lasts+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "HORAE_ATTACK="+string(doc), "GOMEMLIMIT=1GiB")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	if *full {
		prefer(cmd.Process.Pid, 10)
	}
	err, out := cmd.Wait(), printed.String()
	if err != nil {
		return fmt.Sprintf("%s %v", out, err), 0
	}
	sent, err = strconv.Atoi(out)
	if err != nil || sent == 0 {
		return fmt.Sprintf("nothing was sent: %s", out), 0
	}
	return "", sent
}
