package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// output is what a command has written so far; wait waits until it holds some text.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.changed:
		case <-deadline:
			t.Fatalf("waited for %q, got %q", text, o.String())
		}
	}
}

// started is a command in the background.
type started struct {
	out, err *output
	code     chan int
}

func (h *house) start(line string) *started {
	s := &started{newOutput(), newOutput(), make(chan int, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.code <- Main(ctx, strings.Fields(line), h.io(strings.NewReader(""), s.out, s.err))
	}()
	h.t.Cleanup(func() { cancel(); <-done })
	return s
}

const firstRun = "hello-maaaaaaab"

// grown is a file that grows: each reader gets what there is.
func (h *house) grown() *atomic.Value {
	var text atomic.Value
	text.Store("first\n")
	h.logs.log = func(w io.Writer, _ v1.Attempt, _ string) error {
		_, err := io.WriteString(w, text.Load().(string))
		return err
	}
	return &text
}

func TestFollowedLogsGoOnAfterARestart(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.ok("trigger hello")
	h.setRun(firstRun, phaseWith(v1.RunRunning, attempt("1", v1.RunRunning, 0)))
	text := h.grown()
	c := h.start("logs hello -f")
	c.out.wait(t, "first\n")
	h.stop()
	c.err.wait(t, "Lost "+h.url+", trying again for up to 2m0s: this manager is shutting down")
	text.Store("first\nsecond\n")
	h.restart()
	c.out.wait(t, "second\n")
	// The attempt that was followed ends, and another begins: its output is not wanted.
	h.setRun(firstRun, phaseWith(v1.RunSucceeded, attempt("1", v1.RunSucceeded, 0)))
	if code := <-c.code; code != ExitDone || c.out.String() != "first\nsecond\n" || !strings.HasSuffix(c.err.String(), "Connected to "+h.url+" again\n") {
		t.Errorf("exit %d, %q, %q", code, c.out, c.err)
	}
}

// TestLogsThroughWhatDropsTheTrailer: a connection may break off, and a proxy may end an answer that it has not got to the end.
func TestLogsThroughWhatDropsTheTrailer(t *testing.T) {
	for name, cut := range map[string]func(w http.ResponseWriter){
		"broken off": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"ended":      func(http.ResponseWriter) {},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t)
			h.apply(hello)
			h.ok("trigger hello")
			h.setRun(firstRun, phaseWith(v1.RunRunning, attempt("1", v1.RunRunning, 0)))
			var asked atomic.Int32
			text := h.grown()
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/log") && asked.Add(1) == 1 {
					w.Header().Set("Horae-Attempt", "1")
					_, _ = io.WriteString(w, "fir")
					_ = http.NewResponseController(w).Flush()
					text.Store("first\nsecond\n")
					cut(w)
					return
				}
				http.Redirect(w, r, h.url+r.URL.String(), http.StatusTemporaryRedirect)
			}))
			defer proxy.Close()
			h.env["HORAE_SERVER"] = proxy.URL
			c := h.start("logs hello -f")
			c.out.wait(t, "second\n")
			h.setRun(firstRun, phaseWith(v1.RunSucceeded, attempt("1", v1.RunSucceeded, 0)))
			if code := <-c.code; code != ExitDone || c.out.String() != "first\nsecond\n" {
				t.Errorf("exit %d, %q, %q", code, c.out, c.err)
			}
		})
	}
}

func TestTriggerWaitsOverARestart(t *testing.T) {
	for _, tt := range []struct {
		name, flags string
		end         v1.RunPhase
		code        int
		out         string
	}{
		{name: "for success", flags: "--wait", end: v1.RunSucceeded, code: ExitDone, out: "run.horae/" + firstRun + " Succeeded after 1.5s\n"},
		{name: "for a failure", flags: "--wait", end: v1.RunFailed, code: ExitFailed},
		{name: "and follows", flags: "--follow", end: v1.RunSucceeded, code: ExitDone, out: "first\nrun.horae/" + firstRun + " Succeeded after 1.5s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := build(t)
			h.grown()
			h.apply(hello)
			c := h.start("trigger hello " + tt.flags)
			c.out.wait(t, "created\n")
			h.setRun(firstRun, phaseWith(v1.RunRunning, attempt("1", v1.RunRunning, 0)))
			if tt.flags == "--follow" {
				c.out.wait(t, "first\n")
			}
			h.stop()
			c.err.wait(t, "Lost ")
			h.setRun(firstRun, phaseWith(tt.end, attempt("1", tt.end, int32(tt.code))))
			h.restart()
			if code := <-c.code; code != tt.code || c.out.String() != "run.horae/"+firstRun+" created\n"+tt.out {
				t.Errorf("exit %d, %q, %q", code, c.out, c.err)
			}
			if runs := h.cache.RunsOf("default", "hello"); len(runs) != 1 {
				t.Errorf("%d Runs", len(runs))
			}
		})
	}
}

