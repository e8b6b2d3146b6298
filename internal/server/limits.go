package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Nothing that clients send or leave unread may stop a manager. This file bounds what they can make it hold: requests,
// lists and writes under way, connections, and the time that a request and its answer may take.

const (
	// maxBody of a request. etcd takes values of up to 1.5 MiB.
	maxBody = 1 << 20
	// unaryTimeout bounds a request that is not a stream.
	unaryTimeout = 60 * time.Second
	// waitForCache bounds how long a read waits for a revision that the cache has not seen.
	waitForCache = 5 * time.Second
	// shutdownGrace is what requests under way get when the server stops.
	shutdownGrace = 5 * time.Second
	// maxHeader is how long the headers of a request may be, readHeaderTimeout how long they may take.
	maxHeader         = 64 << 10
	readHeaderTimeout = 10 * time.Second
	// idleTimeout closes a connection on which nothing is asked.
	idleTimeout = 2 * time.Minute
	// answerTimeout bounds an answer that is not a stream, however slowly it is read.
	answerTimeout = 5 * time.Minute
	// maxStreams of one HTTP/2 connection.
	maxStreams = 128
	// maxBuffer is how much of a stream is encoded before it is sent.
	maxBuffer = 256 << 10
)

// limits that tests change.
type limits struct {
	// write and streamWrite bound one write of an answer, and of a stream: a client that stops reading is let go.
	write, streamWrite time.Duration
	// lists and writes are how many of them are worked on at once: the processors bound what more lists would gain,
	// and a body may expand to many times its size. wait is how long a request waits for others of its sort to end
	// before it is refused.
	lists, writes int
	wait          time.Duration
	// connections are how many the server takes.
	connections int
}

func defaultLimits() limits {
	return limits{
		write: 15 * time.Second, streamWrite: 30 * time.Second,
		lists: max(16, 4*runtime.GOMAXPROCS(0)), writes: 64, wait: 5 * time.Second,
		connections: connectionLimit(),
	}
}

// slots bound how many requests of one sort are worked on at once.
type slots struct {
	what string
	free chan struct{}
	wait time.Duration
}

func newSlots(what string, n int, wait time.Duration) *slots {
	return &slots{what: what, free: make(chan struct{}, n), wait: wait}
}

// take waits for a slot, for a bounded time, and returns what gives it back; that may be called twice.
func (s *slots) take(ctx context.Context) (release func(), err error) {
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return sync.OnceFunc(func() { <-s.free }), nil
	case <-timer.C:
		return nil, apierrors.NewTooManyRequests(
			fmt.Sprintf("%d %s are under way, and none has ended for %s", cap(s.free), s.what, s.wait), 1)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// writeDeadline of the next write of an answer that is not a stream.
func (l *limits) writeDeadline(began, now time.Time) time.Time {
	next, last := now.Add(l.write), began.Add(answerTimeout)
	if last.Before(next) {
		return last
	}
	return next
}

// connectionLimit is how many connections the API takes: a share of the files that the process may open, of which
// etcd, Mesos and tasks of a dev cluster need the others. Without a free file an embedded etcd ends the process.
func connectionLimit() int {
	const share, least, most = 4, 16, 1 << 20
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return least
	}
	return int(max(least, min(r.Cur/share, most)))
}

// connections closes connections on which nothing is asked when there is no room for others.
type connections struct {
	limit int

	mu    sync.Mutex
	open  map[net.Conn]struct{} // guarded by mu
	idle  []net.Conn            // guarded by mu: those that wait for their next request; the longest idle first
	fresh []net.Conn            // guarded by mu: those on which nothing has come yet; the oldest first
}

// limitConnections has srv serve at most limit connections: the listener returned takes no others. One on which
// nothing is asked gives way to a new one.
func limitConnections(srv *http.Server, l net.Listener, limit int) net.Listener {
	c := &connections{limit: limit, open: map[net.Conn]struct{}{}}
	srv.ConnState = c.changed
	return netutil.LimitListener(l, limit)
}

// changed is the http.Server's ConnState hook.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isIt := func(other net.Conn) bool { return other == conn }
	c.idle, c.fresh = slices.DeleteFunc(c.idle, isIt), slices.DeleteFunc(c.fresh, isIt)
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
		return
	case http.StateIdle:
		c.idle = append(c.idle, conn)
	case http.StateNew:
		c.open[conn] = struct{}{}
		c.fresh = append(c.fresh, conn)
	}
	if len(c.open) < c.limit {
		return
	}
	for _, unused := range []*[]net.Conn{&c.idle, &c.fresh} {
		if len(*unused) > 0 {
			victim := (*unused)[0]
			*unused = (*unused)[1:]
			delete(c.open, victim)
			_ = victim.Close() // the server notices, and the listener has room for another
			return
		}
	}
}
