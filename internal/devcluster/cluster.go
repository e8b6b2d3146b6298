package devcluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Cluster is a running master with its agents. All of their state is one state machine under one lock: what blocks
// (processes, downloads, sockets) happens outside of it and comes back through a method that takes it.
type Cluster struct {
	cfg        Config
	log        logr.Logger
	host       string
	port       int
	dir        string   // the work dir
	temporary  bool     // Close removes it
	lock       *os.File // of a work dir that is not temporary
	attributes []mesos.Attribute
	total      resources
	docker     docker
	slots      chan struct{} // one for each connection
	done       chan struct{} // closed by Close
	wg         sync.WaitGroup
	handlers   sync.WaitGroup
	servers    []*http.Server // the agents'
	closeOnce  sync.Once
	closeErr   error

	mu        sync.Mutex
	timers    timers
	closing   bool
	master    *Master
	server    *http.Server // the master's; nil while it is stopped
	listener  net.Listener // of server
	agents    []*Agent
	retired   []*Agent // removed for good; their tasks may still be ending
	epoch     string   // of the agents' ids
	nextAgent int
}

// Start listens, registers the agents and serves until Close, or until ctx ends. When it returns, the cluster is ready.
// Its errors say what to do about a port that is taken.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	// listeners that wait hold one, too
	c := &Cluster{cfg: cfg, log: cfg.Log, docker: docker{cfg.DockerHost}, done: make(chan struct{}),
		slots: make(chan struct{}, connectionLimit()+cfg.Agents+2)}
	c.timers.wake = make(chan struct{}, 1)
	if c.total, err = parseResources(cfg.Resources); err != nil {
		return nil, err
	}
	if c.attributes, err = parseAttributes(cfg.Attributes); err != nil {
		return nil, err
	}
	listener, err := c.listen(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.prepareDir(); err != nil {
		_ = listener.Close()
		return nil, err
	}
	c.master = &Master{c: c}
	if err := c.startAgents(ctx); err != nil {
		_ = listener.Close()
		return nil, errors.Join(err, c.Close())
	}
	c.mu.Lock()
	c.master.boot(c.newRegistry())
	for _, a := range c.agents {
		a.node.state = nodeActive
	}
	c.serveMaster(listener)
	c.master.round()
	c.mu.Unlock()
	c.wg.Add(1)
	go c.tick()
	context.AfterFunc(ctx, func() { _ = c.Close() })
	return c, nil
}

func (c *Cluster) prepareDir() error {
	if c.cfg.WorkDir == "" {
		dir, err := os.MkdirTemp("", "devcluster-")
		if err != nil {
			return fmt.Errorf("make a work dir: %w", err)
		}
		c.dir, c.temporary = dir, true
		return os.Chmod(dir, dirMode())
	}
	dir, err := filepath.Abs(c.cfg.WorkDir)
	if err == nil {
		err = os.MkdirAll(dir, dirMode())
	}
	if err != nil {
		return fmt.Errorf("make the work dir %s: %w", c.cfg.WorkDir, err)
	}
	c.dir = dir
	if err := c.lockDir(); err != nil {
		return err
	}
	c.killLeftovers()
	c.removeLeftContainers()
	c.removeOldSandboxes()
	// The work dir may be older than we are, and others may read it. What is in it is nobody else's.
	slaves := filepath.Join(dir, "slaves")
	if err := errors.Join(os.MkdirAll(slaves, dirMode()), os.Chmod(slaves, dirMode())); err != nil {
		return fmt.Errorf("make %s: %w", slaves, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "fetch")); err != nil {
		return fmt.Errorf("empty the fetcher cache: %w", err)
	}
	return nil
}

// startAgents makes the agents and their listeners. Simulated ones share one listener: there may be thousands.
func (c *Cluster) startAgents(ctx context.Context) error {
	c.epoch, c.nextAgent = newUUID(), c.cfg.Agents
	var shared net.Listener
	for i := range c.cfg.Agents {
		a := &Agent{
			c: c, index: i, id: fmt.Sprintf("%s-S%d", c.epoch, i), hostname: c.host, path: "slave(1)", dir: c.dir, started: time.Now(),
			frameworks: map[string]*client{}, runs: map[taskKey]*run{},
			fetched: &fetchCache{dir: filepath.Join(c.dir, "fetch", strconv.Itoa(i)), limit: c.cfg.FetcherCacheSize},
		}
		if c.cfg.Agents > 1 {
			a.hostname = fmt.Sprintf("agent-%d", i+1)
		}
		if shared == nil || !c.cfg.Simulate {
			l, err := c.listenAgent(ctx, i)
			if err != nil {
				return err
			}
			shared = l
			c.serveAgents(l)
		}
		a.port = shared.Addr().(*net.TCPAddr).Port
		if c.cfg.Simulate {
			a.path = fmt.Sprintf("slave(%d)", i+1)
		}
		c.agents = append(c.agents, a)
	}
	return nil
}

