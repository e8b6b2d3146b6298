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
		m.masters, m.ownMesos = []string{url}, true
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
			return nil, fmt.Errorf("data directory %s is in use by another manager: stop it, or give another "+
				"directory with --data-dir", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// etcdStartTimeout is how long the embedded server may take to elect itself; with a large log on a slow disk it needs seconds.
const etcdStartTimeout = 60 * time.Second

// startEtcd runs an etcd server in this process, with its data below dir. It answers how to stop it, and its client URL.
func startEtcd(ctx context.Context, listen, dir string, log logr.Logger) (stop func(), endpoint string, err error) {
	if err := checkFiles(); err != nil {
		return nil, "", err
	}
	level := zap.NewAtomicLevelAt(zapcore.ErrorLevel)
	cfg, err := etcdConfig(listen, dir, level, log)
	if err != nil {
		return nil, "", err
	}
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, "", portClash(err, "start the embedded etcd", listen, "--etcd-listen",
			"or use that etcd with --etcd-endpoints http://"+listen)
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

// Bounds of what the embedded etcd may store: the largest that its authors advise, and what it takes to store anything.
const (
	maxQuota = 8 << 30
	minQuota = 64 << 20
)

// etcdQuota is half of what the disk has for dir, at most maxQuota. An etcd that reaches its quota refuses writes until there is less in
// it; one whose disk is full ends the process.
func etcdQuota(dir string) (int64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("make etcd's directory: %w: give another one with --data-dir", err)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, fmt.Errorf("find out the size of the disk of %s: %w", dir, err)
	}
	var has int64 // already
	if info, err := os.Stat(filepath.Join(dir, "member", "snap", "db")); err == nil {
		has = info.Size()
	}
	return quotaFor(has, int64(disk.Bavail)*int64(disk.Bsize)), nil //nolint:unconvert // the types differ by system
}

// quotaFor is etcdQuota of a database of this size on a disk with so much room beside it.
func quotaFor(has, free int64) int64 {
	return min(maxQuota, max(minQuota, (has+free)/2))
}

// leastFiles is how many files the process must be able to open: etcd keeps 150 for itself, and ends the process if it cannot have them.
const leastFiles = 256

// checkFiles reports an error if the process may open too few files for an etcd of its own.
func checkFiles() error {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err == nil && r.Cur < leastFiles {
		return fmt.Errorf("the process may open %d files, and needs %d for the embedded etcd: raise the limit (ulimit -n)",
			r.Cur, leastFiles)
	}
	return nil
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
	// Recent raft entries stay in memory for members that are behind, and there are none. With transactions of a
	// megabyte each, the default of 5,000 costs gigabytes.
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 500, 50
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = embed.CompactorModePeriodic, "5m"
	if cfg.QuotaBackendBytes, err = etcdQuota(cfg.Dir); err != nil {
		return nil, err
	}
	if cfg.QuotaBackendBytes < maxQuota {
		log.Info("The embedded etcd may use half of the disk", "quota", fmt.Sprintf("%d MiB", cfg.QuotaBackendBytes>>20), "data", cfg.Dir)
	}
	cfg.EnableGRPCGateway = false
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.New(etcdLog{level, log}))
	return cfg, nil
}

// portClash says of a listen error what the user can do about it.
func portClash(err error, what, listen, flag, otherwise string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: another process listens on %s: stop it, choose another address with %s, %s", what, listen, flag, otherwise)
	}
	return fmt.Errorf("%s: %w", what, err)
}
