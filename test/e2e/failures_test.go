package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/etcdtest"
)

var (
	withPrefix = clientv3.WithPrefix()
	keysOnly   = clientv3.WithKeysOnly()
)

// TestStartFailuresSayWhatToDo: what stands in the way of a start is named, with what would help.
func TestStartFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	running := dev(t)
	lockedDir := dataDir(running)
	file := filepath.Join(t.TempDir(), "file")
	touch(t, file)

	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"the API's port is taken":         {[]string{"--dev", "--listen", taken}, []string{taken, "--listen"}},
		"etcd's port is taken":            {[]string{"--dev", "--etcd-listen", taken}, []string{taken, "--etcd-listen", "--etcd-endpoints"}},
		"the dev cluster's port is taken": {[]string{"--dev", "--devcluster-listen", taken}, []string{taken, "--devcluster-listen"}},
		"the data directory is in use":    {[]string{"--dev", "--data-dir", lockedDir}, []string{lockedDir, "in use", "--data-dir"}},
		"the data directory is a file":    {[]string{"--dev", "--data-dir", file}, []string{file, "--data-dir"}},
		"an etcd endpoint that is none":   {[]string{"--dev", "--etcd-endpoints", "etcd"}, []string{"etcd.endpoints[0]", "host:port"}},
		"neither masters nor --dev":       {nil, []string{"mesos.masters", "--dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--devcluster-listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, tc.args...)
			p := launch(t, "manager", args...)
			if code := p.exit(); code == 0 {
				t.Errorf("exit code 0, want a failure")
			}
			for _, w := range tc.want {
				if !strings.Contains(p.log.String(), w) {
					t.Errorf("it does not say %q:\n%s", w, p.log)
				}
			}
		})
	}
}

// TestEtcdMayComeLater: managers and etcd may be started in any order. A manager without etcd lives, says what it waits for, serves
// nothing in place of what it does not know, and goes on by itself.
func TestEtcdMayComeLater(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.New(t)
	etcd.Stop()
	listen := deserted(t)
	m := launch(t, "manager", "--dev", "--listen", listen, "--etcd-endpoints", etcd.Endpoint, "--devcluster-listen", "127.0.0.1:0", "--data-dir", t.TempDir())
	api := "http://" + listen
	eventually(t, "the log says that it waits for etcd", func() string {
		if s := m.log.String(); !strings.Contains(s, "Waiting for etcd") {
			return "it says only this: " + s
		}
		return ""
	})
	if body := get(t, api+"/livez"); body != "ok" {
		t.Errorf("/livez: %s", body)
	}
	if body := get(t, api+"/readyz"); !strings.Contains(body, "etcd does not answer") {
		t.Errorf("/readyz does not say what it waits for: %s", body)
	}
	m.ready = map[string]string{"api": api}
	if r := m.horae("get", "jobs"); r.code == 0 || !strings.Contains(r.err, "etcd does not answer") {
		t.Errorf("get jobs: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	etcd.Restart()
	m.ready = <-m.readyLine
	m.must("apply", "-f", filepath.Join(manifests, "manual.yaml"))
	m.must("trigger", "report", "--wait")

	// One that gets SIGTERM while it waits stops.
	etcd.Stop()
	waits := launch(t, "manager", "--dev", "--listen", "127.0.0.1:0", "--etcd-endpoints", etcd.Endpoint, "--devcluster-listen", "127.0.0.1:0", "--data-dir", t.TempDir())
	eventually(t, "it waits", func() string {
		if s := waits.log.String(); !strings.Contains(s, "Waiting for etcd") {
			return "it says only this: " + s
		}
		return ""
	})
	waits.stop()
	if code := waits.exit(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	etcd.Restart()
}

// TestUnreachableMesosIsSaid: a manager whose master does not answer says so, is not ready, takes work meanwhile, and goes on by
// itself once the master answers.
func TestUnreachableMesosIsSaid(t *testing.T) {
	t.Parallel()
	address := deserted(t)
	m := start(t, "manager", "--mesos-masters", "http://"+address, "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", t.TempDir())
	eventually(t, "the log says that the master does not answer", func() string {
		if s := m.log.String(); !strings.Contains(s, address) {
			return "it says only this: " + s
		}
		return ""
	})
	if body := get(t, m.ready["api"]+"/readyz?verbose"); !strings.Contains(body, "mesos") {
		t.Errorf("/readyz does not name mesos: %s", body)
	}
	// Work that is given meanwhile waits, and runs when the master comes.
	m.must("apply", "-f", filepath.Join(manifests, "manual.yaml"))
	m.must("trigger", "report")
	start(t, "devcluster", "--listen", address, "--work-dir", t.TempDir())
	eventually(t, "the waiting Run has run", func() string {
		if r := lastManualRun(t, m, "report"); r.Status.Phase != "Succeeded" {
			return string(r.Status.Phase) + " " + r.Status.Message
		}
		return ""
	})
}

// TestStopIsOrderly: SIGTERM ends the manager with code 0, gives the lead up at once, and a new one goes on with what is there.
func TestStopIsOrderly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--dev", "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--devcluster-listen", "127.0.0.1:0", "--data-dir", dir}
	m := start(t, "manager", args...)
	m.must("apply", "-f", filepath.Join(manifests, "manual.yaml"))
	m.must("trigger", "report", "--wait")
	m.stop()
	if code := m.exit(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}

	m = start(t, "manager", args...)
	if r := lastManualRun(t, m, "report"); r.Status.Phase != "Succeeded" {
		t.Errorf("the Run of before is %s, want Succeeded", r.Status.Phase)
	}
	m.must("trigger", "report", "--wait")
	got, err := m.etcd().Get(context.Background(), "/horae/system/leader/", withPrefix, keysOnly)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 {
		t.Errorf("%d leader keys, want 1: the stopped manager has left its own", len(got.Kvs))
	}
}

// deserted is an address where nobody listens, and which nobody gets who asks for any free port: those, and the ports of tasks,
// are above it.
func deserted(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
}

// dataDir is the --data-dir that the process was started with.
func dataDir(p *process) string {
	for i, a := range p.cmd.Args {
		if a == "--data-dir" {
			return p.cmd.Args[i+1]
		}
	}
	return ""
}
