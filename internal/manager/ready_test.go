package manager

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/leader"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// readyManager is one with a store and a cache that follows until the function returned is called.
func readyManager(t *testing.T) (m *Manager, freeze func()) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m = &Manager{store: s, cache: cache.New(s, logr.Discard())}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = m.cache.Follow(ctx)
	}()
	freeze = func() {
		cancel()
		<-ended
	}
	t.Cleanup(freeze)
	<-m.cache.Synced()
	return m, freeze
}

func TestNotReadyWhileTheCacheStandsStill(t *testing.T) {
	m, freeze := readyManager(t)
	if err := m.cacheReady(t.Context()); err != nil {
		t.Errorf("while the cache follows: %v", err)
	}
	freeze()
	if _, err := m.store.Apply(t.Context(), store.Change{Writes: []store.Write{put(t, store.PutSpec, store.JobKey("default", "unseen"), &v1.Job{})}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := m.cacheReady(ctx); err == nil || !strings.Contains(err.Error(), "does not follow etcd") {
		t.Errorf("while the cache stands still: %v", err)
	}
}

// TestNotReadyWhileNobodyLeads: a key that is no candidate's is nobody who leads.
func TestNotReadyWhileNobodyLeads(t *testing.T) {
	m, _ := readyManager(t)
	if _, err := m.store.Client().Put(t.Context(), store.LeaderPrefix+"zzz", `{"name":"ghost"}`); err != nil {
		t.Fatal(err)
	}
	if err := m.leaderReady(t.Context()); !errors.Is(err, leader.ErrNoLeader) {
		t.Errorf("while nobody leads: %v", err)
	}
	background(t, func(ctx context.Context) error {
		return leader.Run(ctx, leader.Config{Client: m.store.Client(), Identity: leader.Identity{Name: "a"}},
			func(ctx context.Context, _ store.Fence) error { <-ctx.Done(); return ctx.Err() })
	})
	for m.leaderReady(t.Context()) != nil {
		if t.Context().Err() != nil {
			t.Fatal("nobody ever leads")
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.doubted(true)
	if err := m.leaderReady(t.Context()); err == nil {
		t.Error("ready, though etcd does not say whether it leads")
	}
}

// TestNotReadyWhileAKeyTakesForever: a reconciliation that does not end holds its object up, and nothing else shows it.
func TestNotReadyWhileAKeyTakesForever(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	loop := reconcile.New(reconcile.Config{Name: "job", Workers: 1, Log: logr.Discard(), Reconciler: reconcile.Func(
		func(context.Context, store.Key) (reconcile.Result, error) {
			close(begun)
			<-release
			return reconcile.Result{}, nil
		})})
	background(t, loop.Run)
	t.Cleanup(func() { close(release) })
	m := &Manager{}
	m.term.Store(&term{controllers: []controller{{loop: loop}}})
	loop.Add(store.JobKey("default", "endless"))
	<-begun
	if err := m.controllersReady(t.Context()); err != nil {
		t.Errorf("at first: %v", err)
	}
	if err := m.stuck(time.Now().Add(2 * maxReconcile)); err == nil || !strings.Contains(err.Error(), "busy with jobs/default/endless for 2m") {
		t.Errorf("later: %v", err)
	}
}
