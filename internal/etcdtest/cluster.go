package etcdtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// T is what a Cluster wants of a test; a program that is none can play one.
type T interface {
	Helper()
	Logf(format string, args ...any)
	// Fatalf does not return.
	Fatalf(format string, args ...any)
	Failed() bool
	// Cleanup has f called at the end, the last first.
	Cleanup(f func())
	TempDir() string
}

// Cluster is an etcd cluster whose members are processes of their own: this program, executed again. They die with it.
//
// A test may lose members one after the other, and get them back; the methods that do so are for one goroutine at a time.
type Cluster struct {
	t       T
	members []member
	clients []*clientv3.Client
	peers   *peers // nil unless it may be partitioned

	mu    sync.Mutex
	procs []*process // nil while a member does not run; the peers' goroutines read it, and so mu guards writes
}

// process is a member that runs.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	said    chan string // each line of its standard output; closed at its end
	wg      sync.WaitGroup
	stopped bool // by SIGSTOP
}

// ClusterOption changes how the members are started.
type ClusterOption func(*member)

// WithMemberFsync makes every write reach the disk before it is answered, as in production.
func WithMemberFsync() ClusterOption { return func(m *member) { m.Fsync = true } }

// WithQuota has the members raise the alarm NOSPACE, and refuse writes, when their data has grown to so many bytes.
func WithQuota(bytes int64) ClusterOption { return func(m *member) { m.QuotaBytes = bytes } }

// WithPartitions puts proxies between the members: see Partition.
func WithPartitions() ClusterOption { return func(m *member) { m.partitions = true } }

// NewCluster runs a cluster until the test ends, and returns when every member is ready. The program's TestMain, or main, must
// begin with RunMember.
func NewCluster(t T, members int, opts ...ClusterOption) *Cluster {
	t.Helper()
	if !mainCalled {
		// Else the processes that are to be members would run the tests, which start members.
		t.Fatalf("start an etcd cluster: this program's TestMain does not call etcdtest.RunMember")
	}
	c := &Cluster{
		t: t, members: make([]member, members), clients: make([]*clientv3.Client, members), procs: make([]*process, members),
	}
	dir := t.TempDir()
	for i := range c.members {
		// Elections quick enough for tests, and slow enough for a busy machine. The shortest lease that etcd grants is 1.5 times
		// as long: a second, in whole ones.
		m := member{Name: fmt.Sprintf("m%d", i), TickMs: 60, Election: 600}
		m.Dir = filepath.Join(dir, m.Name)
		m.Client, m.Peer = c.reserve(), c.reserve()
		for _, o := range opts {
			o(&m)
		}
		c.members[i] = m
	}
	if c.members[0].partitions {
		c.openPeers()
	}
	var peers []string
	for _, m := range c.members {
		peers = append(peers, m.Name+"="+m.Peer)
	}
	for i := range c.members {
		c.members[i].Cluster = strings.Join(peers, ",")
		c.clients[i] = Client(t, c.members[i].Client)
	}
	t.Cleanup(c.close)
	all := make([]int, members)
	for i := range all {
		all[i] = i
	}
	c.Start(all...)
	return c
}

func (c *Cluster) reserve() (endpoint string) {
	c.t.Helper()
	port, release, err := reserve()
	if err != nil {
		c.t.Fatalf("start an etcd cluster: %v", err)
	}
	c.t.Cleanup(release)
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// Endpoints are the members' client URLs.
func (c *Cluster) Endpoints() []string {
	all := make([]string, len(c.members))
	for i, m := range c.members {
		all[i] = m.Client
	}
	return all
}

// Member is a client of one member alone.
func (c *Cluster) Member(i int) *clientv3.Client { return c.clients[i] }

// Start starts members, or starts them again with the same data and ports. It waits until they are ready, unless they cannot be
// because too few members run.
func (c *Cluster) Start(members ...int) {
	c.t.Helper()
	for _, i := range members {
		c.spawn(i)
	}
	if running := len(c.running()); 2*running <= len(c.members) {
		return
	}
	for _, i := range members {
		if problem := c.await(i, readyLine); problem != "" {
			c.t.Fatalf("etcd member %d is not ready: %s\n%s", i, problem, c.log(i))
		}
	}
}

// await waits until a member says the line, and returns what happened instead; "" when it did.
func (c *Cluster) await(i int, want string) string {
	timeout := time.After(startTimeout)
	for {
		select {
		case line, ok := <-c.procs[i].said:
			switch {
			case !ok:
				return "it has ended"
			case line == want:
				return ""
			case line != readyLine: // of which Start did not want to know
				return line
			}
		case <-timeout:
			return fmt.Sprintf("it says nothing for %s", startTimeout)
		}
	}
}

// running lists the members that run and are not stopped.
func (c *Cluster) running() (all []int) {
	for i, p := range c.procs {
		if p != nil && !p.stopped {
			all = append(all, i)
		}
	}
	return all
}

// spawn starts a member's process.
func (c *Cluster) spawn(i int) {
	c.t.Helper()
	if c.procs[i] != nil {
		c.t.Fatalf("start etcd member %d: it runs", i)
	}
	env, err := json.Marshal(c.members[i])
	if err != nil {
		c.t.Fatalf("start etcd member %d: %v", i, err)
	}
	p, err := c.exec(string(env), c.members[i].Dir+".log")
	if err != nil {
		c.t.Fatalf("start etcd member %d: %v", i, err)
	}
	c.setProcess(i, p)
}

func (c *Cluster) setProcess(i int, p *process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.procs[i] = p
}

func (c *Cluster) exec(env, logFile string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	p := &process{cmd: exec.Command(self), said: make(chan string, 4)}
	p.cmd.Env = append(os.Environ(), memberEnv+"="+env)
	p.cmd.Stderr = log
	// A process group of its own, which signals of a terminal do not reach, and an end with ours.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.wg.Go(func() {
		defer close(p.said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.said <- lines.Text()
		}
		_ = p.cmd.Wait() // its end is no news: it was killed
	})
	return p, nil
}

