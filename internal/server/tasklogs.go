package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Headers of a log: the number of its attempt. Trailers: why it ended early, and the offset from which another
// manager, or this one after its restart, continues it.
const (
	HeaderAttempt = "Horae-Attempt"
	TrailerError  = "Horae-Error"
	TrailerResume = "Horae-Resume"
)

// errStopping ends the logs that are being read when the server stops.
var errStopping = errors.New("this manager is shutting down")

// logRequest holds the parameters of GET runs/NAME/log.
type logRequest struct {
	file   string
	follow bool
	// attempt counts from 1; 0: the last one.
	attempt int
	offset  int64
}

func (r *request) logRequest() (logRequest, error) {
	q := logRequest{file: "stdout"}
	switch v := r.query.Get("stream"); v {
	case "", "stdout":
	case "stderr":
		q.file = v
	default:
		return q, badRequest("stream=%q: must be stdout or stderr", v)
	}
	var err error
	if q.follow, err = r.flag("follow"); err != nil {
		return q, err
	}
	n, err := r.number("attempt")
	if err != nil {
		return q, err
	}
	q.attempt = int(min(n, 1<<30))
	if v := r.query.Get("offset"); v != "" {
		if q.offset, err = strconv.ParseInt(v, 10, 64); err != nil {
			return q, badRequest("offset=%q: must be a whole number of bytes; negative: from the end", v)
		}
	}
	return q, nil
}

// log streams a Run's output from the sandbox of its agent.
func (s *Server) log(w http.ResponseWriter, r *request) error {
	if s.cfg.Logs == nil {
		return status(http.StatusNotImplemented, metav1.StatusReasonMethodNotAllowed, "this server does not read logs")
	}
	q, err := r.logRequest()
	if err != nil {
		return err
	}
	ctx, cancel := s.streamContext(r.Context())
	defer cancel()
	n, err := s.attempt(ctx, r, q)
	if err != nil {
		return err
	}
	out := &logWriter{w: w, rc: http.NewResponseController(w), limit: s.limits.streamWrite, attempt: n}
	err = s.copyLog(ctx, r, q, n, out)
	switch {
	case err == nil:
		out.begin()
		return nil
	case r.Context().Err() != nil: // the client has left
		return nil
	case ctx.Err() != nil:
		err = errStopping
	}
	if !out.begun {
		return status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "%v", err)
	}
	w.Header().Set(http.TrailerPrefix+TrailerError, err.Error())
	if errors.Is(err, errStopping) && q.offset >= 0 { // a negative offset counts from an end that has moved since
		w.Header().Set(http.TrailerPrefix+TrailerResume, strconv.FormatInt(q.offset+out.written, 10))
	}
	return nil
}

// copyLog sends the attempt's file as it stands, or with follow until the attempt has ended.
func (s *Server) copyLog(ctx context.Context, r *request, q logRequest, n int, out *logWriter) error {
	at, ok := s.attemptNow(r.key(), n)
	if !ok {
		return fmt.Errorf("%s was deleted meanwhile", r.key())
	}
	if !q.follow {
		return s.cfg.Logs.Copy(ctx, out, at, q.file, q.offset, nil)
	}
	out.begin() // the client sees that it is being served before there is any output
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		err := s.untilRun(ctx, r.key(), func() bool {
			at, ok := s.attemptNow(r.key(), n)
			return !ok || at.TaskEnded()
		})
		if err == nil { // otherwise ctx has ended, but not the attempt
			close(ended)
		}
	})
	defer watcher.Wait()
	defer cancel()
	return s.cfg.Logs.Copy(ctx, out, at, q.file, q.offset, ended)
}

// untilRun waits until the condition so holds. It checks whenever the Run changes.
func (s *Server) untilRun(ctx context.Context, key store.Key, so func() bool) error {
	for {
		w, err := s.cfg.Cache.WatchKinds(ctx, []store.Kind{store.Runs}, key.Namespace, s.cfg.Cache.Revision())
		if err != nil && !errors.Is(err, cache.ErrGone) {
			return err
		}
		for err == nil {
			if so() {
				return nil
			}
			var e cache.Event
			for e, err = w.Next(ctx); err == nil && e.Key != key; {
				e, err = w.Next(ctx)
			}
		}
		if !errors.Is(err, cache.ErrGone) { // too much has happened: look again
			return err
		}
	}
}

