package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"horae/internal/backoff"
	"horae/internal/server"
	"horae/internal/store"
)

// waiting answers on the API's address until there is something to serve.
type waiting struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{} // closed when it has ended

	mu  sync.Mutex
	why string // guarded by mu
}

// borrowed is a listener that stays open when its user closes it, who is only sent away.
type borrowed struct{ net.Listener }

type deadliner interface{ SetDeadline(time.Time) error }

func (b borrowed) Close() error {
	if l, ok := b.Listener.(deadliner); ok {
		return l.SetDeadline(time.Unix(1, 0)) // wakes Accept
	}
	return fmt.Errorf("a listener of type %T cannot be lent", b.Listener)
}

// startWaiting begins to answer; stop ends it and leaves the listener as it was.
func startWaiting(l net.Listener) *waiting {
	w := &waiting{listener: l, done: make(chan struct{}), why: "it has just begun"}
	w.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: server.Waiting(func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.why
	})}
	go func() {
		defer close(w.done)
		_ = w.server.Serve(borrowed{l}) // it ends with stop
	}()
	return w
}

// on says what is waited for.
func (w *waiting) on(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why = why
}

// stop ends it. It may be called twice.
func (w *waiting) stop() error {
	err := w.server.Close()
	<-w.done
	if l, ok := w.listener.(deadliner); ok {
		err = errors.Join(err, l.SetDeadline(time.Time{}))
	}
	return err
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
		m.waiting.on("etcd does not answer: " + err.Error())
		m.log.Info("Waiting for etcd", "reason", err.Error(), "for", time.Since(began).Round(time.Second).String())
		if err := backoff.Sleep(ctx, askEtcdAgain); err != nil {
			return nil, err
		}
	}
}
