package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommandsThatWaitOutliveTheirManager: the manager ends in order, then by kill -9, while three commands wait for a Run and
// show its output. Each goes on with the next manager at the address, at the byte where it was, and ends as the Run does.
func TestCommandsThatWaitOutliveTheirManager(t *testing.T) {
	t.Parallel()
	cluster := start(t, "devcluster", clusterArgs("127.0.0.1:0", t.TempDir())...)
	args := []string{"--mesos-masters", cluster.ready["master"], "--listen", deserted(t), "--etcd-listen", "127.0.0.1:0", "--data-dir", t.TempDir()}
	m := start(t, "manager", args...)
	release := filepath.Join(t.TempDir(), "release")
	r := m.horaeStdin(fmt.Sprintf(`
apiVersion: horae/v1
kind: Job
metadata: {name: waits}
spec:
  retries: {limit: 0}
  task:
    resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}
    shell: echo before; until test -e %s; do sleep 1; done; echo behind; exit 3
`, release), "apply", "-f", "-")
	if r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	server := []string{"HORAE_SERVER=" + m.ready["api"]}
	follow := launchWith(t, server, "horae", "trigger", "waits", "--follow")
	has := func(p *process, text string, times int) {
		t.Helper()
		eventually(t, "it prints "+text, func() string {
			if strings.Count(p.log.String(), text) >= times {
				return ""
			}
			return "it printed " + p.log.String()
		})
	}
	has(follow, "before\n", 1)
	logs := launchWith(t, server, "horae", "logs", "waits", "-f")
	has(logs, "before\n", 1)
	wait := launchWith(t, server, "horae", "trigger", "waits", "--force", "--wait")
	has(wait, "created\n", 1)

	for i, end := range []func(){m.stop, func() { m.kill() }} {
		end()
		for _, p := range []*process{follow, logs, wait} {
			has(p, "Lost http://", i+1)
		}
		m = start(t, "manager", args...)
		for _, p := range []*process{follow, logs, wait} {
			has(p, "Connected to http://", i+1)
		}
	}
	touch(t, release)
	for _, tt := range []struct {
		name string
		*process
		code int
	}{{"trigger --follow", follow, 1}, {"logs -f", logs, 0}, {"trigger --wait", wait, 1}} {
		if code := tt.exit(); code != tt.code {
			t.Errorf("%s: exit code %d, want %d:\n%s", tt.name, code, tt.code, tt.log)
		}
	}
	for _, p := range []*process{follow, logs} {
		if text := p.log.String(); strings.Count(text, "before\n") != 1 || strings.Count(text, "behind\n") != 1 {
			t.Errorf("the output is not there exactly once:\n%s", text)
		}
	}
	if n := len(runs(t, m, "waits")); n != 2 {
		t.Errorf("%d Runs, want 2", n)
	}
}
