package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"testing"

	"go.uber.org/goleak"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The example is run against what Horae itself writes.
func TestTransitionsArePrinted(t *testing.T) {
	endpoint := etcdtest.Start(t)
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	write := func(name string, status v1.RunStatus) {
		t.Helper()
		w, err := store.PutStatus(store.RunKey("default", name), &v1.Run{Status: status})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), store.Change{Writes: []store.Write{w}}); err != nil {
			t.Fatal(err)
		}
	}
	attempt := v1.Attempt{TaskID: "default.hello-1.7.1", Hostname: "agent-1", State: v1.RunRunning}
	write("hello-1", v1.RunStatus{Phase: v1.RunPending, Reason: "NoOffer"})

	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	proxy := etcdtest.NewProxy(t, endpoint)
	watcher := &watcher{client: etcdtest.Client(t, proxy.Endpoint), out: w}
	done := make(chan error, 1)
	go func() { done <- watcher.follow(ctx) }()
	lines := bufio.NewScanner(r)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("printed %q, want %q", lines.Text(), want)
		}
	}

	expect("default/hello-1 new -> Pending (NoOffer)")
	write("hello-1", v1.RunStatus{Phase: v1.RunPending, Reason: "StillNoOffer"}) // no transition: no line
	write("hello-1", v1.RunStatus{Phase: v1.RunRunning, Attempts: []v1.Attempt{attempt}})
	expect("default/hello-1 Pending -> Running (attempt 1 on agent-1)")

	// What the watch still needs is compacted: everything is read again, and reported once.
	proxy.Cut()
	write("hello-1", v1.RunStatus{Phase: v1.RunSucceeded, Attempts: []v1.Attempt{attempt}})
	resp, err := s.Client().Put(t.Context(), "/elsewhere", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client().Compact(t.Context(), resp.Header.Revision); err != nil {
		t.Fatal(err)
	}
	proxy.Restore()
	expect("default/hello-1 Running -> Succeeded (attempt 1 on agent-1)")
	write("hello-2", v1.RunStatus{Phase: v1.RunLaunching})
	expect("default/hello-2 new -> Launching")
	if _, err := s.Apply(t.Context(), store.Change{Writes: []store.Write{store.DeleteStatus(store.RunKey("default", "hello-1"))}}); err != nil {
		t.Fatal(err)
	}
	expect("default/hello-1 Succeeded -> gone")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("follow: %v", err)
	}
}
