package discovery

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-zookeeper/zk"
)

const (
	// sessionTimeout is Mesos's own default: a server that says nothing for two thirds of it counts as lost.
	sessionTimeout = 10 * time.Second
	// answerTimeout bounds a call to a server that has taken the connection and does not answer.
	answerTimeout = sessionTimeout
	dialTimeout   = 3 * time.Second
	// maxAnswer in bytes: ZooKeeper's own default limit.
	maxAnswer = 1 << 20
)

// conn is a session over the network.
type conn struct {
	zk     *zk.Conn
	events <-chan zk.Event
	lost   chan struct{}
	cancel context.CancelFunc // ends dials, and breaks the connection
}

// dial begins a session: the first call waits until it is there. It ends with ctx.
func dial(ctx context.Context, url URL, log logr.Logger) (session, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &conn{lost: make(chan struct{}), cancel: cancel}
	lose := sync.OnceFunc(func() { close(c.lost) })
	var began atomic.Bool
	var err error
	c.zk, c.events, err = zk.Connect(url.Servers, sessionTimeout,
		zk.WithDialer(func(network, address string, _ time.Duration) (net.Conn, error) {
			return dialUntil(ctx, network, address)
		}),
		zk.WithHostProvider(&rotation{}),
		zk.WithLogger(printer{log.V(2)}), zk.WithLogInfo(log.V(2).Enabled()),
		zk.WithMaxBufferSize(maxAnswer),
		zk.WithEventCallback(func(e zk.Event) { // Unlike the channel, it misses nothing.
			switch {
			case e.Type != zk.EventSession:
			case e.State == zk.StateHasSession:
				began.Store(true)
			case e.State == zk.StateDisconnected && !began.Load():
				// A server that gave no session; the next one may.
			case e.State == zk.StateDisconnected, e.State == zk.StateExpired, e.State == zk.StateAuthFailed:
				lose()
			}
		}))
	if err != nil {
		cancel()
		return nil, err
	}
	if url.Credentials != "" {
		defer c.bound()()
		if err := c.zk.AddAuth("digest", []byte(url.Credentials)); err != nil {
			c.close()
			return nil, explain(err)
		}
	}
	return c, nil
}

// dialUntil dials, and breaks the connection when ctx ends.
func dialUntil(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	return &closing{Conn: nc, stop: stop}, nil
}

// closing forgets the context with the connection.
type closing struct {
	net.Conn
	stop func() bool
}

func (c *closing) Close() error {
	c.stop()
	return c.Conn.Close()
}

// bound breaks the connection unless it is called off in time.
func (c *conn) bound() (callOff func() bool) {
	return time.AfterFunc(answerTimeout, c.cancel).Stop
}

func (c *conn) children(path string) ([]string, <-chan zk.Event, error) {
	defer c.bound()()
	names, _, changed, err := c.zk.ChildrenW(path)
	return names, changed, err
}

func (c *conn) exists(path string) (bool, <-chan zk.Event, error) {
	defer c.bound()()
	there, _, changed, err := c.zk.ExistsW(path)
	return there, changed, err
}

func (c *conn) get(path string) ([]byte, error) {
	defer c.bound()()
	data, _, err := c.zk.Get(path)
	return data, err
}

func (c *conn) broken() <-chan struct{} { return c.lost }

// close ends the session at the server, if it is there, and waits for the library's goroutines.
func (c *conn) close() {
	select {
	case <-c.lost: // There is no server to end it at.
		c.cancel()
	default:
	}
	c.zk.Close()
	c.cancel()
	for range c.events {
	}
}

// rotation gives the servers in turn, as they are named: their addresses are looked up at each dial, so that a server may move.
type rotation struct {
	mu        sync.Mutex
	servers   []string
	next      int
	connected int // the index from which a whole round counts
}

func (r *rotation) Init(servers []string) error {
	r.servers = servers
	return nil
}

func (r *rotation) Len() int { return len(r.servers) }

// Next also says when all have been tried in vain: then the library waits a second.
func (r *rotation) Next() (server string, retryStart bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.next
	r.next++
	return r.servers[i%len(r.servers)], i > r.connected && (i-r.connected)%len(r.servers) == 0
}

func (r *rotation) Connected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connected = r.next - 1
}

// printer gives the library's own log lines to ours.
type printer struct{ log logr.Logger }

func (p printer) Printf(format string, args ...any) { p.log.Info(fmt.Sprintf(format, args...)) }
