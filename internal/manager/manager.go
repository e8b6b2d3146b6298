package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"horae/internal/access"
	"horae/internal/cache"
	"horae/internal/feed"
	"horae/internal/filewatch"
	"horae/internal/mesos"
	"horae/internal/mesos/discovery"
	"horae/internal/sandbox"
	"horae/internal/server"
	"horae/internal/store"
)

// Manager is one running process of Horae.
type Manager struct {
	cfg      Config
	log      logr.Logger
	now      func() time.Time // the wall clock
	registry *prometheus.Registry

	listener    net.Listener         // of the API
	files       *filewatch.Watcher   // certificates and the like, read again when they change
	tls         *tls.Config          // of the API; nil: it speaks plain HTTP
	access      *access.Access       // who may do what
	notReady    *notReady            // answers on it until everything has been read from etcd
	etcd        string               // client URLs, for the ready line
	masters     []string             // of Mesos, or the ZooKeeper that knows them, for the ready line
	mesos       mesos.Config         // what is the same for every term's driver
	detector    *discovery.Detector  // of the leading master; nil: they are listed
	store       *store.Store         // etcd
	cache       *cache.Cache         // every object
	feed        *feed.Feed           // what happens to Jobs and Runs
	agents      *sandbox.Agents      // what tasks printed
	term        atomic.Pointer[term] // the present term of leadership; nil while another leads
	ownMesos    bool                 // the dev cluster of this process runs the tasks
	keysChanged chan struct{}        // holds one when the keys of callbacks have changed
	rewound     chan struct{}        // holds one when etcd has gone back to an older state
	pauses      pauses               // while nothing can be stored, or it is in doubt who leads
}

// Run runs a manager until ctx ends, which is its orderly stop, or until something breaks that it cannot mend. It prints one line to
// out when the API answers. The log goes to logs.
func Run(ctx context.Context, cfg Config, out, logs io.Writer) error {
	return runBy(ctx, time.Now, cfg, out, logs)
}

// runBy is Run by another wall clock than the machine's.
func runBy(ctx context.Context, now func() time.Time, cfg Config, out, logs io.Writer) (err error) {
	m := &Manager{cfg: cfg, log: newLog(logs, cfg.Log), now: now, registry: prometheus.NewRegistry(), rewound: make(chan struct{}, 1),
		keysChanged: make(chan struct{}, 1)}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	// What is started is stopped in reverse order, once nothing uses it any more.
	var started closers
	defer func() { started.close(m.log) }()

	// 1. The API's address first: if another process has it, nothing else should have been touched.
	if m.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return portClash(err, "serve the API", cfg.Listen, "--listen", "or use the manager that runs there")
	}
	started.add("API listener", m.listener.Close)
	if err := m.configureServing(&started); err != nil {
		return err
	}
	metrics := m.registry
	if m.cfg.Access.Mode == access.RBAC {
		metrics = prometheus.NewRegistry() // who may read them is not known yet
	}
	m.notReady = startNotReady(m.listener, m.tls, metrics, m.hosts())
	started.add("answers while not ready", m.notReady.stop)

	// 2. An etcd and a Mesos of our own, where none are configured.
	if err := m.startEmbedded(ctx, &started); err != nil {
		return err
	}

	// Files that are missing or wrong are reported now, and not when we come to lead.
	if err := m.configureMesos(); err != nil {
		return err
	}

	m.warnUnreachable()

	// 3. etcd, as soon as it answers, and everything in it as of one revision.
	switch err := m.connectEtcd(ctx); {
	case err != nil && ctx.Err() != nil:
		m.log.Info("Stopped while waiting for etcd")
		return nil
	case err != nil:
		return err
	}
	started.add("etcd client", m.store.Close)
	m.cache = cache.New(m.store, m.log.WithName("cache"))
	m.cache.Register(m.registry)
	m.cache.Listen(m.access.See)
	m.feed = feed.New()
	m.cache.Listen(m.feed.Publish)
	m.cache.OnRewind(m.feed.Rewind)
	m.cache.Listen(m.dispatch)
	m.cache.OnRevision(m.observed)
	m.cache.OnRewind(m.noticeRewind)
	m.cache.OnCallback(m.calledBack)
	m.cache.OnCallbackKeys(m.callbackKeysChanged)
	m.agents = &sandbox.Agents{Client: m.agentClient(), Log: m.log.WithName("sandbox")}
	started.add("sandbox reader", func() error { m.agents.Close(); return nil })

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.keepAccess(ctx) })
	m.notReady.waitFor("not everything has been read from etcd yet")
	group.Go(func() error { return m.cache.Follow(ctx) })
	if m.detector != nil { // A standby watches, too: it need not ask when it comes to lead.
		group.Go(func() error {
			m.detector.Run(ctx)
			return nil
		})
	}

	// 4. The API, once there is something to serve: every manager serves reads and writes, whoever leads.
	api, err := server.New(m.serverConfig())
	if err != nil {
		return err
	}
	group.Go(func() error { return m.serve(ctx, api, out) })

	// 5. The election; whoever wins runs the controllers (leadership.go) until the lead is lost.
	group.Go(func() error { return m.campaign(ctx) })

	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	m.log.Info("Stopped")
	return nil
}

// serve waits until the cache is filled, reports that on out, and serves the API until ctx ends.
func (m *Manager) serve(ctx context.Context, api *server.Server, out io.Writer) error {
	select {
	case <-m.cache.Synced():
	case <-ctx.Done():
		return nil
	}
	if err := m.notReady.stop(); err != nil {
		return fmt.Errorf("listen on %s: %w", m.cfg.Listen, err)
	}
	m.announce(out)
	return api.Serve(ctx, m.listener)
}

// announce prints the ready line, for people and for whoever started us.
func (m *Manager) announce(out io.Writer) {
	fmt.Fprintf(out, "manager ready api=%s etcd=%s mesos=%s data=%s\n", m.url(), m.etcd, strings.Join(m.masters, ","), m.cfg.DataDir)
	m.log.Info("Serving", "api", m.url(), "etcd", m.etcd, "mesos", m.masters, "name", m.cfg.Name)
}

// url is where the API answers.
func (m *Manager) url() string {
	scheme := "http"
	if m.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + m.listener.Addr().String()
}

// closers are stopped last in, first out.
type closers []struct {
	name  string
	close func() error
}

func (c *closers) add(name string, f func() error) {
	*c = append(*c, struct {
		name  string
		close func() error
	}{name, f})
}

func (c *closers) close(log logr.Logger) {
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i].close(); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Error(err, "Closing went wrong", "part", (*c)[i].name)
		}
	}
}
