package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is a Run's entry in a phase; specCreate 0: its spec is deleted.
func run(specCreate int64, phase v1.RunPhase) *store.Run {
	return &store.Run{
		Key: store.RunKey("default", "hello-1"), Object: &v1.Run{Status: v1.RunStatus{Phase: phase}},
		Rev: store.Revisions{SpecCreate: specCreate, SpecMod: specCreate, StatusMod: 1},
	}
}

// change is the event of a change; a nil entry stands for none.
func change(before, after *store.Run) cache.Event {
	e := cache.Event{Key: store.RunKey("default", "hello-1"), Revision: 7}
	if before != nil {
		e.Old = before
	}
	if after != nil {
		e.New = after
	}
	return e
}

func TestDeriveOfRuns(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after *store.Run
		want          string
	}{
		{"created", nil, run(1, ""), "[RunCreated]"},
		{"running", run(1, v1.RunLaunching), run(1, v1.RunRunning), "[RunStarted]"},
		{"deleted while it is running", run(1, v1.RunRunning), run(0, v1.RunRunning), "[RunDeleted]"},
		{"killed after it was deleted", run(0, v1.RunRunning), run(0, v1.RunKilled), "[RunKilled]"},
		{"gone after it was deleted", run(0, v1.RunKilled), nil, "[]"},
		{"deleted at its end", run(1, v1.RunSucceeded), nil, "[RunDeleted]"},
		{"deleted and created anew", run(1, v1.RunSucceeded), run(2, ""), "[RunDeleted RunCreated]"},
		{"left over, and created anew", run(0, v1.RunRunning), run(2, ""), "[RunCreated]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var kinds []string
			for _, c := range derive(change(tt.before, tt.after)) {
				kinds = append(kinds, string(c.Kind))
			}
			if got := fmt.Sprint(kinds); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDeriveOfOthers(t *testing.T) {
	job := &store.Job{Object: &v1.Job{}, Rev: store.Revisions{SpecCreate: 1, SpecMod: 1}}
	deleted := &store.Job{Object: &v1.Job{}, Rev: store.Revisions{StatusMod: 1}}
	for want, e := range map[string]cache.Event{
		"JobCreated": {Key: store.JobKey("default", "hello"), New: job}, "JobDeleted": {Key: store.JobKey("default", "hello"), Old: job, New: deleted},
	} {
		if got := derive(e); len(got) != 1 || string(got[0].Kind) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	if got := derive(cache.Event{Key: store.CalendarKey("default", "x"), New: &store.Calendar{Object: &v1.Calendar{}}}); got != nil {
		t.Errorf("of a Calendar: %v", got)
	}
}

func TestEachReaderGetsEverythingInOrder(t *testing.T) {
	f := New()
	f.Publish(change(nil, run(1, ""))) // Nobody has subscribed.
	const readers, times = 3, 1000
	got := make([][]v1.RunPhase, readers)
	var group sync.WaitGroup
	for i := range readers {
		r := f.Subscribe()
		group.Go(func() {
			defer r.Close()
			for range 2 * times {
				next, err := r.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = append(got[i], next.Phase)
			}
		})
	}
	var want []v1.RunPhase
	for range times {
		f.Publish(change(run(1, v1.RunPending), run(1, v1.RunLaunching)))
		f.Publish(change(run(1, v1.RunLaunching), run(1, v1.RunLaunching))) // Nothing happened.
		f.Publish(change(run(1, v1.RunLaunching), run(1, v1.RunRunning)))
		want = append(want, v1.RunLaunching, v1.RunRunning)
	}
	group.Wait()
	for i := range got {
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Fatalf("reader %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestASlowReaderIsCutOffAlone(t *testing.T) {
	f := New()
	slow, quick := f.Subscribe(), f.Subscribe()
	defer slow.Close()
	defer quick.Close()
	publish := func() { f.Publish(change(run(1, v1.RunPending), run(1, v1.RunLaunching))) }
	publish()
	for range Kept {
		if _, err := quick.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		publish()
	}
	if _, err := quick.Next(t.Context()); err != nil {
		t.Errorf("the reader that keeps up: %v", err)
	}
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrBehind) {
		t.Errorf("the reader that has read nothing: %v", err)
	}
	anew := f.Subscribe()
	defer anew.Close()
	publish()
	if next, err := anew.Next(t.Context()); err != nil || next.Phase != v1.RunLaunching || next.Revision != 7 {
		t.Errorf("after it has subscribed anew: %+v, %v", next, err)
	}
}

func TestARewindCutsAllOff(t *testing.T) {
	f := New()
	r := f.Subscribe()
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		_, err := r.Next(t.Context())
		done <- err
	}()
	f.Rewind()
	if err := <-done; !errors.Is(err, ErrBehind) {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsKeptWithoutReaders(t *testing.T) {
	f := New()
	r := f.Subscribe()
	f.Publish(change(nil, run(1, "")))
	r.Close()
	r.Close()
	if f.buf != nil {
		t.Error("transitions are kept for nobody")
	}
	f.Publish(change(nil, run(1, "")))
	again := f.Subscribe()
	defer again.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if next, err := again.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("what happened before is read: %+v, %v", next, err)
	}
}
