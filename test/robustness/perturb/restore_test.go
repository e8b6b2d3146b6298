package perturb

import (
	"strings"
	"testing"

	"horae/internal/store"
)

// TestARestoredEtcd puts etcd back to an older state while a manager leads: the election's key and lease are in that state too, so that
// only the revisions show it. The manager follows, and what is asked for afterwards is done.
func TestARestoredEtcd(t *testing.T) {
	s := newSite(t)
	s.run(t, newPlan(*seedFlag, nil), scenario{"restore", func(w *world) {
		run := func(n int64) {
			w.request("POST", "jobs/a/trigger", "", "", w.triggered(int(n)))
			w.await("the Run succeeds", w.succeeded(n))
		}
		w.request("POST", "jobs", manual("ok,10ms"), yamlType, func() bool { return w.stored(jobA) != "" })
		run(1)
		backup := w.etcd.Backup()
		run(2)
		run(3)
		w.request("POST", "jobs", strings.Replace(manual("never"), "name: a", "name: b", 1), yamlType, func() bool { return w.stored(store.JobKey("default", "b")) != "" })
		w.request("POST", "jobs/b/trigger", "", "", func() bool { return len(w.view.RunsOf("default", "b")) > 0 })
		w.running()
		w.etcd.Restore(backup)
		for !strings.Contains(w.current().logs.String(), "etcd was restored") {
			if w.ctx.Err() != nil {
				w.fatalf("the manager does not notice")
			}
			w.pause()
		}
		w.await("the Runs since the backup are forgotten", w.succeeded(1))
		run(2)
		ended := func(end string) (n int) {
			for _, id := range w.ran.all() {
				if w.ran.of(id) == end {
					n++
				}
			}
			return n
		}
		w.await("the task whose Run is forgotten is killed", func() bool { return ended("TASK_KILLED") == 1 })
		if n := ended("TASK_FINISHED"); n != 4 {
			t.Errorf("Mesos ran %d tasks to their end, want one for each of four triggers", n)
		}
	}}, "")
}
