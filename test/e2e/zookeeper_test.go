package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	v1 "horae/api/v1"
	"horae/internal/zookeepertest"
)

// TestZooKeeperFindsTheMaster: the manager finds its master in ZooKeeper, waits there for one that is not yet, goes on while
// ZooKeeper is away, and follows the election to a master elsewhere.
func TestZooKeeperFindsTheMaster(t *testing.T) {
	z := zookeepertest.Start(t)
	m := start(t, "manager", "--mesos-masters", "zk://horae:s3cret@"+z.Address+"/mesos", "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0",
		"--data-dir", t.TempDir(), "-v", "1")
	readyz(t, m, "mesos", "does not exist")

	// 1. The path appears, and a master with it.
	host := func(p *process) string { return strings.TrimPrefix(p.ready["master"], "http://") }
	first := start(t, "devcluster", "--listen", "127.0.0.1:0", "--work-dir", t.TempDir())
	acl := append(zk.DigestACL(zk.PermRead, "horae", "s3cret"), zk.WorldACL(zk.PermCreate|zk.PermDelete)...)
	leader := z.Elect("/mesos", host(first), acl...)
	m.horaeStdin(helloJob, "apply", "-f", "-")
	runsSucceed(t, m, 1)

	// 2. ZooKeeper dies: the subscription goes on, and so does the work.
	z.Kill()
	eventually(t, "the manager notices", func() string {
		if !strings.Contains(m.log.String(), "ZooKeeper is away") {
			return "not in its log"
		}
		return ""
	})
	runsSucceed(t, m, 2)
	// Even a subscription that breaks meanwhile is made again: at the master that was known last.
	z.Restart()
	runsSucceed(t, m, 3)

	// 3. The master moves to another port, its agents too.
	first.kill()
	leader.Resign()
	readyz(t, m, "mesos", "no Mesos master stands for election")
	second := start(t, "devcluster", "--listen", "127.0.0.1:0", "--work-dir", t.TempDir())
	z.Elect("/mesos", host(second), acl...)
	runsSucceed(t, m, 4)

	// 4. Another master is elected while this one still answers.
	third := start(t, "devcluster", "--listen", "127.0.0.1:0", "--work-dir", t.TempDir())
	c := z.Client()
	if err := c.AddAuth("digest", []byte("horae:s3cret")); err != nil {
		t.Fatal(err)
	}
	children, _, err := c.Children("/mesos")
	if err != nil || len(children) != 1 {
		t.Fatalf("one master stands for election: %v, %v", children, err)
	}
	z.Elect("/mesos", host(third), acl...)
	if err := c.Delete("/mesos/"+children[0], -1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deposed master is left", func() string {
		if !strings.Contains(m.log.String(), "another Mesos master is named as the leader: "+host(third)) {
			return "not in the log"
		}
		return ""
	})
	runsSucceed(t, m, 5)
	if log := m.log.String(); strings.Contains(log, "s3cret") {
		t.Error("the log holds the password")
	}
}

const helloJob = `
apiVersion: horae/v1
kind: Job
metadata: {name: hello}
spec: {task: {shell: 'echo hello'}, history: {succeeded: 100}}
`

// runsSucceed triggers the Job once more, until so many Runs have succeeded.
func runsSucceed(t *testing.T, m *process, n int) {
	t.Helper()
	m.must("trigger", "hello")
	eventually(t, fmt.Sprintf("%d Runs have succeeded", n), func() string {
		if all := allRuns(t, m); count(all, v1.RunSucceeded) != n {
			return fmt.Sprintf("%d of %d", count(all, v1.RunSucceeded), len(all))
		}
		return ""
	})
}

// readyz waits until a check of /readyz fails and says so.
func readyz(t *testing.T, m *process, check, says string) {
	t.Helper()
	eventually(t, "/readyz says "+says, func() string {
		resp, err := http.Get(m.ready["api"] + "/readyz?verbose")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		for line := range strings.Lines(string(body)) {
			if resp.StatusCode != http.StatusOK && strings.Contains(line, check) && strings.Contains(line, says) {
				return ""
			}
		}
		return string(body)
	})
}
