// Package etcdtest starts real etcd servers for a test: one member inside the test (New), or a cluster whose members are processes
// of their own, to be killed and stopped (NewCluster). They listen on random loopback ports, keep their data in the test's
// own directory, and do not fsync unless asked to. Only tests and benchmarks import it; it never connects to anything that
// it did not start.
//
// # Where things are
//
//   - etcdtest.go: one server inside of the test; backup.go: copies of its data
//   - cluster.go: members as processes; member.go: what such a process does; peers.go: partitions between members;
//     port.go: ports that nobody else takes; slowdisk.go: a slow disk
//   - proxy.go: breaking connections between a client and a server; front.go: breaking single requests, answers and
//     events
package etcdtest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// startTimeout is generous: it ends a test that would hang otherwise, and is never waited for in full.
const startTimeout = 60 * time.Second

// bcryptCost is the least there is: under the race detector etcd's usual one makes a password take ten seconds.
const bcryptCost = 4

// Option changes how the server is started.
type Option func(*embed.Config)

// WithFsync makes every write reach the disk before it is answered, as in production. For benchmarks.
func WithFsync() Option { return func(c *embed.Config) { c.UnsafeNoFsync = false } }

// WithConfig changes anything else.
func WithConfig(f func(*embed.Config)) Option { return Option(f) }

// Start runs a server until the test ends and returns its client URL.
func Start(t testing.TB, opts ...Option) (endpoint string) {
	t.Helper()
	return New(t, opts...).Endpoint
}

// Client connects to the members at the endpoints until the test ends.
func Client(t T, endpoints ...string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		DialTimeout: 10 * time.Second,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		t.Fatalf("connect to etcd at %v: %v", endpoints, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Server is a server that a test stops and starts again: same port, same data.
type Server struct {
	// Endpoint is the client URL; it stays the same over Restart.
	Endpoint string

	t    testing.TB
	dir  string
	opts []Option

	mu   sync.Mutex
	etcd *embed.Etcd // nil while stopped; guarded by mu
}

// New runs a server until the test ends.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	port, release, err := reserve() // so that nobody else gets it while the server is stopped
	if err != nil {
		t.Fatalf("start etcd: %v", err)
	}
	t.Cleanup(release)
	s := &Server{Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), t: t, dir: t.TempDir(), opts: opts}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server as SIGTERM would and waits for it. Connections break; the data stays. It does nothing to a server that
// is stopped.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
}

func (s *Server) stopLocked() {
	if s.etcd == nil {
		return
	}
	s.etcd.Close()
	s.etcd = nil
}

// Restart stops the server, if it runs, and starts it again on the same port and data.
func (s *Server) Restart() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()

	cfg, err := s.config()
	if err != nil {
		s.t.Fatalf("configure etcd: %v", err)
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		s.t.Fatalf("start etcd on %s: %v", cfg.ListenClientUrls[0].String(), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		e.Close()
		s.t.Fatalf("start etcd: %v", err)
	case <-ctx.Done():
		e.Close()
		s.t.Fatalf("start etcd: not ready after %s", startTimeout)
	}
	s.etcd = e
}

func (s *Server) config() (*embed.Config, error) {
	clientURL, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, err
	}
	peerURL := url.URL{Scheme: "http", Host: "127.0.0.1:0"}

	cfg := embed.NewConfig()
	cfg.Dir = s.dir
	cfg.Name = "test"
	cfg.UnsafeNoFsync = true
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peerURL}, []url.URL{peerURL}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	// A lone member elects itself after one election timeout; the shortest lease that etcd grants follows from it too (1 s).
	cfg.TickMs, cfg.ElectionMs = 10, 100
	cfg.SocketOpts.ReusePort = true // the port is reserved: see reserve
	cfg.EnableGRPCGateway = false
	cfg.BcryptCost = bcryptCost
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 1000, 500
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	for _, o := range s.opts {
		o(cfg)
	}
	return cfg, nil
}
