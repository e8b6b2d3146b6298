package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
)

// connectionLimit is how many connections the API takes: a share of the files that the process may open, of which
// etcd, Mesos and tasks of a dev cluster need the others. Without a free file an embedded etcd ends the process. Each
// may hold headers and buffers, so there is a bound where files are many.
func connectionLimit() int {
	const share, least, most = 4, 16, 4096
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return least
	}
	return int(max(least, min(r.Cur/share, most)))
}

// connections are those of a listener. Where there is no room for a new one, one on which nothing is asked gives way.
// A client (an address) may have as many as are free besides, by the rule of slots: nobody can take them all.
type connections struct {
	net.Listener
	limit int

	mu      sync.Mutex
	open    map[net.Conn]*connection // guarded by mu
	sources map[string]int           // guarded by mu: how many of each client are open
	changes uint64                   // guarded by mu: orders them
}

// connection is one that is counted until it is closed.
type connection struct {
	net.Conn
	source  string
	closed  func()
	refused atomic.Int32 // requests
	use     use          // guarded by connections.mu
	since   uint64       // of connections.changes; guarded by connections.mu
}

// use of a connection: those that are used least give way first.
type use int

const (
	idle  use = iota // it waits for its next request
	fresh            // nothing has come yet
	active
)

// Close closes it, and makes room for another.
func (c *connection) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// LimitConnections has srv serve at most limit connections of l (0: the default for this process) through the
// listener that it returns.
func LimitConnections(srv *http.Server, l net.Listener, limit int) net.Listener {
	if limit == 0 {
		limit = connectionLimit()
	}
	c := &connections{Listener: l, limit: limit, open: map[net.Conn]*connection{}, sources: map[string]int{}}
	srv.ConnState = c.changed
	srv.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, inner(conn))
	}
	return c
}

// Accept returns the next connection for which there is room. It closes others at once: a client sees that better
// than that nothing happens, and they do not stand in the way of those that come after them.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := c.admit(conn); admitted != nil {
			return admitted, nil
		}
		_ = conn.Close()
	}
}

func (c *connections) admit(conn net.Conn) net.Conn {
	source := sourceOf(conn.RemoteAddr().String())
	c.mu.Lock()
	var gone *connection
	if c.sources[source] >= c.limit-len(c.open) {
		// One of its own gives way; if it has less than an equal share, one of whoever has most.
		from := source
		if share := c.limit / (len(c.sources) + 1); c.sources[source] < share {
			for other, n := range c.sources {
				if n > c.sources[from] {
					from = other
				}
			}
		}
		if gone = c.unusedLocked(from); gone == nil {
			c.mu.Unlock()
			return nil
		}
		c.closedLocked(gone)
	}
	c.changes++
	admitted := &connection{Conn: conn, source: source, use: fresh, since: c.changes}
	admitted.closed = sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closedLocked(admitted)
	})
	c.open[admitted] = admitted
	c.sources[source]++
	c.mu.Unlock()
	if gone != nil {
		_ = gone.Close() // the server notices
	}
	return admitted
}

// unusedLocked is the client's connection on which nothing is asked for the longest time; nil: there is none.
func (c *connections) unusedLocked(source string) (found *connection) {
	for _, o := range c.open {
		if o.source == source && o.use != active &&
			(found == nil || o.use < found.use || o.use == found.use && o.since < found.since) {
			found = o
		}
	}
	return found
}

func (c *connections) closedLocked(conn *connection) {
	if c.open[conn] == nil {
		return
	}
	delete(c.open, conn)
	if c.sources[conn.source]--; c.sources[conn.source] == 0 {
		delete(c.sources, conn.source)
	}
}

// changed is the http.Server's ConnState hook.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[inner(conn)]
	if known == nil {
		return
	}
	c.changes++
	switch state {
	case http.StateActive:
		known.use = active
	case http.StateIdle:
		known.use, known.since = idle, c.changes
	}
}

// inner is the connection below TLS.
func inner(conn net.Conn) net.Conn {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return over.NetConn()
	}
	return conn
}

// connectionKey is the key of a request's *connection in its context.
type connectionKey struct{}

// maxRefused requests of a connection are answered. Even to refuse them costs, above all those of HTTP/2 that are given
// up at once.
const maxRefused = 100

// countRefusal counts a request that is refused because its client makes too many, and closes a connection with many of
// these.
func countRefusal(r *http.Request) {
	if c, ok := r.Context().Value(connectionKey{}).(*connection); ok && c.refused.Add(1) == maxRefused {
		_ = c.Close()
	}
}
