package etcdtest

import (
	"net"
	"net/url"
	"sync"
	"time"
)

// Proxy stands between a client and a server, etcd or any other that speaks over TCP, and breaks what a network can break. A new
// one passes everything on.
type Proxy struct {
	// Endpoint is the URL that the client is given.
	Endpoint string

	listener net.Listener // nil: connections come by hand
	wg       sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // of mu: one of the following has changed
	target  string
	conns   map[net.Conn]bool
	refuse  bool // new connections are closed at once
	hold    [2]bool
	delay   time.Duration
	closed  bool
}

// The two directions of a connection.
const (
	toServer = iota
	toClient
)

// NewProxy passes connections on to an endpoint until the test ends.
func NewProxy(t T, endpoint string) *Proxy {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatalf("proxy to %s: %v", endpoint, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("proxy to %s: %v", endpoint, err)
	}
	p := newProxy(u.Host)
	p.Endpoint, p.listener = "http://"+l.Addr().String(), l
	p.wg.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

// newProxy passes on the connections that take is given to host:port.
func newProxy(target string) *Proxy {
	p := &Proxy{target: target, conns: map[net.Conn]bool{}}
	p.changed = sync.NewCond(&p.mu)
	return p
}

// Cut breaks all connections and refuses new ones.
func (p *Proxy) Cut() { p.set(true, false, false, true) }

// Silence keeps connections open, and passes nothing on in either direction.
func (p *Proxy) Silence() { p.set(false, true, true, false) }

// HoldAnswers passes on what the client says and keeps back what the server says, so that requests are carried out and never
// answered.
func (p *Proxy) HoldAnswers() { p.set(false, false, true, false) }

// withhold keeps back what goes in one direction, beside what is held back already.
func (p *Proxy) withhold(direction int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold[direction] = true
}

// Delay passes everything on, each piece that is read after so long, and one after the other: a slow network, and a thin one.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Retarget leads new connections to another host:port: the server has come back elsewhere.
func (p *Proxy) Retarget(hostPort string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = hostPort
}

// Break breaks all connections; what was kept back is lost. New ones are treated as before.
func (p *Proxy) Break() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breakLocked()
}

// Restore passes everything on again, first what was kept back.
func (p *Proxy) Restore() { p.set(false, false, false, false) }

func (p *Proxy) set(refuse, holdToServer, holdToClient, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.hold, p.delay = refuse, [2]bool{toServer: holdToServer, toClient: holdToClient}, 0
	if cut {
		p.breakLocked()
	}
	p.changed.Broadcast()
}

func (p *Proxy) breakLocked() {
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
	p.changed.Broadcast()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.breakLocked()
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.take(client)
	}
}

// take passes a new connection on.
func (p *Proxy) take(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		_, _ = client.Close(), server.Close()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.wg.Go(func() { p.pump(toServer, server, client) })
	p.wg.Go(func() { p.pump(toClient, client, server) })
}

// pump passes bytes on in one direction until either side is closed.
func (p *Proxy) pump(direction int, dst, src net.Conn) {
	defer func() { _, _ = dst.Close(), src.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && !p.pass(direction, dst) {
			return
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits until the direction is open. It returns false when the connection was broken meanwhile.
func (p *Proxy) pass(direction int, dst net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.delay; d > 0 {
		p.mu.Unlock()
		time.Sleep(d)
		p.mu.Lock()
	}
	for p.hold[direction] && p.conns[dst] {
		p.changed.Wait()
	}
	return p.conns[dst]
}
