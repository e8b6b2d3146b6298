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
	"horae/internal/leader"
	"horae/internal/store"
)

// takeover measures how long nothing is launched when the leader goes.
type takeover struct {
	manager string
	lease   time.Duration
	rounds  int
	jobs    int
}

// patience with a successor that does not come.
const patience = time.Minute

func (t takeover) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "horae-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	etcd, endpoint, err := startEtcd(dir + "/etcd")
	if err != nil {
		return err
	}
	defer etcd.Close()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer client.Close()
	cluster, err := devcluster.Start(ctx, devcluster.Config{Listen: "127.0.0.1:0", Agents: 10, Simulate: true, Resources: "cpus:64;mem:65536;disk:100000", WorkDir: dir + "/work"})
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
		args: []string{"--config", config, "--etcd-endpoints", endpoint, "--mesos-masters", cluster.URL(), "--listen", "127.0.0.1:0"}}
	defer s.stop()
	if err := t.fill(ctx, endpoint); err != nil {
		return err
	}
	return t.measure(ctx, s, w)
}

// fill writes Jobs that are due once a second, evenly spread over it: something is always about to start.
func (t takeover) fill(ctx context.Context, endpoint string) error {
	origin := time.Now().Truncate(time.Second).UTC()
	return putAll(ctx, endpoint, t.jobs, func(i int) (string, string) {
		start := origin.Add(time.Duration(i) * time.Second / time.Duration(t.jobs)).Truncate(time.Millisecond)
		return job(fmt.Sprintf("load-%d", i), "R/"+start.Format("2006-01-02T15:04:05.000Z")+"/PT1S")
	})
}

func (t takeover) measure(ctx context.Context, s *standbys, w *launches) error {
	fmt.Printf("two managers, a lease of %s, %d Jobs due each second; %d rounds each\n", t.lease, t.jobs, t.rounds)
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
			end.name, median.Round(time.Millisecond), longest.Round(time.Millisecond), median.Seconds()/t.lease.Seconds(), longest.Seconds()/t.lease.Seconds())
	}
	return nil
}

// round ends the leader, and tells how long it was until its successor's first launch.
func (t takeover) round(ctx context.Context, s *standbys, w *launches, signal syscall.Signal) (time.Duration, error) {
	if err := s.two(ctx); err != nil {
		return 0, err
	}
	// At any time of the lease's refreshment, which comes three times in its life; and after the leader has got to work.
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
	told := time.Now()
	if err := old.cmd.Process.Signal(signal); err != nil {
		return 0, err
	}
	select {
	case first := <-w.first:
		<-old.done //nolint:errcheck // it was killed: that is its error
		return first.Sub(told), nil
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

// two sees to it that two managers stand for election.
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

// launches waits for the successor's first task, as the dev cluster sees it: the first one that was not there before a new
// subscription.
type launches struct {
	mu         sync.Mutex
	seen       map[string]bool // tasks; guarded by mu
	waiting    bool            // for a subscription; guarded by mu
	subscribed bool            // and now for a task; guarded by mu
	first      chan time.Time
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
