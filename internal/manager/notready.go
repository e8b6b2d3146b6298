package manager

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/server"
)

// notReady answers on the API's address with 503 until there is something to serve.
type notReady struct {
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

// startNotReady begins to answer; stop ends it and leaves the listener as it was.
func startNotReady(l net.Listener, secure *tls.Config, metrics prometheus.Gatherer, hosts []string) *notReady {
	w := &notReady{listener: l, done: make(chan struct{}), why: "it has just begun"}
	w.server = &http.Server{WriteTimeout: 30 * time.Second, TLSConfig: secure, Handler: server.Starting(func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.why
	}, metrics, hosts)}
	server.HardenHTTP(w.server)
	limited := server.LimitConnections(w.server, borrowed{l}, 0)
	go func() {
		defer close(w.done)
		if secure != nil {
			_ = w.server.ServeTLS(limited, "", "") // it ends with stop
			return
		}
		_ = w.server.Serve(limited)
	}()
	return w
}

// waitFor sets what the answers name as missing.
func (w *notReady) waitFor(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why = why
}

// stop ends it. It may be called twice.
func (w *notReady) stop() error {
	err := w.server.Close()
	<-w.done
	if l, ok := w.listener.(deadliner); ok {
		err = errors.Join(err, l.SetDeadline(time.Time{}))
	}
	return err
}
