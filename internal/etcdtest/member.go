package etcdtest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// memberEnv holds, in a process that is a member, its member as JSON.
const memberEnv = "HORAE_ETCDTEST_MEMBER"

// What a member prints on standard output: when it serves requests, and after each line on standard input, which sets how much
// longer each fsync takes.
const (
	readyLine = "ready"
	doneLine  = "done"
)

// member is what a process has to know to be one.
type member struct {
	Name, Dir        string
	Client, Peer     string // URLs
	PeerListen       string // URL; "": Peer
	Cluster          string // name=peer URL, of all
	Fsync            bool
	QuotaBytes       int64
	TickMs, Election uint

	partitions bool // for the one who starts it
}

// mainCalled: RunMember was called in this process, so that those it starts will call it too.
var mainCalled bool

// RunMember must be called first thing in the TestMain, or main, of a program that calls NewCluster. In a process that was
// started as a member it runs that member and never returns; in any other it does nothing.
func RunMember() {
	mainCalled = true
	env, ok := os.LookupEnv(memberEnv)
	if !ok {
		return
	}
	var m member
	if err := json.Unmarshal([]byte(env), &m); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", memberEnv, err)
		os.Exit(2)
	}
	if err := m.run(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", m.Name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run serves until SIGTERM.
func (m member) run() error {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	cfg, err := m.config()
	if err != nil {
		return err
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	go obey()
	ready := e.Server.ReadyNotify()
	for {
		select {
		case <-ready:
			fmt.Println(readyLine)
			ready = nil
		case err := <-e.Err():
			return err
		case <-e.Server.StopNotify():
			return fmt.Errorf("the server has stopped")
		case <-term:
			return nil
		}
	}
}

// obey answers what comes on standard input.
func obey() {
	var slow slowSync
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		delay, err := time.ParseDuration(lines.Text())
		if err == nil {
			err = slow.set(delay)
		}
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(doneLine)
		}
	}
}

func (m member) config() (*embed.Config, error) {
	var urls [3]url.URL
	for i, text := range []string{m.Client, m.Peer, cmp.Or(m.PeerListen, m.Peer)} {
		u, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		urls[i] = *u
	}
	log, err := zap.NewDevelopmentConfig().Build(zap.IncreaseLevel(zapcore.WarnLevel), zap.WithCaller(false),
		zap.AddStacktrace(zapcore.FatalLevel))
	if err != nil {
		return nil, err
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = m.Name, m.Dir
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = urls[:1], urls[:1]
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = urls[2:], urls[1:2]
	cfg.InitialCluster = m.Cluster
	cfg.UnsafeNoFsync = !m.Fsync
	cfg.QuotaBackendBytes = m.QuotaBytes
	cfg.TickMs, cfg.ElectionMs = m.TickMs, m.Election
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 1000, 500
	cfg.EnableGRPCGateway = false
	cfg.BcryptCost = bcryptCost
	cfg.SocketOpts.ReusePort = true // the port is reserved by who started us: see reserve
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	return cfg, nil
}
