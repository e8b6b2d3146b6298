package manager

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/controllers/backfill"
	"horae/controllers/job"
	"horae/internal/calendar"
	"horae/internal/server"
	"horae/internal/version"
)

// serverConfig hands the server what it needs of the others.
func (m *Manager) serverConfig() server.Config {
	previews := backfill.NewPreviews(m.cache, m.now)
	return server.Config{
		Cache:      m.cache,
		Store:      m.store,
		Logs:       m.agents,
		Validate:   validate,
		Warnings:   warningsOf,
		NewRun:     newManualRun,
		Runs:       server.RunMaker{Retry: retryRun, Mark: markedRun, OccurrenceName: job.OccurrenceName, Occurs: job.Occurs},
		Upcoming:   job.NewCalendars(m.cache).Upcoming,
		Access:     m.access,
		Client:     server.UserOf,
		TLS:        m.tls,
		HSTS:       !m.cfg.TLS.SelfSigned,
		Hosts:      m.hosts(),
		Ready:      m.checks(),
		Gatherer:   m.registry,
		Registerer: m.registry,
		Version:    version.Get().Version,
		Log:        m.log.WithName("api"),
		Now:        m.now,

		Admit:           admit(previews),
		PreviewBackfill: previews.Preview,

		RequestsPerSecond: m.cfg.Limits.RequestsPerSecond,
	}
}

// hosts are the names by which clients may call the API: those of its certificate and of the configuration, the machine's, the
// one that it listens on, and the one by which tasks call it.
func (m *Manager) hosts() []string {
	hosts := slices.Concat(m.certificateNames(), m.cfg.Hosts)
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	if name, _, err := net.SplitHostPort(m.cfg.Listen); err == nil {
		hosts = append(hosts, name)
	}
	if u, err := url.Parse(m.advertised()); err == nil {
		hosts = append(hosts, u.Hostname())
	}
	return hosts
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

// admit finds what is wrong with a valid new object, given those that it refers to.
func admit(previews *backfill.Previews) func(api.Object) field.ErrorList {
	return func(obj api.Object) field.ErrorList {
		if b, ok := obj.(*v1.Backfill); ok {
			return previews.Admit(b)
		}
		return nil
	}
}

func warningsOf(obj api.Object) []string {
	if j, ok := obj.(*v1.Job); ok {
		return job.Warnings(j)
	}
	return api.KindOf(obj).Warnings(obj)
}

// newManualRun makes the Run that a person asked for, under a name that nobody else gets unless the trigger has an ID.
func newManualRun(j *v1.Job, t v1.Trigger, now time.Time) (*v1.Run, error) {
	id, err := manualID(t.ID)
	if err != nil {
		return nil, err
	}
	return job.NewRun(j, job.Manual(id), job.RunOptions{Args: t.Args, Env: t.Env, NoDependents: t.NoDependents}, now), nil
}

// manualID is the id of the request, or a random one.
func manualID(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	var random [5]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("draw a name for the run: %w", err)
	}
	return job.ManualID(random), nil
}

func retryRun(old *v1.Run, j *v1.Job, t v1.Retry, now time.Time) (*v1.Run, error) {
	id, err := manualID(t.ID)
	if err != nil {
		return nil, err
	}
	return job.Retry(old, j, id, t, now), nil
}

func markedRun(j *v1.Job, t v1.Succeed, named bool, now time.Time) (*v1.Run, error) {
	id, err := manualID(t.ID)
	if err != nil {
		return nil, err
	}
	return job.Mark(j, id, t, named, now), nil
}