// attemptNow is the n-th attempt (from 1) of a Run as the cache shows it; false when there is none.
func (s *Server) attemptNow(key store.Key, n int) (v1.Attempt, bool) {
	e := present(s.cfg.Cache.Get(key))
	if e == nil {
		return v1.Attempt{}, false
	}
	all := e.GetObject().(*v1.Run).Status.Attempts
	if n < 1 || n > len(all) {
		return v1.Attempt{}, false
	}
	return all[n-1], true
}

// errNotStarted: there is no output yet. A request that follows waits.
var errNotStarted = errors.New("no output yet")

// attempt picks the attempt that the request asks for, counted from 1. A request that follows waits until it is on
// an agent.
func (s *Server) attempt(ctx context.Context, r *request, q logRequest) (int, error) {
	pick := func() (int, error) {
		e, err := s.find(r.key())
		if err != nil {
			return 0, err
		}
		return pickAttempt(e.GetObject().(*v1.Run), q.attempt)
	}
	n, err := pick()
	if !errors.Is(err, errNotStarted) {
		return n, err
	}
	if !q.follow {
		return 0, status(http.StatusConflict, metav1.StatusReasonConflict, "%v", err)
	}
	waited := s.untilRun(ctx, r.key(), func() bool {
		n, err = pick()
		return !errors.Is(err, errNotStarted)
	})
	switch {
	case waited != nil && r.Context().Err() == nil && ctx.Err() != nil:
		return 0, status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "%v", errStopping)
	case waited != nil:
		return 0, fmt.Errorf("wait for the output of %s: %w", r.key(), waited)
	}
	return n, err
}

func pickAttempt(run *v1.Run, want int) (int, error) {
	all := run.Status.Attempts
	n := want
	if n == 0 {
		n = len(all)
	}
	ended := phase(run).Terminal()
	switch {
	case n > len(all) && ended:
		return 0, status(http.StatusNotFound, metav1.StatusReasonNotFound, "run %s ended %s after %d attempts: there is no attempt %d",
			run.Name, phase(run), len(all), n)
	case n == 0 && ended:
		return 0, status(http.StatusNotFound, metav1.StatusReasonNotFound, "run %s ended %s without an attempt, so it has no output: %s",
			run.Name, phase(run), run.Status.Message)
	case n == 0 || n > len(all):
		return 0, fmt.Errorf("run %s is %s and has no attempt %d: %w (%s)", run.Name, phase(run), max(n, 1), errNotStarted,
			orNone(run.Status.Message))
	case all[n-1].AgentURL == "" || !all[n-1].TaskEnded() && all[n-1].StartTime == nil:
		if all[n-1].State.Terminal() {
			return 0, status(http.StatusNotFound, metav1.StatusReasonNotFound, "attempt %d of run %s reached no agent: %s",
				n, run.Name, all[n-1].Message)
		}
		return 0, fmt.Errorf("attempt %d of run %s is %s: %w", n, run.Name, all[n-1].State, errNotStarted)
	}
	return n, nil
}

// streamContext ends with the request, or when the server stops.
func (s *Server) streamContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	s.metrics.streams.Inc()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
		s.metrics.streams.Dec()
	}
}

// logWriter sends output at once, and gives up on a client that does not read.
type logWriter struct {
	w       http.ResponseWriter
	limit   time.Duration // of one write
	rc      *http.ResponseController
	attempt int
	begun   bool
	// written counts the bytes of output that were sent.
	written int64
}

func (l *logWriter) begin() {
	if l.begun {
		return
	}
	l.begun = true
	l.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	l.w.Header().Set(HeaderAttempt, strconv.Itoa(l.attempt))
	l.w.WriteHeader(http.StatusOK)
	_ = l.rc.Flush()
}

func (l *logWriter) Write(b []byte) (int, error) {
	l.begin()
	_ = l.rc.SetWriteDeadline(time.Now().Add(l.limit))
	n, err := l.w.Write(b)
	l.written += int64(n)
	if err == nil {
		err = l.rc.Flush()
	}
	return n, err
}
