package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// TestKillNineAmongDependentJobs: the manager dies again and again while two Jobs run every second and others follow
// them. Afterwards each of their successes has been followed once: by a Run of each Job that follows every end, and by
// one Run for each second in which both succeeded.
func TestKillNineAmongDependentJobs(t *testing.T) {
	t.Parallel()
	dir, witness := t.TempDir(), t.TempDir()
	cluster := start(t, "devcluster", "--listen", "127.0.0.1:0", "--agents", "4", "--resources", "cpus:16;mem:8192;disk:10000", "--work-dir", t.TempDir())
	args := []string{"--mesos-masters", cluster.ready["master"], "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", dir}
	m := start(t, "manager", args...)

	const keep = "history: {succeeded: 1000, failed: 1000}"
	docs := ""
	for _, name := range []string{"a", "b"} {
		docs += fmt.Sprintf(job, name, "schedule: '* * * * * *'\n  missedRuns: All\n  concurrencyPolicy: Allow\n  "+keep, 0, witness, "true", 0)
	}
	for name, policy := range map[string]string{
		"each": "dependsOn: [{job: a}]\n  dependencyPolicy: EachOnce\n  concurrencyPolicy: Allow\n  ",
		"all":  "dependsOn: [{job: a}, {job: b}]\n  ",
		"same": "dependsOn: [{job: a}, {job: b}]\n  dependencyPolicy: SameScheduledTime\n  concurrencyPolicy: Allow\n  ",
	} {
		docs += fmt.Sprintf(job, name, policy+keep, 0, witness, "echo $HORAE_PARENTS > "+witness+"/parents-$HORAE_RUN", 0)
	}
	if r := m.horaeStdin(docs, "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	for i := range 3 {
		eventually(t, "dependent Runs are there", func() string {
			if n := len(runsOf(allRuns(t, m), "same")); n < 3*(i+1) {
				return fmt.Sprintf("%d", n)
			}
			return ""
		})
		m.kill()
		time.Sleep(time.Second) // some end while nobody looks
		m = start(t, "manager", args...)
	}
	m.must("suspend", "a")
	m.must("suspend", "b")
	eventually(t, "everything is followed", func() string {
		all := allRuns(t, m)
		for _, r := range all {
			if !r.Status.Phase.Terminal() {
				return fmt.Sprintf("%s is %s", r.Name, r.Status.Phase)
			}
		}
		return checkFollowed(all)
	})
	for _, r := range allRuns(t, m) {
		if r.Spec.Reason != v1.ReasonDependency || r.Status.Phase != v1.RunSucceeded {
			continue
		}
		got, err := os.ReadFile(filepath.Join(witness, "parents-"+r.Name))
		if want := strings.Join(r.Spec.Parents, ","); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("HORAE_PARENTS of %s: %q, %v; want %q", r.Name, got, err, want)
		}
	}
	var list v1.JobList
	decode(t, m.must("get", "jobs", "-o", "json"), &list)
	for _, j := range list.Items {
		if len(j.Spec.DependsOn) > 0 && j.Status.Missed+j.Status.Skipped > 0 {
			t.Errorf("%s has not followed everything: %+v", j.Name, j.Status.NotRun)
		}
	}
	if out := m.must("graph"); !strings.Contains(out, "SameScheduledTime   a, b") {
		t.Errorf("graph: %s", out)
	}
}

// checkFollowed compares the Runs of the parents with those that follow them.
func checkFollowed(all []v1.Run) string {
	followed := map[string]int{} // by Job and parent's Run
	times := map[time.Time]int{}
	for _, r := range all {
		for _, parent := range r.Spec.Parents {
			if followed[r.Spec.Job+" "+parent]++; followed[r.Spec.Job+" "+parent] > 1 {
				return fmt.Sprintf("%s has followed %s twice", r.Spec.Job, parent)
			}
		}
		if r.Spec.Job == "same" {
			if times[r.Spec.ScheduledTime.UTC()]++; times[r.Spec.ScheduledTime.UTC()] > 1 {
				return fmt.Sprintf("same has run twice for %s", r.Spec.ScheduledTime)
			}
		}
	}
	succeeded := map[time.Time]int{}
	for _, job := range []string{"a", "b"} {
		for _, r := range runsOf(all, job) {
			if r.Status.Phase != v1.RunSucceeded {
				continue
			}
			succeeded[r.Spec.ScheduledTime.UTC()]++
			if job == "a" && followed["each "+r.Name] != 1 {
				return fmt.Sprintf("each has not followed %s", r.Name)
			}
		}
	}
	for at, n := range succeeded {
		if n == 2 && times[at] != 1 {
			return fmt.Sprintf("same has not run for %s", at)
		}
	}
	if len(runsOf(all, "all")) == 0 {
		return "all has not run"
	}
	return ""
}

func runsOf(all []v1.Run, job string) []v1.Run {
	var list []v1.Run
	for _, r := range all {
		if r.Spec.Job == job {
			list = append(list, r)
		}
	}
	return list
}

// checkPipeline sees that what follows the triggered Job has run.
func checkPipeline(t *testing.T, m *process) {
	t.Helper()
	eventually(t, "the report is written", func() string {
		for _, job := range []string{"load", "publish"} {
			list := runsOf(allRuns(t, m), job)
			if len(list) != 1 || list[0].Status.Phase != v1.RunSucceeded {
				return fmt.Sprintf("Runs of %s: %d", job, len(list))
			}
		}
		return ""
	})
	if list := runsOf(allRuns(t, m), "alarm"); len(list) > 0 {
		t.Errorf("the alarm has run: %+v", list)
	}
}
