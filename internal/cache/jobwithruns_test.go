package cache

import (
	"fmt"
	"testing"

	"horae/internal/store"
)

func TestAJobWithItsRuns(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	ask := func(what, want string) {
		t.Helper()
		job, runs, revision := c.JobWithRuns("default", "j")
		var names []string
		for _, r := range runs {
			names = append(names, r.Key.Name)
		}
		if got := fmt.Sprintf("%t %v", job != nil, names); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if revision != c.Revision() {
			t.Errorf("%s: as of revision %d, want %d", what, revision, c.Revision())
		}
	}
	write := func(writes ...store.Write) {
		t.Helper()
		for _, w := range writes { // One revision each.
			waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{w}}))
		}
	}
	run := func(name string) store.Key { return store.RunKey("default", name) }
	ask("nothing is there", "false []")
	write(putSpec(newRun("b", "j"), run("b")), putSpec(newRun("a", "j"), run("a")), putSpec(newRun("x", "other"), run("x")))
	ask("Runs without a Job", "false [b a]")
	job := newJob("j")
	// x is of another Job, and none is not there.
	job.Status.Active = []string{"b", "dying", "a", "x", "none"}
	write(putSpec(job, store.JobKey("default", "j")), putStatus(job, store.JobKey("default", "j")), putStatus(newRun("dying", ""), run("dying")))
	ask("a Run whose spec is gone", "true [b a dying]")
	write(putStatus(newRun("b", "j"), run("b")), store.DeleteSpec(run("b")))
	ask("another one", "true [a b dying]")
	write(store.DeleteSpec(store.JobKey("default", "j")), store.DeleteStatus(run("dying")))
	ask("a Job whose spec is gone", "true [a b]")
}
