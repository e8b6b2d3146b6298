package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"horae/internal/devcluster"
	"horae/internal/etcdtest"
	"horae/internal/leader"
	"horae/internal/store"
)

// takeover measures how long nothing is launched after the leader has ended.
type takeover struct {
	manager string
	lease   time.Duration
	rounds  int
	jobs    int // due each second
	idle    int // Jobs that are not due
	active  int // Runs that are active all the time
	members int // of etcd
}

// patience is how long a round waits for a successor.
const patience = time.Minute

func (t takeover) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "horae-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	endpoints, stop, err := t.startEtcd(dir + "/etcd")
	if err != nil {
		return err
	}
	defer stop()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer client.Close()
	cluster, err := devcluster.Start(ctx, devcluster.Config{Listen: "127.0.0.1:0", Agents: 10, Simulate: true,
		Resources: "cpus:64;mem:65536;disk:100000", WorkDir: dir + "/work"})
	if err != nil {
		return err
	}
	defer cluster.Close() //nolint:errcheck // its end is not what is measured
	w := &launches{first: make(chan time.Time, 1), seen: map[string]bool{}}
	cluster.Master().SetHooks(devcluster.Hooks{BeforeCall: w.call, BeforeUpdate: w.update})

	config := filepath.Join(dir, "manager.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "leader: {leaseTTL: %s}\n", t.lease), 0o600); err != nil {
		return err
	}
	s := &standbys{client: client, binary: t.manager, running: map[string]*process{},
		args: []string{"--config", config, "--etcd-endpoints", strings.Join(endpoints, ","), "--mesos-masters", cluster.URL(),
			"--listen", "127.0.0.1:0"}}
	defer s.stop()
	if err := t.fill(ctx, endpoints[0]); err != nil {
		return err
	}
	return t.measure(ctx, s, w)
}

// startEtcd runs one member in this process, or several as processes of their own; fsync on.
func (t takeover) startEtcd(dir string) (endpoints []string, stop func(), err error) {
	if t.members == 1 {
		e, endpoint, err := startEtcd(dir)
		if err != nil {
			return nil, nil, err
		}
		return []string{endpoint}, e.Close, nil
	}
	p := &program{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	c := etcdtest.NewCluster(p, t.members, etcdtest.WithMemberFsync())
	return c.Endpoints(), p.stop, nil
}

// program is the testing.TB that etcdtest needs.
type program struct {
	dir      string
	cleanups []func()
}

func (*program) Helper()                         {}
func (*program) Failed() bool                    { return false }
func (p *program) TempDir() string               { return p.dir }
func (p *program) Cleanup(f func())              { p.cleanups = append(p.cleanups, f) }
func (*program) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (p *program) Fatalf(format string, args ...any) {
	p.Logf(format, args...)
	p.stop()
	os.Exit(1)
}

func (p *program) stop() {
	for _, f := range slices.Backward(p.cleanups) {
		f()
	}
	p.cleanups = nil
}

// fill writes Jobs that are due once a second, evenly spread over it: something is always about to start. Beside them
// are many that a successor has to look at.
func (t takeover) fill(ctx context.Context, endpoint string) error {
	origin := time.Now().Truncate(time.Second).UTC()
	return errors.Join(
		putAll(ctx, endpoint, t.jobs, func(i int) (string, string) {
			start := origin.Add(time.Duration(i) * time.Second / time.Duration(t.jobs)).Truncate(time.Millisecond)
			return job(fmt.Sprintf("load-%d", i), "R/"+start.Format("2006-01-02T15:04:05.000Z")+"/PT1S")
		}),
		putAll(ctx, endpoint, t.idle, func(i int) (string, string) { return job(fmt.Sprintf("idle-%d", i), notDue(i)) }),
	)
}

func (t takeover) measure(ctx context.Context, s *standbys, w *launches) error {
	fmt.Printf("two managers, a lease of %s, an etcd of %d; %d Jobs due each second, %d idle ones, %d active Runs; %d rounds each\n",
		t.lease, t.members, t.jobs, t.idle, t.active, t.rounds)
	if err := t.warmUp(ctx, s, w); err != nil {
		return err
	}
	for _, end := range []struct {
		name   string
		signal syscall.Signal
	}{{"SIGTERM", syscall.SIGTERM}, {"kill -9", syscall.SIGKILL}} {
		var took []time.Duration
		for range t.rounds {
			d, err := t.round(ctx, s, w, end.signal)
			if err != nil {
				return fmt.Errorf("%s: %w", end.name, err)
			}
			took = append(took, d)
		}
		slices.Sort(took)
		median, longest := percentile(took, 50), percentile(took, 100)
		fmt.Printf("  %s to the successor's first launch: median %s, longest %s; ratio to the lease %.3f, %.3f\n",
			end.name, median.Round(time.Millisecond), longest.Round(time.Millisecond),
			median.Seconds()/t.lease.Seconds(), longest.Seconds()/t.lease.Seconds())
	}
	return nil
}

// warmUp waits until a leader launches, and lets it start the active Runs: of Jobs that are due once, whose tasks do
// not end. A successor has to ask Mesos about each of them.
func (t takeover) warmUp(ctx context.Context, s *standbys, w *launches) error {
	if err := s.two(ctx); err != nil {
		return err
	}
	if err := t.until(ctx, func() string {
		if w.tasks("load-") == 0 {
			return "nothing was launched"
		}
		return ""
	}); err != nil {
		return err
	}
	due := time.Now().Add(10 * time.Second).UTC().Format(time.RFC3339)
	if err := putAll(ctx, s.client.Endpoints()[0], t.active, func(i int) (string, string) {
		key, value := job(fmt.Sprintf("active-%d", i), "R1/"+due+"/PT1S")
		return key, strings.Replace(value, `"ok,50ms"`, `"never"`, 1)
	}); err != nil {
		return err
	}
	return t.until(ctx, func() string {
		if n := w.tasks("active-"); n < t.active {
			return fmt.Sprintf("%d Runs are active, want %d", n, t.active)
		}
		return ""
	})
}

// until waits until check answers "".
func (t takeover) until(ctx context.Context, check func() string) error {
	for deadline := time.Now().Add(2 * patience); ; {
		problem := check()
		if problem == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New(problem)
		}
		if err := sleepUntil(ctx, time.Now().Add(100*time.Millisecond)); err != nil {
			return err
		}
	}
}