func TestTheServerDoesNotComeBack(t *testing.T) {
	for _, tt := range []struct{ line, subject string }{
		{"trigger hello --force --wait", "run.horae/hello-maaaaaaac"},
		{"trigger hello --force --follow", "the output of run.horae/hello-maaaaaaac"},
		{"logs " + firstRun + " -f", "the output of run.horae/" + firstRun},
		{"get runs -w", "runs"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			h := build(t)
			h.patience = time.Second
			h.grown()
			h.apply(hello)
			h.ok("trigger hello")
			h.setRun(firstRun, phaseWith(v1.RunRunning, attempt("1", v1.RunRunning, 0)))
			c := h.start(tt.line)
			c.out.wait(t, "\n")
			if strings.HasSuffix(tt.line, "--follow") {
				h.setRun("hello-maaaaaaac", phaseWith(v1.RunRunning, attempt("1", v1.RunRunning, 0)))
				c.out.wait(t, "first\n")
			}
			h.stop()
			if code := <-c.code; code != ExitUnknown || !strings.Contains(c.err.String(), "error: gave up after 1s: what became of "+tt.subject+" is unknown: ") {
				t.Errorf("exit %d, %q, %q", code, c.out, c.err)
			}
		})
	}
}

func TestWatchGoesOnAfterARestart(t *testing.T) {
	h := build(t)
	h.apply(hello)
	c := h.start("get jobs -w -o name")
	c.out.wait(t, "job.horae/hello\n")
	h.stop()
	c.err.wait(t, "Lost ")
	h.restart()
	h.apply(strings.Replace(hello, "name: hello", "name: second", 1))
	c.out.wait(t, "job.horae/hello\njob.horae/second\n")
}

// TestTriggerWithoutAnAnswer: there may be a Run or not, so the exit code is not that of a failure.
func TestTriggerWithoutAnAnswer(t *testing.T) {
	h := build(t)
	h.patience = time.Second
	gone := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer gone.Close()
	h.env["HORAE_SERVER"] = gone.URL
	const says = "error: gave up after 1s: what became of a new Run of hello is unknown: "
	if r := h.run("trigger hello --wait"); r.code != ExitUnknown || !strings.Contains(r.err, says) {
		t.Errorf("%+v", r)
	}
	gone.Close()
	if r := h.run("trigger hello --wait"); r.code != ExitFailed || !strings.Contains(r.err, "refused") {
		t.Errorf("nobody was asked: %+v", r)
	}
}

// TestTriggerIsNotDoubled: the answer to a trigger is lost twice, behind what has made the Run and before it.
func TestTriggerIsNotDoubled(t *testing.T) {
	h := build(t)
	h.drawnIDs = true
	h.apply(hello)
	var posts atomic.Int32
	lossy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := posts.Add(1); {
		case n == 1:
			panic(http.ErrAbortHandler)
		case n == 2:
			resp, err := http.Post(h.url+r.URL.Path, "application/json", r.Body)
			if err == nil {
				_ = resp.Body.Close()
			}
			http.DefaultClient.CloseIdleConnections()
			panic(http.ErrAbortHandler)
		}
		http.Redirect(w, r, h.url+r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer lossy.Close()
	h.env["HORAE_SERVER"] = lossy.URL
	r := h.run("trigger hello")
	runs := h.cache.RunsOf("default", "hello")
	if r.code != 0 || len(runs) != 1 || r.out != "run.horae/"+runs[0].Key.Name+" created\n" || posts.Load() != 3 {
		t.Errorf("%d requests, %d Runs: %+v", posts.Load(), len(runs), r)
	}
}
