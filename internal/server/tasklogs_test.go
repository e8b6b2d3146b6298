package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

// fakeLogs hands out text, and says what it was asked for.
type fakeLogs struct {
	asked  chan string
	copied func(ctx context.Context, w io.Writer, ended <-chan struct{}) error
}

func (l *fakeLogs) Copy(ctx context.Context, w io.Writer, at v1.Attempt, file string, _ int64, ended <-chan struct{}) error {
	l.asked <- at.TaskID + " " + file
	return l.copied(ctx, w, ended)
}

func says(s string) func(context.Context, io.Writer, <-chan struct{}) error {
	return func(_ context.Context, w io.Writer, _ <-chan struct{}) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func startWithLogs(t *testing.T) (*fixture, *fakeLogs) {
	l := &fakeLogs{asked: make(chan string, 8), copied: says("hello\n")}
	f := start(t, func(c *Config) { c.Logs = l })
	f.createJob("a")
	f.want(201, f.do("POST", jobsPath+"/a/trigger", ""))
	return f, l
}

func attempts(states ...v1.RunPhase) func(*v1.RunStatus) {
	return func(s *v1.RunStatus) {
		s.Attempts = nil
		for i, state := range states {
			at := v1.Attempt{TaskID: "t" + string(rune('1'+i)), State: state, AgentURL: "http://agent", LaunchTime: v1.NewTime(now)}
			if state != v1.RunLaunching {
				at.StartTime = v1.NewTimePtr(now)
			}
			s.Attempts = append(s.Attempts, at)
			s.Phase = state
		}
	}
}

func TestLogs(t *testing.T) {
	f, l := startWithLogs(t)
	const path = runsPath + "/a-m1/log"
	if a := f.do("GET", path, ""); a.code != 409 || !strings.Contains(a.status.Message, "Pending") {
		t.Errorf("before the first attempt: %d %s", a.code, a.body)
	}
	f.setStatus("a-m1", attempts(v1.RunFailed, v1.RunRunning))
	for _, tt := range []struct {
		name, query, asked string
		code               int
	}{
		{name: "the last attempt's stdout", asked: "t2 stdout", code: 200},
		{name: "an earlier attempt's stderr", query: "?attempt=1&stream=stderr", asked: "t1 stderr", code: 200},
		{name: "an attempt that may still come", query: "?attempt=3", code: 409},
		{name: "an unknown stream", query: "?stream=stdall", code: 400},
		{name: "an attempt that is no number", query: "?attempt=x", code: 400},
		{name: "an offset that is no number", query: "?offset=x", code: 400},
	} {
		a := f.do("GET", path+tt.query, "")
		if a.code != tt.code {
			t.Errorf("%s: %d %s", tt.name, a.code, a.body)
		}
		if tt.asked == "" {
			continue
		}
		if got := <-l.asked; got != tt.asked || string(a.body) != "hello\n" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: asked for %q, got %q as %s", tt.name, got, a.body, a.header.Get("Content-Type"))
		}
	}
	f.want(404, f.do("GET", runsPath+"/none/log", ""))
	f.setStatus("a-m1", attempts(v1.RunFailed, v1.RunFailed))
	f.want(404, f.do("GET", path+"?attempt=3", ""))
}

func TestAFollowedLogWaitsForTheAttemptAndEndsWithIt(t *testing.T) {
	f, l := startWithLogs(t)
	l.copied = func(ctx context.Context, w io.Writer, ended <-chan struct{}) error {
		_, _ = io.WriteString(w, "first\n")
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
		_, err := io.WriteString(w, "last\n")
		return err
	}
	got := make(chan string, 4)
	go func() {
		defer close(got)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+runsPath+"/a-m1/log?follow=true", nil)
		resp, err := f.client.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			got <- lines.Text()
		}
	}()
	f.setStatus("a-m1", attempts(v1.RunLaunching))
	f.setStatus("a-m1", attempts(v1.RunRunning))
	if line := <-got; line != "first" {
		t.Fatalf("got %q", line)
	}
	f.setStatus("a-m1", attempts(v1.RunSucceeded))
	if line := <-got; line != "last" {
		t.Fatalf("got %q", line)
	}
	if line, more := <-got; more {
		t.Fatalf("got %q after the end", line)
	}
}

func TestALogThatFails(t *testing.T) {
	f, l := startWithLogs(t)
	f.setStatus("a-m1", attempts(v1.RunRunning))
	l.copied = func(context.Context, io.Writer, <-chan struct{}) error {
		return errors.New("the agent does not answer")
	}
	if a := f.do("GET", runsPath+"/a-m1/log", ""); a.code != 503 || !strings.Contains(a.status.Message, "does not answer") {
		t.Errorf("before the first byte: %d %s", a.code, a.body)
	}
	l.copied = func(_ context.Context, w io.Writer, _ <-chan struct{}) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("the agent is gone")
	}
	resp, err := f.client.Get(f.url + runsPath + "/a-m1/log")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "half" || resp.Trailer.Get(TrailerError) != "the agent is gone" {
		t.Errorf("after it: %q %v %v", body, resp.Trailer, err)
	}
}

// TestALogThatTheServerCutsOff: who reads a log must see that the server went away, not the task, and where to go on.
func TestALogThatTheServerCutsOff(t *testing.T) {
	plain, two := new(http.Protocols), new(http.Protocols)
	plain.SetHTTP1(true)
	two.SetUnencryptedHTTP2(true)
	for _, tt := range []struct {
		name, query, resume string
		protocols           *http.Protocols
	}{
		{name: "followed, HTTP/1.1", query: "?follow=true", resume: "6", protocols: plain},
		{name: "followed, HTTP/2", query: "?follow=true&offset=100", resume: "106", protocols: two},
		{name: "as it stands", query: "?offset=3", resume: "9", protocols: plain},
		{name: "from the end, which has moved since", query: "?follow=true&offset=-3", protocols: plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, l := startWithLogs(t)
			f.setStatus("a-m1", attempts(v1.RunRunning))
			l.copied = func(ctx context.Context, w io.Writer, _ <-chan struct{}) error {
				_, _ = io.WriteString(w, "hello\n")
				<-ctx.Done()
				return ctx.Err()
			}
			client := &http.Client{Transport: &http.Transport{Protocols: tt.protocols}}
			defer client.CloseIdleConnections()
			resp, err := client.Get(f.url + runsPath + "/a-m1/log" + tt.query)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadFull(resp.Body, make([]byte, 6)); err != nil {
				t.Fatal(err)
			}
			f.server.Stop()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
				t.Errorf("after the stop: %q %v", rest, err)
			}
			if got := resp.Trailer.Get(TrailerError); got != "this manager is shutting down" {
				t.Errorf("%s: %q", TrailerError, got)
			}
			if got := resp.Trailer.Get(TrailerResume); got != tt.resume {
				t.Errorf("%s: %q, want %q", TrailerResume, got, tt.resume)
			}
		})
	}
}

func TestALogThatIsWaitedForWhenTheServerStops(t *testing.T) {
	f, _ := startWithLogs(t)
	got := make(chan answer, 1)
	go func() { got <- f.do("GET", runsPath+"/a-m1/log?follow=true", "") }()
	f.server.Stop()
	if a := <-got; a.code != 503 || !strings.Contains(a.status.Message, "shutting down") {
		t.Errorf("%d %s", a.code, a.body)
	}
}

func TestWithoutLogs(t *testing.T) {
	f := start(t)
	f.createJob("a")
	f.want(201, f.do("POST", jobsPath+"/a/trigger", ""))
	f.want(501, f.do("GET", runsPath+"/a-m1/log", ""))
}
