package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestMakeRun: hack/run.sh, which is `make run`, starts the system and applies the sample Jobs to the manager that it started, though
// the environment names another one. A signal ends all of it.
func TestMakeRun(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	clone := t.TempDir()
	script, err := os.ReadFile(filepath.Join(root, "hack/run.sh"))
	if err != nil {
		t.Fatal(err)
	}
	hack := filepath.Join(clone, "hack")
	for _, err := range []error{
		os.Mkdir(hack, 0o755), os.WriteFile(filepath.Join(hack, "run.sh"), script, 0o755),
		os.Symlink(bin, filepath.Join(clone, "bin")), os.Symlink(filepath.Join(root, "manifests"), filepath.Join(clone, "manifests")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	name, err := filepath.Rel(bin, filepath.Join(hack, "run.sh"))
	if err != nil {
		t.Fatal(err)
	}
	var p *process
	t.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }) // after the one that stops p in order
	p = launchWith(t, []string{"HORAE_SERVER=" + other.URL}, name, "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0",
		"--devcluster-listen", "127.0.0.1:0", "--data-dir", t.TempDir())
	eventually(t, "the sample Jobs are applied", func() string {
		select {
		case <-p.done:
			t.Fatal("it has ended")
		default:
		}
		if !strings.Contains(p.log.String(), "\nCtrl-C stops the system") {
			return "it does not say what to try next"
		}
		return ""
	})
	_, line, _ := strings.Cut(p.log.String(), "manager ready ")
	line, _, _ = strings.Cut(line, "\n")
	p.ready = fields(line)
	if out := p.must("get", "jobs", "-o", "name"); !strings.Contains(out, "job.horae/hello\n") {
		t.Errorf("the sample Jobs are not there:\n%s", out)
	}
	if advice := "export HORAE_SERVER=" + p.ready["api"] + "\n"; !strings.Contains(p.log.String(), advice) {
		t.Errorf("it does not say how other terminals reach it: %q", advice)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went to another manager", n)
	}
	p.stop()
	if r := p.horae("get", "jobs"); r.code == 0 {
		t.Error("the manager goes on after make run has ended")
	}
}
