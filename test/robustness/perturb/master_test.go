package perturb

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// startMaster begins the HTTP server that stands before the Mesos master, and returns its URL.
func (m *instance) startMaster() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.w.t.Fatal(err)
	}
	target, err := url.Parse(m.w.cluster.URL())
	if err != nil {
		m.w.t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	m.master = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.serve.Add(1)
		defer m.serve.Done()
		m.call(proxy, w, r)
	})}
	m.serve.Go(func() {
		_ = m.master.Serve(l) // ends with Close
		transport.CloseIdleConnections()
	})
	return "http://" + l.Addr().String()
}

func (m *instance) closeMaster() {
	_ = m.master.Close()
	m.serve.Wait()
}

// call stands before the Mesos master.
func (m *instance) call(proxy *httputil.ReverseProxy, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var call scheduler.Call
	if err := call.Unmarshal(body); err != nil {
		m.w.t.Errorf("a call that is none: %v", err)
	}
	if m.dead() {
		panic(http.ErrAbortHandler)
	}
	what := describeCall(&call)
	if what == "" {
		proxy.ServeHTTP(w, r)
		return
	}
	if m.old.Load() != 0 && !m.lies {
		m.w.t.Errorf("%s, decided on a view of etcd that is not the present one", what)
	}
	f := m.w.plan.next(what)
	switch f {
	case blind, late:
		m.holdWatches(f == blind)
	case crashBefore:
		m.crash(f)
		panic(http.ErrAbortHandler)
	case lostBefore, silentBefore: // a silence would take the manager ten seconds, and end in the same way
		panic(http.ErrAbortHandler)
	case crashAfter, stale, relapse, lostAfter, silentAfter:
		carryOut(proxy, r)
		if f.crashes() {
			m.crash(f)
		}
		panic(http.ErrAbortHandler)
	}
	proxy.ServeHTTP(w, r)
}

// carryOut passes a call on, and throws its answer away. That to SUBSCRIBE has no end: it is cut off once it has begun.
func carryOut(proxy *httputil.ReverseProxy, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer func() { _ = recover() }() // the proxy's way to say that an answer was cut off
	proxy.ServeHTTP(&unread{ResponseRecorder: httptest.NewRecorder(), begun: cancel}, r.WithContext(ctx))
}

// unread takes an answer that nobody gets.
type unread struct {
	*httptest.ResponseRecorder
	begun func()
}

func (u *unread) WriteHeader(code int) {
	u.ResponseRecorder.WriteHeader(code)
	u.begun()
}

func describeCall(call *scheduler.Call) string {
	switch call.Type {
	case scheduler.Call_SUBSCRIBE:
		return "SUBSCRIBE"
	case scheduler.Call_KILL:
		return "KILL " + call.Kill.TaskID.Value
	case scheduler.Call_ACKNOWLEDGE:
		return "ACKNOWLEDGE " + call.Acknowledge.TaskID.Value
	case scheduler.Call_ACCEPT:
		var tasks []string
		for _, op := range call.Accept.Operations {
			for i := range op.GetLaunch().GetTaskInfos() {
				tasks = append(tasks, op.Launch.TaskInfos[i].TaskID.Value)
			}
		}
		if len(tasks) > 0 {
			return "ACCEPT " + strings.Join(tasks, " ")
		}
	}
	return ""
}
