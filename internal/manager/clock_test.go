package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"

	v1 "horae/api/v1"
	"horae/internal/devcluster"
	"horae/internal/etcdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clocked is a manager over a real etcd and a dev cluster, whose wall clock the test sets.
type clocked struct {
	t      *testing.T
	offset atomic.Int64 // of its clock from the machine's
	api    chan string
	url    string

	mu   sync.Mutex
	logs bytes.Buffer // guarded by mu
}

func start(t *testing.T, etcd string) *clocked {
	t.Helper()
	mesos, err := devcluster.Start(t.Context(), devcluster.Config{Listen: "127.0.0.1:0", Agents: 1, Simulate: true, AllocationInterval: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mesos.Close() })
	cfg := Default()
	cfg.Name, cfg.Listen, cfg.DataDir = "clocked", "127.0.0.1:0", t.TempDir()
	cfg.Etcd.Endpoints, cfg.Mesos.Masters = []string{etcd}, []string{mesos.URL()}

	c := &clocked{t: t, api: make(chan string, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	now := func() time.Time { return wallAhead(time.Now(), time.Duration(c.offset.Load())) }
	go func() { done <- runBy(ctx, now, cfg, readyLine(c.api), c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Log(c.logs.String())
		}
	})
	select {
	case c.url = <-c.api:
	case err := <-done:
		done <- err
		t.Fatalf("the manager is not ready: %v", err)
	}
	// The controllers have begun: a clock that is set before is simply the clock.
	c.until("the manager launches", func() bool { return c.said("msg=Launching") == 1 })
	return c
}

// wallAhead is what time.Now gives when the machine's clock has been set by whole seconds: its steady part, by which Go compares two
// times of one process, is not touched. Nothing in package time does that.
func wallAhead(t time.Time, by time.Duration) time.Time {
	wall := (*uint64)(unsafe.Pointer(&t)) // a flag, 33 bits of seconds, 30 bits of nanoseconds: time.Time's first field
	*wall += uint64(by/time.Second) << 30 // a negative number wraps around, as it should
	return t
}

func TestWallAhead(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{time.Hour, -48 * time.Hour} {
		set := wallAhead(now, by)
		if steady, wall := set.Sub(now), set.Round(0).Sub(now.Round(0)); steady != 0 || wall != by {
			t.Errorf("set by %s: steady by %s, wall by %s", by, steady, wall)
		}
	}
}

// readyLine takes the API's address out of the line that a manager prints.
type readyLine chan string

func (r readyLine) Write(line []byte) (int, error) {
	for _, field := range strings.Fields(string(line)) {
		if api, ok := strings.CutPrefix(field, "api="); ok {
			r <- api
		}
	}
	return len(line), nil
}

// Write takes the log.
func (c *clocked) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logs.Write(line)
}

// said counts how often the log says something.
func (c *clocked) said(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Count(c.logs.String(), what)
}

// set sets the clock, and waits until the manager has noticed.
func (c *clocked) set(offset time.Duration) {
	c.t.Helper()
	const notice = "The clock was set"
	before := c.said(notice)
	c.offset.Store(int64(offset))
	c.until("the manager notices that its clock was set", func() bool { return c.said(notice) > before })
}

func (c *clocked) until(what string, cond func() bool) {
	c.t.Helper()
	const patience = 2 * time.Minute // ends a test that would hang
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("not after %s: %s", patience, what)
		}
	}
}

func (c *clocked) do(method, path, body string) []byte {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/apis/horae/v1/namespaces/default/"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/yaml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, answer, err)
	}
	return answer
}

// succeeded counts the Runs for a reason that have; every other one is an error of the test.
func (c *clocked) succeeded(reason v1.RunReason) (n int) {
	c.t.Helper()
	var list v1.RunList
	if err := json.Unmarshal(c.do("GET", "runs", ""), &list); err != nil {
		c.t.Fatal(err)
	}
	for _, r := range list.Items {
		if r.Spec.Reason == reason && r.Status.Phase == v1.RunSucceeded {
			n++
		}
	}
	return n
}

// TestTheClockIsSet: occurrences are an hour apart, the first in half an hour. Whatever the clock does, each runs once, and what a person
// asks for runs now.
func TestTheClockIsSet(t *testing.T) {
	c := start(t, etcdtest.Start(t))
	first := time.Now().UTC().Truncate(time.Second).Add(30 * time.Minute)
	c.do("POST", "jobs", fmt.Sprintf(`
apiVersion: horae/v1
kind: Job
metadata: {name: hourly}
spec:
  schedule: R/%s/PT1H
  missedRuns: All
  concurrencyPolicy: Allow
  task: {shell: "true", labels: {sim: "ok,1ms"}}
`, first.Format(time.RFC3339)))
	triggered := 0
	for _, step := range []struct {
		what string
		to   time.Duration
		runs int // scheduled, so far
	}{
		{what: "forward, over one occurrence", to: time.Hour, runs: 1},
		{what: "back to where it was", to: 0, runs: 1},
		{what: "forward again, over the same one", to: time.Hour, runs: 1},
		{what: "far back", to: -48 * time.Hour, runs: 1},
		{what: "far forward, over three more", to: 4 * time.Hour, runs: 4},
		{what: "back by a little", to: 4*time.Hour - time.Minute, runs: 4},
	} {
		c.set(step.to)
		c.until(step.what+": what is due has run", func() bool { return c.succeeded(v1.ReasonSchedule) >= step.runs })
		c.do("POST", "jobs/hourly/trigger", "")
		triggered++
		c.until(step.what+": what a person has asked for has run", func() bool { return c.succeeded(v1.ReasonManual) == triggered })
		if n := c.succeeded(v1.ReasonSchedule); n != step.runs {
			t.Errorf("%s: %d scheduled Runs, want %d", step.what, n, step.runs)
		}
	}
}
