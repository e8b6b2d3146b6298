package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// startEmbedded starts the etcd and the dev cluster that the configuration leaves to us.
func (m *Manager) startEmbedded(ctx context.Context, started *closers) error {
	m.etcd, m.masters = strings.Join(m.cfg.Etcd.Endpoints, ","), m.cfg.Mesos.Masters
	ownEtcd, ownMesos := len(m.cfg.Etcd.Endpoints) == 0, len(m.masters) == 0
	if !ownEtcd && !ownMesos {
		return nil
	}
	release, err := lockDataDir(m.cfg.DataDir)
	if err != nil {
		return err
	}
	started.add("data directory", func() error { release(); return nil })
	if ownEtcd {
		stop, endpoint, err := startEtcd(ctx, m.cfg.Etcd.Listen, m.cfg.DataDir, m.log.WithName("etcd"))
		if err != nil {
			return err
		}
		started.add("embedded etcd", func() error { stop(); return nil })
		m.etcd, m.cfg.Etcd.Endpoints = endpoint, []string{endpoint}
		m.log.Info("Started the embedded etcd", "endpoint", endpoint, "data", m.cfg.DataDir)
	}
	if ownMesos {
		url, stop, err := startDevCluster(ctx, m.cfg, m.log.WithName("devcluster"))
		if err != nil {
			return err
		}
		started.add("dev cluster", stop)
		m.masters = []string{url}
		m.log.Info("Started the dev cluster: for development, never for production", "master", url, "agents", m.cfg.DevCluster.Agents)
	}
	return nil
}

// lockDataDir takes the data directory for this process alone. The lock goes with the process, however it ends.
func lockDataDir(dir string) (release func(), err error) {
	// Tasks of other users enter the dev cluster's sandboxes through it; what is secret in it has modes of its own.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("make data directory: %w: give another one with --data-dir", err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: give another directory with --data-dir", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data directory %s is in use by another manager: stop it, or give another directory with --data-dir", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// etcdStartTimeout is how long the embedded server may take to elect itself; with a large log on a slow disk it needs seconds.
const etcdStartTimeout = 60 * time.Second

// startEtcd runs an etcd server in this process, with its data below dir. It answers how to stop it, and its client URL.
func startEtcd(ctx context.Context, listen, dir string, log logr.Logger) (stop func(), endpoint string, err error) {
	level := zap.NewAtomicLevelAt(zapcore.ErrorLevel)
	cfg, err := etcdConfig(listen, dir, level, log)
	if err != nil {
		return nil, "", err
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, "", portClash(fmt.Errorf("start the embedded etcd on %s: %w", listen, err), listen, "--etcd-listen", "or use that etcd with --etcd-endpoints http://"+listen)
	}
	stop = func() {
		level.SetLevel(zapcore.FatalLevel) // That its listeners are closed is what we want, and no news.
		e.Close()
	}
	select {
	case <-e.Server.ReadyNotify():
		return stop, "http://" + e.Clients[0].Addr().String(), nil
	case err = <-e.Err():
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(etcdStartTimeout):
		err = fmt.Errorf("not ready after %s", etcdStartTimeout)
	}
	stop()
	return nil, "", fmt.Errorf("start the embedded etcd: %w", err)
}

func etcdConfig(listen, dir string, level zapcore.LevelEnabler, log logr.Logger) (*embed.Config, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("etcd.listen: %w", err)
	}
	client := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"} // a lone member has no peers; any free port will do

	cfg := embed.NewConfig()
	cfg.Name = "horae"
	cfg.Dir = filepath.Join(dir, "etcd")
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	// A lone member waits for nobody: elect quickly.
	cfg.TickMs, cfg.ElectionMs = 50, 500
	// Recent raft entries stay in memory; with grouped transactions the default of 10,000 costs over a gigabyte.
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 500, 500
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = embed.CompactorModePeriodic, "5m"
	cfg.QuotaBackendBytes = 8 << 30
	cfg.EnableGRPCGateway = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(etcdLog{level, log}))
	return cfg, nil
}

// portClash adds to a listen error what the user can do about it.
func portClash(err error, listen, flag, otherwise string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: another process uses %s; stop it, choose another address with %s, %s", err, listen, flag, otherwise)
	}
	return err
}
