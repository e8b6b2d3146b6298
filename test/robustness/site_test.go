package robustness

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"horae/internal/etcdtest"
	"horae/internal/leader"
)

// patience ends a run that would otherwise hang; nothing waits for it in full when all is well.
const patience = 2 * time.Minute

func patient() <-chan time.Time { return time.After(patience) }

// The size of a site.
const (
	managers = 3
	members  = 3
	agents   = 3
)

// Managers lead for two seconds at least: leases, like outages, are not compressed with the Jobs.
const managerConfig = `
leader: {leaseTTL: 2s}
etcd: {requestTimeout: 2s}
`

// site is everything that takes part in a run: managers over an etcd of several members and one dev cluster. Between each manager and
// each member, and between each manager and the master, there is a proxy.
type site struct {
	t        *testing.T
	dir      string // logs, and what the tasks wrote
	witness  string
	etcd     *etcdtest.Cluster
	client   *clientv3.Client // of etcd, past the proxies
	managers []*process
	cluster  *process
	// etcdLinks are the proxies of each manager to each member, masterLinks those of each manager to the master.
	etcdLinks   [][]*etcdtest.Proxy
	masterLinks []*etcdtest.Proxy
}

func newSite(t *testing.T, dir string) *site {
	t.Helper()
	s := &site{t: t, dir: dir, witness: filepath.Join(dir, "witness")}
	if err := os.MkdirAll(s.witness, 0o777); err != nil {
		t.Fatal(err)
	}
	s.etcd = etcdtest.NewCluster(t, members, etcdtest.WithPartitions())
	var err error
	if s.client, err = clientv3.New(clientv3.Config{Endpoints: s.etcd.Endpoints(), DialTimeout: patience, Logger: zap.NewNop()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })

	// Intervals that leave an outage of seconds time to be noticed: a silent master after 2.5 s, an agent after 5 s.
	s.cluster = newProcess(t, dir, "devcluster", "devcluster", "--listen", "127.0.0.1:0", "--faults", "127.0.0.1:0", "--agents", fmt.Sprint(agents),
		"--resources", "cpus:16;mem:8192;disk:10000", "--work-dir", filepath.Join(dir, "devcluster"),
		"--heartbeat-interval", "500ms", "--agent-ping-timeout", "1s", "--update-retry", "1s", "--executor-startup", "200ms")
	s.cluster.start()
	if err := s.cluster.waitReady(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "manager.yaml")
	if err := os.WriteFile(config, []byte(managerConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range managers {
		var links []*etcdtest.Proxy
		var endpoints []string
		for _, e := range s.etcd.Endpoints() {
			p := etcdtest.NewProxy(t, e)
			links, endpoints = append(links, p), append(endpoints, p.Endpoint)
		}
		master := etcdtest.NewProxy(t, s.cluster.value("master"))
		s.etcdLinks, s.masterLinks = append(s.etcdLinks, links), append(s.masterLinks, master)
		name := string(rune('a' + i))
		m := newProcess(t, dir, "manager-"+name, "manager", "--name", name, "--config", config, "--listen", "127.0.0.1:0",
			"--etcd-endpoints", strings.Join(endpoints, ","), "--mesos-masters", master.Endpoint, "-v", "1")
		s.managers = append(s.managers, m)
		m.start()
	}
	for _, m := range s.managers {
		if err := m.waitReady(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// startCluster starts the dev cluster again, with its tasks' files but without its memory, and waits until it is ready. It is reached by
// the proxies as before.
func (s *site) startCluster() {
	s.cluster.start()
	if err := s.cluster.waitReady(); err != nil {
		s.t.Error(err)
		return
	}
	u, err := url.Parse(s.cluster.value("master"))
	if err != nil {
		s.t.Error(err)
		return
	}
	for _, p := range s.masterLinks {
		p.Retarget(u.Host)
	}
}

// short bounds a question that may remain unanswered while faults are about.
func (s *site) short() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.t.Context(), time.Second)
}

// leads is the manager that leads, according to etcd; false when that is not known.
func (s *site) leads() (int, bool) {
	ctx, cancel := s.short()
	defer cancel()
	id, err := leader.Leader(ctx, s.client)
	if err != nil || len(id.Name) != 1 {
		return 0, false
	}
	return int(id.Name[0] - 'a'), true
}

// etcdLeads is the member that leads, by its own account.
func (s *site) etcdLeads() (int, bool) {
	for i, e := range s.etcd.Endpoints() {
		ctx, cancel := s.short()
		status, err := s.etcd.Member(i).Status(ctx, e)
		cancel()
		if err == nil && status.Leader == status.Header.MemberId {
			return i, true
		}
	}
	return 0, false
}

// breakCluster asks the dev cluster for a fault.
func (s *site) breakCluster(path string) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cluster.value("faults")+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	return nil
}

// killTasks kills every other process that works in a sandbox, and returns how many these were.
func (s *site) killTasks(pick int) (killed int, err error) {
	sandboxes := filepath.Join(s.dir, "devcluster") + "/"
	dirs, err := filepath.Glob("/proc/[0-9]*/cwd")
	for _, dir := range dirs {
		at, err := os.Readlink(dir)
		if err != nil || !strings.HasPrefix(at, sandboxes) { // it has ended, or is none
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if pick++; err == nil && pick%2 == 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed, err
}

// resurrect starts what has ended by itself, and returns what that was.
func (s *site) resurrect() (names []string) {
	for _, p := range append([]*process{s.cluster}, s.managers...) {
		if p.ended() {
			names = append(names, p.name)
			p.start()
		}
	}
	return names
}
