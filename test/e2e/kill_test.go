package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// TestKillNineWithAHundredActiveRuns: the manager dies while a hundred Runs are active; after the next start every Run reaches its
// right end, none has run twice, and no occurrence is lost.
//
// The tasks themselves are the witnesses: each appends a line to a file when it starts.
func TestKillNineWithAHundredActiveRuns(t *testing.T) {
	t.Parallel()
	const manual = 90
	dir, witness := t.TempDir(), t.TempDir()
	cluster := start(t, "devcluster", "--listen", "127.0.0.1:0", "--agents", "4", "--resources", "cpus:16;mem:8192;disk:10000", "--work-dir", t.TempDir())
	args := []string{"--mesos-masters", cluster.ready["master"], "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", dir}
	m := start(t, "manager", args...)

	// Ten Jobs run every second and make up for all that they miss; three more are triggered thirty times each.
	var docs strings.Builder
	for i := range 10 {
		fmt.Fprintf(&docs, job, fmt.Sprintf("tick%d", i), "schedule: '* * * * * *'\n  missedRuns: All\n  concurrencyPolicy: Allow\n  history: {succeeded: 1000, failed: 1000}", 0, witness, "sleep 2", 0)
	}
	// They go on until they are released, however long it takes to trigger them all.
	early, late := filepath.Join(t.TempDir(), "early"), filepath.Join(t.TempDir(), "late")
	for i, exit := range []int{0, 0, 7} {
		release := early
		if i == 1 {
			release = late
		}
		fmt.Fprintf(&docs, job, fmt.Sprintf("long%d", i), "concurrencyPolicy: Allow\n  history: {succeeded: 1000, failed: 1000}", 0, witness,
			"until test -e "+release+"; do sleep 1; done", exit)
	}
	began := time.Now()
	if r := m.horaeStdin(docs.String(), "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	for i := range manual {
		m.must("trigger", fmt.Sprintf("long%d", i%3))
	}
	eventually(t, "a hundred Runs are active", func() string {
		if n := count(allRuns(t, m), v1.RunRunning); n < 100 {
			return fmt.Sprintf("%d are Running", n)
		}
		return ""
	})

	m.kill()
	touch(t, early)
	time.Sleep(3 * time.Second) // some end, and some occurrences come due, while nobody looks
	m = start(t, "manager", args...)
	touch(t, late)

	eventually(t, "all triggered Runs have ended", func() string {
		for _, r := range allRuns(t, m) {
			if r.Spec.Reason == v1.ReasonManual && !r.Status.Phase.Terminal() {
				return fmt.Sprintf("%s is %s: %s", r.Name, r.Status.Phase, r.Status.Message)
			}
		}
		return ""
	})
	ended := time.Now()
	eventually(t, "every Job runs on time again", func() string {
		since := map[string]bool{}
		for _, r := range allRuns(t, m) {
			if r.Spec.Reason == v1.ReasonSchedule && r.Spec.ScheduledTime.After(ended) {
				since[r.Spec.Job] = true
			}
		}
		if len(since) < 10 {
			return fmt.Sprintf("%d of 10", len(since))
		}
		return ""
	})
	for i := range 10 {
		m.must("suspend", fmt.Sprintf("tick%d", i))
	}
	eventually(t, "all Runs have ended", func() string {
		for _, r := range allRuns(t, m) {
			if !r.Status.Phase.Terminal() {
				return fmt.Sprintf("%s is %s: %s", r.Name, r.Status.Phase, r.Status.Message)
			}
		}
		return ""
	})

	all := allRuns(t, m)
	checkEnds(t, all, witness, manual)
	checkOccurrences(t, all, began, ended)
}

const job = `
---
apiVersion: horae/v1
kind: Job
metadata: {name: %s}
spec:
  %s
  retries: {limit: %d}
  task:
    resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}
    shell: |
      echo start >> %s/$HORAE_RUN
      %s
      exit %d
`

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkEnds compares what the tasks themselves left on disk with what Horae says of them.
func checkEnds(t *testing.T, all []v1.Run, witness string, manual int) {
	t.Helper()
	seen, made := map[string]bool{}, 0
	for _, r := range all {
		seen[r.Name] = true
		want := v1.RunSucceeded
		if r.Spec.Job == "long2" {
			want = v1.RunFailed
		}
		if r.Status.Phase != want {
			t.Errorf("%s ended %s (%s %s), want %s", r.Name, r.Status.Phase, r.Status.Reason, r.Status.Message, want)
		}
		if r.Spec.Reason == v1.ReasonManual {
			made++
		}
		left, err := os.ReadFile(filepath.Join(witness, r.Name))
		if err != nil {
			t.Errorf("%s is %s but never started: %v", r.Name, r.Status.Phase, err)
		}
		if n := strings.Count(string(left), "start"); n != 1 {
			t.Errorf("%s started %d times, want once", r.Name, n)
		}
	}
	if made != manual {
		t.Errorf("%d manual Runs are there, want %d", made, manual)
	}
	files, err := os.ReadDir(witness)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f.Name()] {
			t.Errorf("%s has run, and no Run has it as an attempt", f.Name())
		}
	}
}

// checkOccurrences: each tick Job has a Run for every second from its first to its last.
func checkOccurrences(t *testing.T, all []v1.Run, began, ended time.Time) {
	t.Helper()
	times := map[string][]int64{}
	for _, r := range all {
		if r.Spec.Reason == v1.ReasonSchedule {
			times[r.Spec.Job] = append(times[r.Spec.Job], r.Spec.ScheduledTime.Unix())
		}
	}
	if len(times) != 10 {
		t.Errorf("%d Jobs have scheduled Runs, want 10", len(times))
	}
	for job, at := range times {
		slices.Sort(at)
		for i := 1; i < len(at); i++ {
			if at[i] != at[i-1]+1 {
				t.Errorf("%s: after %d comes %d: an occurrence is lost or doubled", job, at[i-1], at[i])
			}
		}
		if first := at[0]; first < began.Unix() || first > began.Unix()+30 {
			t.Errorf("%s: the first occurrence is %d, applied at %d", job, first, began.Unix())
		}
		if last := at[len(at)-1]; last < ended.Unix()-30 { // A manager that is late is not one that has stopped.
			t.Errorf("%s: the last occurrence is %d, suspended at %d", job, last, ended.Unix())
		}
	}
}

func allRuns(t *testing.T, m *process) []v1.Run {
	t.Helper()
	var list v1.RunList
	decode(t, m.must("get", "runs", "-o", "json"), &list)
	return list.Items
}

func count(all []v1.Run, phase v1.RunPhase) (n int) {
	for _, r := range all {
		if r.Status.Phase == phase {
			n++
		}
	}
	return n
}

// get asks for a URL and returns the body, whatever the status.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
