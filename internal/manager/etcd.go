package manager

import (
	"context"
	"fmt"
	"time"

	"horae/internal/backoff"
	"horae/internal/store"
)

// connectEtcd connects to etcd.
func (m *Manager) connectEtcd(ctx context.Context) error {
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

// askEtcdAgain is the pause between two attempts to reach an etcd that does not answer at the start.
const askEtcdAgain = time.Second

// awaitEtcd opens the store, and waits for etcd as long as that takes: managers and etcd may be started in any order. What waiting does
// not mend (a wrong password, an address that cannot be one) is an error at once.
func (m *Manager) awaitEtcd(ctx context.Context, cfg store.Config) (*store.Store, error) {
	began := time.Now()
	for {
		s, err := store.Open(ctx, cfg)
		if err == nil || ctx.Err() != nil || !store.Unavailable(err) {
			return s, err
		}
		m.notReady.waitFor("etcd does not answer: " + err.Error())
		m.log.Info("Waiting for etcd", "error", err.Error(), "for", time.Since(began))
		if err := backoff.Sleep(ctx, askEtcdAgain); err != nil {
			return nil, err
		}
	}
}
