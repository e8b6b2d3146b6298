package devcluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// listen opens the master's port and finds out under which address it is reached.
func (c *Cluster) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.cfg.Listen)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, portTaken(c.cfg.Listen)
		}
		return nil, err // it names the address
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.cfg.Listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	c.host = host
	c.port, err = strconv.Atoi(port)
	return l, err
}

// portTaken is an address that another process listens on.
type portTaken string

func (p portTaken) Error() string {
	return fmt.Sprintf("another process listens on %s (another devcluster, or a Mesos master?): stop it, or choose "+
		"another address with --listen", string(p))
}

func (portTaken) Unwrap() error { return syscall.EADDRINUSE }

// listenAgent tries the master's port plus 1, 2 and so on, as agents on one machine are often numbered, and then any.
func (c *Cluster) listenAgent(ctx context.Context, index int) (net.Listener, error) {
	bind, port, _ := net.SplitHostPort(c.cfg.Listen)
	var lc net.ListenConfig
	if n, _ := strconv.Atoi(port); n > 0 {
		if l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, strconv.Itoa(n+1+index))); err == nil {
			return l, nil
		}
	}
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for agent %d: %w", index+1, err)
	}
	return l, nil
}

// Bounds of the wait for the master's port.
const (
	portTimeout = 30 * time.Second
	portPause   = 20 * time.Millisecond // between two attempts
)

// listenAgain opens the master's port once more. While there was no master, the system may have given the port to somebody's
// connection for a while.
func (c *Cluster) listenAgain(ctx context.Context) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, portTimeout)
	defer cancel()
	for {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(c.host, strconv.Itoa(c.port)))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-c.done:
			return nil, err
		case <-time.After(portPause):
		}
	}
}

// serveMaster serves the master's endpoints on l. Cluster.mu must be held.
func (c *Cluster) serveMaster(l net.Listener) {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/scheduler", c.master.serveScheduler)
	mux.HandleFunc("/master/api/v1/scheduler", c.master.serveScheduler)
	mux.HandleFunc("/api/v1", c.master.serveOperator)
	mux.HandleFunc("/master/api/v1", c.master.serveOperator)
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	c.server, c.listener = c.serve(l, mux), l
}

func (c *Cluster) serveAgents(l net.Listener) {
	if c.cfg.AgentTLS != nil {
		l = tls.NewListener(l, c.cfg.AgentTLS)
	}
	c.servers = append(c.servers, c.serve(l, http.HandlerFunc(c.serveAgent)))
}

// serve runs an HTTP server on l; handlers are waited for by Close.
func (c *Cluster) serve(l net.Listener, h http.Handler) *http.Server {
	guarded := c.guard(h)
	s := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       idleTimeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			if c.closing {
				c.mu.Unlock()
				panic(http.ErrAbortHandler)
			}
			c.handlers.Add(1)
			c.mu.Unlock()
			defer c.handlers.Done()
			guarded.ServeHTTP(w, r)
		}),
	}
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		_ = s.Serve(limit(l, c.slots)) // ends with ErrServerClosed
	}()
	return s
}
