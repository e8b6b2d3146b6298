package cache

import (
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func TestCacheFollowsSpecAndStatus(t *testing.T) {
	s := open(t)
	before := newJob("before")
	apply(t, s, store.Change{Writes: []store.Write{putSpec(before, store.JobKey("default", "before"))}})

	c := newCache(t, s)
	var events []Event
	c.Listen(func(e Event) { events = append(events, e) })
	follow(t, c)
	if c.Job("default", "before") == nil {
		t.Fatal("the cache is filled without the Job that was there before")
	}

	// A Run with its status, in one transaction: one event.
	key := store.RunKey("default", "r1")
	run := newRun("r1", "before")
	run.Status.Phase = v1.RunLaunching
	run.Status.Attempts = []v1.Attempt{{TaskID: "default.r1.7.1", State: v1.RunLaunching}}
	rev := apply(t, s, store.Change{Writes: []store.Write{putSpec(run, key), putStatus(run, key)}})
	waitFor(t, c, rev)
	got := c.Run("default", "r1")
	if got == nil || got.Object.Status.Phase != v1.RunLaunching || got.Rev.SpecMod != rev || got.Rev.StatusMod != rev {
		t.Fatalf("got %+v", got)
	}
	if c.RunByTaskID("default.r1.7.1") != got {
		t.Error("the Run is not found by its task")
	}
	if runs := c.RunsOf("default", "before"); len(runs) != 1 || runs[0] != got {
		t.Errorf("Runs of the Job: %v", runs)
	}
	if len(events) != 2 || events[1].NewRun != got || events[1].OldRun != nil || events[1].Revision != rev {
		t.Errorf("events: %+v", events)
	}
}
