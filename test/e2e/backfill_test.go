package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	v1 "horae/api/v1"
)

// backfillNamed reads a Backfill.
func backfillNamed(t *testing.T, m *process, name string) v1.Backfill {
	t.Helper()
	var b v1.Backfill
	decode(t, m.must("get", "backfill", name, "-o", "json"), &b)
	return b
}

// TestBackfillOverKillNine: the manager dies twice in the middle of a Backfill, beside a Job that runs every second. In
// the end each occurrence has run once, and each end is counted; the other Job has left nothing out. The tasks are the
// witnesses: each appends a line to a file of its occurrence when it starts.
func TestBackfillOverKillNine(t *testing.T) {
	t.Parallel()
	const hours = 60
	dir, witness := t.TempDir(), t.TempDir()
	cluster := start(t, "devcluster", "--listen", "127.0.0.1:0", "--agents", "2", "--resources", "cpus:16;mem:8192;disk:10000", "--work-dir", t.TempDir())
	args := []string{"--mesos-masters", cluster.ready["master"], "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", dir}
	m := start(t, "manager", args...)
	docs := fmt.Sprintf(`
apiVersion: horae/v1
kind: Job
metadata: {name: past}
spec:
  schedule: "0 * * * *"
  history: {succeeded: 3, failed: 3}
  task: {shell: "echo $HORAE_RUN >> %s/$HORAE_SCHEDULED_TIME; sleep 0.2", resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}}
---
apiVersion: horae/v1
kind: Job
metadata: {name: tick}
spec:
  schedule: "* * * * * *"
  missedRuns: All
  task: {shell: "true", resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}}
`, witness)
	if r := m.horaeStdin(docs, "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	m.must("backfill", "past", "--from", "2024-02-28", "--to", "2024-03-01T12:00:00Z", "--parallel", "4", "--name", "leap")
	for _, done := range []int64{5, 25} {
		eventually(t, "the Backfill gets on", func() string {
			if s := backfillNamed(t, m, "leap").Status; s.Done < done {
				return fmt.Sprintf("status %+v", s)
			}
			return ""
		})
		m.kill()
		m = start(t, "manager", args...)
	}
	eventually(t, "the Backfill finishes", func() string {
		if s := backfillNamed(t, m, "leap").Status; !meta.IsStatusConditionTrue(s.Conditions, v1.BackfillFinished) {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})
	if s := backfillNamed(t, m, "leap").Status; s.Total != hours || s.Succeeded != hours || s.Failed != 0 || s.Skipped != 0 {
		t.Errorf("status %+v", s)
	}
	files, err := os.ReadDir(witness)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != hours {
		t.Errorf("%d occurrences have run, want %d", len(files), hours)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(witness, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n != 1 {
			t.Errorf("%s has run %d times: %s", f.Name(), n, data)
		}
	}
	var tick v1.Job
	decode(t, m.must("get", "job", "tick", "-o", "json"), &tick)
	if s := tick.Status; s.Skipped+s.Missed > 0 || s.Succeeded == 0 {
		t.Errorf("the schedule beside it: %+v", s)
	}
}

// TestABackfillIsPausedAndCancelled: suspension starts nothing more and cancels nothing; deletion cancels what is active.
func TestABackfillIsPausedAndCancelled(t *testing.T) {
	t.Parallel()
	m := dev(t)
	const docs = `
apiVersion: horae/v1
kind: Job
metadata: {name: slow}
spec:
  schedule: "@daily"
  task: {shell: "until test -e $HOME/go; do sleep 0.1; done", resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}}
`
	release := filepath.Join(t.TempDir(), "go")
	if r := m.horaeStdin(strings.ReplaceAll(docs, "$HOME/go", release), "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	m.must("backfill", "slow", "--from", "2024-01-01", "--to", "2024-02-01", "--parallel", "2", "--name", "january")
	running := func(n int) {
		t.Helper()
		eventually(t, "Runs are running", func() string {
			if all := runs(t, m, "slow"); count(all, v1.RunRunning) != n {
				return fmt.Sprintf("%d of %d run, want %d", count(all, v1.RunRunning), len(all), n)
			}
			return ""
		})
	}
	running(2)
	m.must("suspend", "backfill/january")
	touch(t, release)
	eventually(t, "the active Runs go on to their ends", func() string {
		if s := backfillNamed(t, m, "january").Status; s.Succeeded != 2 || s.ActiveCount != 0 {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})
	if err := os.Remove(release); err != nil {
		t.Fatal(err)
	}
	if all := runs(t, m, "slow"); len(all) != 2 {
		t.Errorf("%d Runs were made", len(all))
	}
	m.must("resume", "backfill", "january")
	running(2)
	m.must("delete", "backfill", "january")
	eventually(t, "the active Runs are cancelled", func() string {
		all := runs(t, m, "slow")
		if count(all, v1.RunKilled) != 2 || len(all) != 4 {
			return fmt.Sprintf("%d of %d are Killed", count(all, v1.RunKilled), len(all))
		}
		return ""
	})
	// What was cancelled can be repeated.
	touch(t, release)
	began := time.Now()
	r := m.horae("backfill", "slow", "--from", "2024-01-01", "--to", "2024-01-06", "--runs", "Failed", "--parallel", "5", "--wait")
	if r.code != 0 || !strings.Contains(r.out, "5 of 5 done, 2 succeeded, 0 failed, 3 skipped (3 NotFailed)") {
		t.Errorf("after %v: %+v", time.Since(began), r)
	}
}