// round ends the leader, and returns how long it took until its successor's first launch.
func (t takeover) round(ctx context.Context, s *standbys, w *launches, signal syscall.Signal) (time.Duration, error) {
	if err := s.two(ctx); err != nil {
		return 0, err
	}
	// At any time of the lease's refreshment, which comes three times in its life; and after the leader has got to
	// work.
	if err := sleepUntil(ctx, time.Now().Add(2*time.Second+rand.N(t.lease/3))); err != nil {
		return 0, err
	}
	id, err := leader.Leader(ctx, s.client)
	if err != nil {
		return 0, err
	}
	old := s.running[id.Name]
	delete(s.running, id.Name)
	w.expect()
	signalled := time.Now()
	if err := old.cmd.Process.Signal(signal); err != nil {
		return 0, err
	}
	select {
	case first := <-w.first:
		<-old.done //nolint:errcheck // it was killed: that is its error
		return first.Sub(signalled), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("the successor has launched nothing for %s", patience)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// standbys are the managers: one leads, the others wait.
type standbys struct {
	client  *clientv3.Client
	binary  string
	args    []string
	started int
	running map[string]*process
}

// two waits until two managers stand for election.
func (s *standbys) two(ctx context.Context) error {
	for len(s.running) < 2 {
		s.started++
		name := fmt.Sprintf("m%d", s.started)
		m, err := startManager(ctx, s.binary, append([]string{"--name", name}, s.args...)...)
		if err != nil {
			return err
		}
		s.running[name] = m
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		got, err := s.client.Get(ctx, store.LeaderPrefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		if got.Count == 2 {
			return nil
		}
		if err := sleepUntil(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return err
		}
	}
	return errors.New("two managers run and do not both stand for election")
}

func (s *standbys) stop() {
	for _, m := range s.running {
		_ = m.stop() // its end is not what is measured
	}
}

// launches waits for the successor's first task, as the dev cluster sees it: the first one that was not there before
// a new subscription.
type launches struct {
	mu         sync.Mutex
	seen       map[string]bool // tasks; guarded by mu
	waiting    bool            // for a subscription; guarded by mu
	subscribed bool            // and now for a task; guarded by mu
	first      chan time.Time
}

// tasks counts those seen so far of Jobs whose names begin so.
func (l *launches) tasks(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.seen {
		if strings.HasPrefix(id, "default."+prefix) {
			n++
		}
	}
	return n
}

// expect begins to wait.
func (l *launches) expect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.subscribed = true, false
}

// call is the dev cluster's hook.
func (l *launches) call(kind string, _ <-chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting && strings.EqualFold(kind, "SUBSCRIBE") {
		l.waiting, l.subscribed = false, true
	}
	return true
}

// update is the dev cluster's hook.
func (l *launches) update(taskID, _ string) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.seen[taskID]; !known && l.subscribed {
		l.subscribed = false
		l.first <- now
	}
	l.seen[taskID] = true
	return true
}
