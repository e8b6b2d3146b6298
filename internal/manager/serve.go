package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/calendar"
	"horae/internal/leader"
	"horae/internal/server"
	"horae/internal/store"
	"horae/internal/version"
)

// serverConfig hands the server what it needs of the others.
func (m *Manager) serverConfig() server.Config {
	return server.Config{
		Cache:      m.cache,
		Store:      m.store,
		Logs:       m.agents,
		Validate:   validate,
		NewRun:     newManualRun,
		Upcoming:   job.NewCalendars(m.cache).Upcoming,
		Ready:      []server.Check{{Name: "cache", Check: m.cacheReady}, {Name: "etcd", Check: m.etcdReady}, {Name: "leader", Check: m.leaderReady}, {Name: "mesos", Check: m.mesosReady}},
		Gatherer:   m.registry,
		Registerer: m.registry,
		Version:    version.Get().Version,
		Log:        m.log.WithName("api"),
		Now:        m.now,
	}
}

// validate finds what is wrong with an object that a user wrote. Of these two kinds, more can be said than their rows of the table
// of kinds say: that takes a parser.
func validate(obj api.Object) field.ErrorList {
	switch o := obj.(type) {
	case *v1.Job:
		return job.Validate(o)
	case *v1.Calendar:
		return calendar.Validate(o)
	}
	return api.KindOf(obj).Validate(obj)
}

// newManualRun makes the Run that a person asked for, under a name that nobody else gets.
func newManualRun(j *v1.Job, t server.Trigger, now time.Time) (*v1.Run, error) {
	var random [5]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("draw a name for the run: %w", err)
	}
	return job.NewRun(j, job.Manual(job.ManualID(random)), job.RunOptions{Args: t.Args, Env: t.Env}, now), nil
}

func (m *Manager) cacheReady(context.Context) error {
	select {
	case <-m.cache.Synced():
		return nil
	default:
		return errors.New("not everything has been read from etcd yet")
	}
}

// etcdReady reads a key: it fails while etcd has no quorum, or cannot be reached; and while it is out of space.
func (m *Manager) etcdReady(ctx context.Context) error {
	if _, err := (&store.FrameworkIDs{Store: m.store}).FrameworkID(ctx); err != nil {
		return fmt.Errorf("etcd does not answer: %w", err)
	}
	if m.hold.outOfSpace() {
		return fmt.Errorf("nothing is launched: %w", store.ErrNoSpace)
	}
	return nil
}

func (m *Manager) leaderReady(ctx context.Context) error {
	_, err := leader.Leader(ctx, m.store.Client())
	return err
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
