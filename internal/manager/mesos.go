package manager

import (
	"context"
	"errors"
	"fmt"

	"horae/internal/mesos"
	"horae/internal/mesos/discovery"
	"horae/internal/store"
)

// configureMesos finds out how to speak to Mesos; it speaks to nobody yet.
func (m *Manager) configureMesos() (err error) {
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

// newDriver makes the conversation with Mesos.
func (m *Manager) newDriver(writer *store.Writer, suppressed func() []string) (*mesos.Driver, error) {
	c := m.cfg.Mesos.Framework
	cfg := m.mesos
	cfg.IDs = frameworkIDs{&store.FrameworkIDs{Store: m.store, Writer: writer}}
	cfg.Log = m.log.WithName("mesos")
	cfg.Framework = mesos.FrameworkConfig{
		Name: c.Name, User: c.User, Roles: c.Roles, Principal: c.Principal,
		FailoverTimeout: c.FailoverTimeout.Duration, NoCheckpoint: !c.Checkpoint,
		WebUIURL: c.WebUIURL, Hostname: c.Hostname, Labels: c.Labels, GPUs: c.GPUs,
		Revocable: c.Revocable, SuppressedRoles: suppressed,
	}
	return mesos.New(cfg)
}

// frameworkIDs lets a deposed leader neither store an id nor subscribe: a subscription under our id would void its successor's.
type frameworkIDs struct{ *store.FrameworkIDs }

func (f frameworkIDs) FrameworkID(ctx context.Context) (string, error) {
	// An empty change writes nothing and asks etcd whether the fence holds, also while all else is held up by doubt: its answer is
	// better than the lease's.
	if _, err := f.Writer.Apply(ctx, store.Change{}); err != nil {
		return "", failedOver(err)
	}
	return f.FrameworkIDs.FrameworkID(ctx)
}

func (f frameworkIDs) SetFrameworkID(ctx context.Context, id string) error {
	return failedOver(f.FrameworkIDs.SetFrameworkID(ctx, id))
}

// failedOver translates "another process leads" into the error of the driver.
func failedOver(err error) error {
	if errors.Is(err, store.ErrFenced) {
		return fmt.Errorf("%w: %w", mesos.ErrFailedOver, err)
	}
	return err
}

// stepDown translates "another scheduler uses our framework id" into the error of the election: campaign again.
func stepDown(err error) error {
	if errors.Is(err, mesos.ErrFailedOver) && !errors.Is(err, store.ErrFenced) {
		return fmt.Errorf("%w: %w", store.ErrFenced, err)
	}
	return err
}
