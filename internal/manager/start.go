package manager

import (
	"context"
	"fmt"
	"io"
	"strings"

	"horae/internal/mesos"
	"horae/internal/mesos/discovery"
	"horae/internal/store"
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

// openStore connects to etcd.
func (m *Manager) openStore(ctx context.Context) error {
	c := m.cfg.Etcd
	files, err := newRotatedTLS("etcd.tls", c.TLS, m.log.WithName("etcd"))
	if err != nil {
		return err
	}
	password, err := readSecret("etcd.passwordFile", c.PasswordFile)
	if err != nil {
		return err
	}
	m.store, err = m.awaitEtcd(ctx, store.Config{
		Endpoints: c.Endpoints, TLS: files.forLong(), Username: c.Username, Password: password,
		RequestTimeout: c.RequestTimeout.Duration, OnSpace: m.spaceChanged, Registerer: m.registry,
	})
	if err != nil {
		return fmt.Errorf("%w (etcd.endpoints, --etcd-endpoints)", err)
	}
	return nil
}

// openMesos finds out how to speak to Mesos; it speaks to nobody yet.
func (m *Manager) openMesos() (err error) {
	c := m.cfg.Mesos
	log := m.log.WithName("mesos")
	files, err := newRotatedTLS("mesos.tls", c.TLS, log)
	if err != nil {
		return err
	}
	if files != nil {
		m.mesos.TLS = files.get
	}
	switch {
	case c.TokenFile != "":
		token, err := newRotatedSecret("mesos.tokenFile", c.TokenFile, log)
		if err != nil {
			return err
		}
		m.mesos.Authorization = mesos.BearerToken(token.get)
	case c.SecretFile != "":
		secret, err := newRotatedSecret("mesos.secretFile", c.SecretFile, log)
		if err != nil {
			return err
		}
		m.mesos.Authorization = mesos.BasicAuth(c.Framework.Principal, secret.get)
	}
	m.mesos.Masters, m.mesos.Scheme = mesos.MasterList(m.masters), c.Scheme
	if c.zooKeeper() {
		url, err := discovery.Parse(c.Masters[0])
		if err != nil {
			return fmt.Errorf("mesos.masters[0]: %w", err)
		}
		m.detector = discovery.New(url, m.log.WithName("zookeeper"))
		m.mesos.Masters, m.masters = m.detector, []string{url.String()}
	}
	return nil
}

// announce prints the ready line, for people and for whoever started us.
func (m *Manager) announce(out io.Writer) {
	fmt.Fprintf(out, "manager ready api=%s etcd=%s mesos=%s data=%s\n", m.url(), m.etcd, strings.Join(m.masters, ","), m.cfg.DataDir)
	m.log.Info("Serving", "api", m.url(), "etcd", m.etcd, "mesos", m.masters, "name", m.cfg.Name)
}
