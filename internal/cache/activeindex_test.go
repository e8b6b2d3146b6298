package cache

import (
	"fmt"
	"slices"
	"testing"

	"horae/internal/store"
)

func TestJobsAreFoundByTheirActiveRuns(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	write := func(job string, active ...string) {
		t.Helper()
		j := newJob(job)
		j.Status.Active = active
		waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putStatus(j, store.JobKey("default", job))}}))
	}
	expect := func(what, x, y, z string) {
		t.Helper()
		for run, want := range map[string]string{"x": x, "y": y, "z": z} {
			var names []string
			for _, key := range c.JobsWithActive("default", run) {
				names = append(names, key.Name)
			}
			slices.Sort(names)
			if got := fmt.Sprint(names); got != want {
				t.Errorf("%s: %s is active for %s, want %s", what, run, got, want)
			}
		}
	}
	waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(newJob("a"), store.JobKey("default", "a"))}}))
	write("a", "x", "y", "z")
	write("b", "z")
	expect("written", "[a]", "[a]", "[a b]")
	if keys := c.JobsWithActive("other", "x"); len(keys) != 0 {
		t.Errorf("of another namespace: %v", keys)
	}
	write("a", "x", "z")
	expect("one has ended", "[a]", "[]", "[a b]")
	write("a", "y", "z", "z")
	expect("another has begun, and one is there twice", "[]", "[a]", "[a a b]")
	waitFor(t, c, del(t, s, store.JobKey("default", "a").Spec()))
	expect("the Job is deleted, and not forgotten", "[]", "[a]", "[a a b]")
	write("a", "z")
	expect("one is there once", "[]", "[]", "[a b]")
	waitFor(t, c, del(t, s, store.JobKey("default", "a").Status()))
	waitFor(t, c, del(t, s, store.JobKey("default", "b").Status()))
	expect("nothing is left", "[]", "[]", "[]")
	if n := len(c.active.jobs); n != 0 {
		t.Errorf("%d entries are left in the index", n)
	}
}
