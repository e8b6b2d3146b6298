package devcluster

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Whoever reaches the ports of the cluster may run anything: it asks nobody who they are. This file keeps browsers out, by which pages of
// others reach ports on loopback, and keeps connections from using up what the process may open.

// idleTimeout closes connections that nothing comes in on.
const idleTimeout = 30 * time.Second

// guard refuses what did not come from a client of ours: a request with a foreign Host (a name that somebody has pointed at our address,
// "DNS rebinding"), and one that a page of another site makes.
func (c *Cluster) guard(next http.Handler) http.Handler {
	crossSite := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !c.servesHost(r.Host, local) {
			reply(w, &httpError{http.StatusForbidden,
				fmt.Sprintf("Host %q is not served here: use %s or localhost, or allow it with --hosts", r.Host, c.host)})
			return
		}
		if err := crossSite.Check(r); err != nil {
			reply(w, &httpError{http.StatusForbidden, "a page of another site may not call the dev cluster: " + err.Error()})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// servesHost reports whether host, with or without a port, is a name of loopback, the address that the connection came in on, or what the
// cluster gives others as its address.
func (c *Cluster) servesHost(host string, local net.Addr) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	listen, _, _ := net.SplitHostPort(c.cfg.Listen)
	named := func(own string) bool { return own != "" && strings.EqualFold(own, host) }
	if named("localhost") || named(c.host) || named(listen) || slices.ContainsFunc(c.cfg.Hosts, named) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if ip = ip.Unmap(); ip.IsLoopback() {
		return true
	}
	tcp, ok := local.(*net.TCPAddr)
	return ok && tcp.AddrPort().Addr().Unmap() == ip
}

// Bounds of the connections of a cluster: a share of the file descriptors that the process may have, of which tasks and an embedded etcd
// need others.
const (
	connectionShare = 8
	leastConns      = 32
)

// connectionLimit is how many connections the cluster takes at once.
func connectionLimit() int {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return leastConns
	}
	return max(leastConns, int(min(r.Cur/connectionShare, 1<<20)))
}

// limited is a listener that takes a slot for each of its connections, from those of all the cluster's listeners. Without one it does not
// accept: clients wait.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, slots chan struct{}) *limited {
	return &limited{Listener: l, slots: slots, closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