// log is the end of what a member complained of.
func (c *Cluster) log(i int) string {
	log, err := os.ReadFile(c.members[i].Dir + ".log")
	if err != nil {
		return err.Error()
	}
	const most = 4000
	return string(log[max(0, len(log)-most):])
}

// Kill ends members as a crash would, all at once, and waits for their end. Those that do not run are left alone.
func (c *Cluster) Kill(members ...int) {
	for _, i := range members {
		if c.procs[i] != nil {
			_ = c.procs[i].cmd.Process.Kill()
		}
	}
	for _, i := range members {
		if c.procs[i] != nil {
			c.procs[i].wg.Wait()
			c.setProcess(i, nil)
		}
	}
}

// Stop halts members (SIGSTOP): their connections stay open, and they answer nothing.
func (c *Cluster) Stop(members ...int) {
	c.t.Helper()
	c.signal(syscall.SIGSTOP, true, members)
}

// Continue lets members go on (SIGCONT) that were stopped.
func (c *Cluster) Continue(members ...int) {
	c.t.Helper()
	c.signal(syscall.SIGCONT, false, members)
}

func (c *Cluster) signal(s syscall.Signal, stopped bool, members []int) {
	c.t.Helper()
	for _, i := range members {
		if c.procs[i] == nil {
			c.t.Fatalf("send %s to etcd member %d: it does not run", s, i)
		}
		if err := c.procs[i].cmd.Process.Signal(s); err != nil {
			c.t.Fatalf("send %s to etcd member %d: %v", s, i, err)
		}
		c.procs[i].stopped = stopped
	}
}

// SlowDisk has each fsync of running members take so much longer, until they are killed or it is called again. It needs
// WithMemberFsync. The error says that this machine cannot do it.
func (c *Cluster) SlowDisk(by time.Duration, members ...int) error {
	c.t.Helper()
	for _, i := range members {
		if !c.members[i].Fsync || c.procs[i] == nil {
			c.t.Fatalf("slow down the disk of etcd member %d: it does not run, or does not fsync", i)
		}
		if _, err := fmt.Fprintln(c.procs[i].stdin, by); err != nil {
			c.t.Fatalf("slow down the disk of etcd member %d: %v", i, err)
		}
		if problem := c.await(i, doneLine); problem != "" {
			return fmt.Errorf("slow down the disk of etcd member %d: %s", i, problem)
		}
	}
	return nil
}

// askAgain is the pause between two questions to a cluster that is still choosing.
const askAgain = 50 * time.Millisecond

// Leader is the member that leads, when a majority says so; it waits for that until ctx ends.
func (c *Cluster) Leader(ctx context.Context) int {
	c.t.Helper()
	for {
		if i, ok := c.leader(ctx); ok {
			return i
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("no member of the etcd cluster leads: %v", ctx.Err())
		case <-time.After(askAgain):
		}
	}
}

// leader asks the members that run.
func (c *Cluster) leader(ctx context.Context) (int, bool) {
	votes := map[uint64]int{}
	index := map[uint64]int{}
	for _, i := range c.running() {
		if s := c.status(ctx, i); s != nil {
			index[s.Header.MemberId] = i
			votes[s.Leader]++
		}
	}
	for id, n := range votes {
		if i, runs := index[id]; runs && 2*n > len(c.members) {
			return i, true
		}
	}
	return 0, false
}

// statusTimeout bounds the wait for one member's status.
const statusTimeout = 2 * time.Second

// status of a member as it sees it; nil when it does not answer.
func (c *Cluster) status(ctx context.Context, i int) *clientv3.StatusResponse {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	s, err := c.clients[i].Status(ctx, c.members[i].Client)
	if err != nil {
		return nil
	}
	return s
}

// MoveLeader hands the lead to a member and waits until it has it.
func (c *Cluster) MoveLeader(ctx context.Context, to int) {
	c.t.Helper()
	for {
		from := c.Leader(ctx)
		if from == to {
			return
		}
		// A refusal means that the lead has moved meanwhile; the next look shows it.
		if s := c.status(ctx, to); s != nil {
			_, _ = c.clients[from].MoveLeader(ctx, s.Header.MemberId)
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("hand the lead to etcd member %d: %v", to, ctx.Err())
		case <-time.After(askAgain):
		}
	}
}

// Followers are the members that run and do not lead.
func (c *Cluster) Followers(ctx context.Context) []int {
	c.t.Helper()
	leader := c.Leader(ctx)
	return slices.DeleteFunc(c.running(), func(i int) bool { return i == leader })
}

func (c *Cluster) close() {
	for i := range c.members {
		c.Kill(i)
		if c.t.Failed() {
			c.t.Logf("etcd member %d said:\n%s", i, c.log(i))
		}
	}
}
