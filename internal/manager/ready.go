package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"horae/internal/leader"
	"horae/internal/server"
	"horae/internal/store"
)

// checks are what /readyz runs: all of them pass only on a manager that sees etcd as it is now, while something can be written, somebody
// leads, and the leader is subscribed to Mesos.
func (m *Manager) checks() []server.Check {
	return []server.Check{
		{Name: "cache", Check: m.cacheReady},
		{Name: "etcd", Check: m.etcdReady},
		{Name: "leader", Check: m.leaderReady, Note: m.leaderNote},
		{Name: "mesos", Check: m.mesosReady, Note: m.mesosNote},
		{Name: "controllers", Check: m.controllersReady},
	}
}

// cacheReady fails until everything has been read from etcd, and while the cache does not follow what is written: ctx bounds the wait.
func (m *Manager) cacheReady(ctx context.Context) error {
	select {
	case <-m.cache.Synced():
	default:
		return errors.New("not everything has been read from etcd yet")
	}
	if err := m.cache.CatchUp(ctx); err != nil {
		return fmt.Errorf("the cache does not follow etcd: %w", err)
	}
	return nil
}

// etcdReady reads a key: it fails while etcd has no quorum, or cannot be reached; and while it is out of space.
func (m *Manager) etcdReady(ctx context.Context) error {
	if _, err := (&store.FrameworkIDs{Store: m.store}).FrameworkID(ctx); err != nil {
		return fmt.Errorf("etcd does not answer: %w", err)
	}
	if m.pauses.outOfSpace() {
		return fmt.Errorf("nothing is launched: %w", store.ErrNoSpace)
	}
	return nil
}

// leaderReady fails while nobody leads, and on a leader that may lead no more.
func (m *Manager) leaderReady(ctx context.Context) error {
	if m.pauses.inDoubt() {
		return errors.New("nothing is launched: etcd does not say whether this manager still leads")
	}
	_, err := leader.Leader(ctx, m.store.Client())
	return err
}

// leaderNote says who leads.
func (m *Manager) leaderNote(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	id, err := leader.Leader(ctx, m.store.Client())
	switch {
	case err != nil:
		return ""
	case id.Address != "":
		return fmt.Sprintf("%s leads, at %s", id.Name, id.Address)
	}
	return id.Name + " leads"
}

// mesosNote says whether this manager is the one that is subscribed.
func (m *Manager) mesosNote(context.Context) string {
	if m.term.Load() == nil {
		return "the leader's concern; this manager does not lead"
	}
	return "this manager is subscribed"
}

// mesosReady fails on a leader that is not subscribed; a standby has nothing to be subscribed for.
func (m *Manager) mesosReady(context.Context) error {
	t := m.term.Load()
	if t == nil {
		return nil
	}
	switch st := t.driver.Status(); {
	case st.Connected:
		return nil
	case st.Err != nil:
		return fmt.Errorf("not subscribed to a Mesos master (%v): %w", m.masters, st.Err)
	}
	return fmt.Errorf("not subscribed to a Mesos master (%v) yet", m.masters)
}

// maxReconcile is how long the reconciliation of a key may take. Every request of one has a shorter timeout.
const maxReconcile = time.Minute

// controllersReady fails on a leader that is busy with a key for too long: it may never end.
func (m *Manager) controllersReady(context.Context) error { return m.stuck(time.Now()) }

func (m *Manager) stuck(now time.Time) error {
	t := m.term.Load()
	if t == nil {
		return nil
	}
	for _, c := range t.controllers {
		if key, since, ok := c.loop.Longest(); ok && now.Sub(since) > maxReconcile {
			return fmt.Errorf("the %s controller has been busy with %s for %s", c.loop.Name(), key, now.Sub(since).Round(time.Second))
		}
	}
	return nil
}