// newRegistry makes fresh records of all agents, as a master has them that only knows their ids, and whose machines are down.
func (c *Cluster) newRegistry() []*node {
	nodes := make([]*node, len(c.agents))
	for i, a := range c.agents {
		n := c.newNode(a)
		if a.node != nil && a.node.down {
			n.down, n.state = true, nodeRemoved
		}
		a.node, nodes[i] = n, n
	}
	return nodes
}

func (c *Cluster) newNode(a *Agent) *node {
	return &node{
		agent: a, id: a.id, total: c.total, state: nodeRecovered, since: time.Now(),
		offers: map[string]*offer{}, tasks: map[taskKey]*task{}, kills: map[taskKey]bool{},
	}
}

// URL is the master's base URL.
func (c *Cluster) URL() string {
	return "http://" + net.JoinHostPort(c.host, strconv.Itoa(c.port))
}

// WorkDir is where the sandboxes are.
func (c *Cluster) WorkDir() string { return c.dir }

// Master is the master, whose hooks tests use.
func (c *Cluster) Master() *Master { return c.master }

// Agents is how many agents there are.
func (c *Cluster) Agents() int { return c.cfg.Agents }

// Agent is the agent with this index, from 0: after maintenance another one than before.
func (c *Cluster) Agent(i int) *Agent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agents[i]
}

// StopMaster ends the master process as kill -9 does: connections break, new ones are refused. Agents and tasks go
// on.
func (c *Cluster) StopMaster() {
	c.mu.Lock()
	c.master.up = false
	server, listener := c.server, c.listener
	c.server = nil
	for _, o := range c.master.offers {
		c.stop(o.timeout)
	}
	for _, f := range c.master.frameworks {
		c.stop(f.failover)
		if f.stream != nil {
			f.stream.close(streamCut)
		}
	}
	c.mu.Unlock()
	if server != nil {
		_ = server.Close()
		_ = listener.Close() // one that it had not begun to serve is not closed by it at once
	}
}

// StartMaster starts a master on the same address after StopMaster. It has forgotten frameworks, offers and tasks,
// and waits for the agents that it finds in its registry; they return after Config.ReregisterDelay:
// recordings/master_restart.
func (c *Cluster) StartMaster(ctx context.Context) error {
	l, err := c.listenAgain(ctx)
	if err != nil {
		return fmt.Errorf("restart the master: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return errors.Join(errors.New("restart the master: the cluster is closed"), l.Close())
	}
	c.master.boot(c.newRegistry())
	c.serveMaster(l)
	for _, a := range c.agents {
		a.comeBack()
	}
	return nil
}

// RestartMaster is StopMaster and StartMaster.
func (c *Cluster) RestartMaster(ctx context.Context) error {
	c.StopMaster()
	return c.StartMaster(ctx)
}

// Close stops everything: tasks get SIGTERM and after half a second SIGKILL, listeners and goroutines end. It may be
// called more than once, and returns when all of it is done.
func (c *Cluster) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.close() })
	return c.closeErr
}

func (c *Cluster) close() error {
	c.mu.Lock()
	c.closing = true
	close(c.done)
	server := c.server
	c.mu.Unlock()
	for _, s := range append(c.servers, server) {
		if s != nil {
			_ = s.Close()
		}
	}
	c.handlers.Wait()
	c.signalAll(syscall.SIGTERM)
	force := time.AfterFunc(500*time.Millisecond, func() { c.signalAll(syscall.SIGKILL) })
	defer force.Stop()
	c.wg.Wait()
	if !c.cfg.Simulate {
		c.killLeftovers() // in sessions of their own, or those that ignore SIGTERM
	}
	if !c.temporary {
		return c.lock.Close()
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove the work dir: %w", err)
	}
	return nil
}

// signalAll signals every process group, and ends what is being fetched.
func (c *Cluster) signalAll(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range append(c.retired, c.agents...) {
		for _, x := range a.runs {
			if x.cancel != nil && x.pgid == 0 {
				x.cancel()
			}
			if x.pgid > 0 && !x.exited {
				_ = syscall.Kill(-x.pgid, s)
			}
		}
	}
}

func ipNumber(host string) uint32 {
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(ip)
}
