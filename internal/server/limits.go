package server

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"time"
)

// Nothing that clients send or leave unread may stop a manager. This file bounds what they can make it hold: requests,
// lists, writes and streams under way, connections, and the time that a request and its answer may take. How it is
// shared among clients is in slots.go, connections.go and rate.go.

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
	// maxBuffer is how much of a stream or a list is encoded before it is sent.
	maxBuffer = 32 << 10
	// What an HTTP/2 client may send before it is read: on a connection, and on a stream of it.
	maxUnread, maxUnreadStream = 256 << 10, 128 << 10
)

// limits that tests change.
type limits struct {
	// write and streamWrite bound one write of an answer, and of a stream: a client that stops reading is let go.
	write, streamWrite time.Duration
	// body bounds how long a client may take to send a body.
	body time.Duration
	// lists, reads and writes are how many of them are worked on at once: each may hold an object, encoded, or many.
	// wait is how long a request waits for others of its sort to end before it is refused.
	lists, reads, writes int
	// callbacks are how many of them wait at once to be stored.
	callbacks int
	wait      time.Duration
	// processors are how many requests compute at once: they leave some to what the manager is there for.
	processors int
	// streams are how many watches and logs are open at once.
	streams int
	// connections are how many the server takes.
	connections int
}

func defaultLimits() limits {
	processors := max(1, runtime.GOMAXPROCS(0)/2)
	return limits{
		write: 15 * time.Second, streamWrite: 30 * time.Second, body: 30 * time.Second,
		lists: max(16, 8*processors), reads: 64, writes: 64, callbacks: 512, wait: 5 * time.Second,
		processors: processors, streams: 4096,
		connections: connectionLimit(),
	}
}

// shares are the slots of a server.
type shares struct{ lists, reads, writes, callbacks, processors, streams *slots }

func newShares(l limits) shares {
	// Those that wait are bounded, too. What waits to write may have sent the beginning of its body.
	return shares{
		lists:     newSlots("lists", l.lists, 32*l.lists, l.wait),
		reads:     newSlots("requests that read", l.reads, 16*l.reads, l.wait),
		writes:    newSlots("requests that write", l.writes, 8*l.writes, l.wait),
		callbacks: newSlots("callbacks", l.callbacks, 2*l.callbacks, l.wait),
		streams:   newSlots("watches and logs", l.streams, 0, 0),
		// Whoever waits for a processor has one of the others.
		processors: newSlots("requests that compute", l.processors, math.MaxInt, unaryTimeout),
	}
}

// compute runs what keeps a processor busy: decoding, selecting, encoding. It must not wait for anything.
func (s *Server) compute(ctx context.Context, client string, f func() error) error {
	release, err := s.share.processors.take(ctx, client)
	if err != nil {
		return err
	}
	defer release()
	return f()
}

// HardenHTTP bounds what clients can make an HTTP server hold, and for how long, before a handler is called.
func HardenHTTP(srv *http.Server) {
	srv.ReadHeaderTimeout, srv.IdleTimeout = readHeaderTimeout, idleTimeout
	srv.MaxHeaderBytes = maxHeader
	srv.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReceiveBufferPerConnection: maxUnread, MaxReceiveBufferPerStream: maxUnreadStream,
		WriteByteTimeout: 30 * time.Second,
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
