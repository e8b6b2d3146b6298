package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrConflict: a guard did not hold, nothing of the change was written. Observe again and decide again.
	ErrConflict = errors.New("conflict: the object was changed by another writer")
	// ErrFenced: the fence did not hold: another leader has taken over. Stop working.
	ErrFenced = errors.New("fenced: this process is not the leader any more")
	// ErrUnknown: etcd did not answer, the change may or may not have been written. Observe again; never repeat it
	// blindly.
	ErrUnknown = errors.New("unknown outcome: etcd did not answer")
	// ErrNoSpace: etcd has raised its alarm NOSPACE, and nothing was written. It lasts until an operator ends the
	// alarm.
	ErrNoSpace = errors.New("etcd is out of space (alarm NOSPACE) and takes no writes: compact and defragment it, then disarm the alarm")
	// ErrNotFound: no such object.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge: the change is larger than etcd accepts in one request, and nothing was written. The same change
	// will fail again: write less, or report the error.
	ErrTooLarge = errors.New("too large for one request to etcd")
	// ErrPaused: the writer is paused, and nothing was written. Try again when the pause is over.
	ErrPaused = errors.New("paused: it is not certain that this process still leads, or etcd takes no writes")
	// ErrClosed: the writer was closed before the change was sent; nothing was written.
	ErrClosed = errors.New("the writer is closed")
)

// writeError returns the error of a write that etcd did not confirm: refused, or of unknown outcome.
func writeError(what fmt.Stringer, err error) error {
	if errors.Is(err, rpctypes.ErrNoSpace) {
		return fmt.Errorf("%s: %w: %w", what, ErrNoSpace, err)
	}
	if errors.Is(err, rpctypes.ErrRequestTooLarge) || errors.Is(err, rpctypes.ErrTooManyOps) { // etcd's limits are lower here
		return fmt.Errorf("%s: %w: %w", what, ErrTooLarge, err)
	}
	if refused(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnknown, err)
}

// refused reports whether the error proves that etcd did not make the write. etcd returns these codes before it
// proposes a request, or when applying it changes nothing. Any other error (no answer, leader lost, server stopping)
// can happen to a request that is committed all the same.
func refused(err error) bool {
	switch codeOf(err) {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.ResourceExhausted, codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return false
}

func codeOf(err error) codes.Code {
	var e rpctypes.EtcdError
	switch {
	case errors.As(err, &e):
		return e.Code()
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return status.Code(err)
}
