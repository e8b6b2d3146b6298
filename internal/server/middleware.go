package server

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// recorder wraps the http.ResponseWriter of a request and remembers the answer, for the log and the metrics.
type recorder struct {
	http.ResponseWriter
	rc     *http.ResponseController
	limits *limits
	began  time.Time
	code   int
	bytes  int64
	// what the request turned out to be; nil for paths outside of the group.
	request *request
	// caller is who sent the request; nil before that is known.
	caller *caller
}

func (w *recorder) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	if w.request == nil || !streams(w.request) { // streams set deadlines of their own
		_ = w.rc.SetWriteDeadline(w.limits.writeDeadline(w.began, time.Now())) // only a writer of a test has none
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// note gives the recorder the request that the path turned out to be.
func note(w http.ResponseWriter, r *request) {
	if rec, ok := w.(*recorder); ok {
		rec.request = r
	}
}

// wrap adds to a handler what every request gets: checks of its origin, a log line at V(1), metrics, and an answer
// when it panics.
func (s *Server) wrap(next http.Handler) http.Handler {
	next = s.servedHost(s.sameOrigin(s.identify(s.limit(s.authorize(next)))))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, rc: http.NewResponseController(w), limits: &s.limits, began: began}
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // what net/http itself compares with
				s.cfg.Log.Error(fmt.Errorf("%v", p), "Request panicked", "method", r.Method, "path", r.URL.Path, "stack",
					string(debug.Stack()))
				if rec.code == 0 {
					st := s.statusOf(r, apierrors.NewInternalError(fmt.Errorf("the server made a mistake; its log says more")))
					writeError(rec, st, form{})
				} else {
					p = http.ErrAbortHandler // the answer has begun: break it off
				}
			}
			s.record(rec, r, time.Since(began))
			if p == http.ErrAbortHandler { //nolint:errorlint // what net/http itself compares with
				panic(p)
			}
		}()
		rec.Header().Set("X-Content-Type-Options", "nosniff")
		if s.cfg.HSTS && r.TLS != nil {
			rec.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(rec, r)
	})
}

// handshakes takes what net/http has to say, mostly of clients that do not trust the certificate, for the log at V(1).
type handshakes struct{ log logr.Logger }

func (h handshakes) Write(line []byte) (int, error) {
	h.log.V(1).Info("Connection went wrong", "error", strings.TrimSpace(string(line)))
	return len(line), nil
}

// sameOrigin refuses cross-origin requests of browsers. Without authentication it is loopback that keeps others
// out, and a browser that shows a page of another site is on loopback, too. Other clients do not send these
// headers.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.handle(func(_ http.ResponseWriter, r *http.Request) error {
		return status(http.StatusForbidden, metav1.StatusReasonForbidden, "a request from the site %s is refused", r.Header.Get("Origin"))
	}))
	return protection.Handler(next)
}

func (s *Server) record(rec *recorder, r *http.Request, took time.Duration) {
	verb, resource, stream := "other", "", false
	if r.Method == http.MethodGet {
		verb = "get" // not the method as it came: labels must not be the client's to make up
	}
	if q := rec.request; q != nil {
		verb, resource, stream = q.verb, string(q.kind.kind), streams(q)
		if _, known := q.kind.subresources[q.subresource]; known {
			resource += "/" + q.subresource
		} else if q.subresource != "" {
			resource += "/other" // nor are these the client's to make up
		}
	}
	s.metrics.requests.WithLabelValues(verb, resource, strconv.Itoa(rec.code)).Inc()
	if !stream {
		s.metrics.seconds.WithLabelValues(verb, resource).Observe(took.Seconds())
	}
	s.cfg.Log.V(1).Info("Answered request", "method", r.Method, "path", r.URL.Path, "query", r.URL.RawQuery,
		"code", rec.code, "bytes", rec.bytes, "took", took.String(), "from", r.RemoteAddr, "agent", r.UserAgent())
}
