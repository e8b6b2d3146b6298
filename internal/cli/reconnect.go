package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// patience is how long a command that waits looks for a server that it has lost: long enough for a restart, and for
	// another manager to take over.
	patience = 2 * time.Minute
	// minPause and maxPause bound the pause between two tries.
	minPause = 100 * time.Millisecond
	maxPause = 2 * time.Second
)

// unknownError: the server is gone, so the outcome of the command is unknown. It exits with ExitUnknown.
type unknownError struct{ error }

func (e unknownError) Unwrap() error { return e.error }

func isUnknown(err error) bool {
	var unknown unknownError
	return errors.As(err, &unknown)
}

// reconnection is how a command that waits goes on when its server goes away, or is replaced by another behind the same address.
type reconnection struct {
	*cli
	// subject is what the command waits for.
	subject string
	// connected: the server has answered at least once. Until then every failure is final.
	connected bool

	lost     bool
	lostAt   time.Time
	pause    time.Duration
	answered time.Time
}

// answer notes that the server has answered.
func (r *reconnection) answer() {
	if r.lost {
		fmt.Fprintf(r.Err, "Connected to %s again\n", r.api.server)
	}
	r.connected, r.lost, r.answered = true, false, time.Now()
}

// again returns nil when the caller should try again, after a pause; else the error to end with.
func (r *reconnection) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !r.connected || !isTransient(err) {
		return err
	}
	now := time.Now()
	limit := r.Patience
	if limit == 0 {
		limit = patience
	}
	switch {
	case r.lost && now.Sub(r.lostAt) >= limit:
		return unknownError{fmt.Errorf("gave up after %s: what became of %s is unknown: %w", limit, r.subject, err)}
	case !r.lost && errors.Is(err, errWatchEnded): // a server may end a watch at any time
		r.lostAt = now
	case !r.lost:
		r.lost, r.lostAt = true, now
		fmt.Fprintf(r.Err, "Lost %s, trying again for up to %s: %v\n", r.api.server, limit, err)
	}
	if now.Sub(r.answered) > maxPause {
		r.pause = 0
	}
	r.pause = min(max(2*r.pause, minPause), maxPause)
	select {
	case <-time.After(r.pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isTransient reports whether an error means that the server is away.
func isTransient(err error) bool {
	var lost lostError
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errWatchEnded), errors.As(err, &lost):
		return true
	case errors.As(err, &status):
		switch status.Status().Code {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
	}
	return false
}
