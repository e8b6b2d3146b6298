package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// statusOf turns any error into the Status that is sent; errors of apimachinery are Status objects already.
func (s *Server) statusOf(r *http.Request, err error) *metav1.Status {
	var status apierrors.APIStatus
	var tooLarge *http.MaxBytesError
	out := &metav1.Status{}
	switch {
	case errors.As(err, &status):
		st := status.Status()
		out = &st
	case errors.As(err, &tooLarge):
		st := apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("the limit is %d bytes", tooLarge.Limit)).Status()
		out = &st
	case errors.Is(err, cache.ErrGone):
		st := apierrors.NewResourceExpired(err.Error()).Status()
		out = &st
	case errors.Is(err, store.ErrConflict): // of a write that is not tried again
		st := statusOfCode(http.StatusConflict, metav1.StatusReasonConflict, err.Error()+"; read it again and repeat the change")
		out = &st
	case errors.Is(err, store.ErrUnknown): // no Retry-After: clients would repeat the write by themselves
		st := apierrors.NewTimeoutError(err.Error()+"; read the object before you try again", 0).Status()
		out = &st
	case errors.Is(err, store.ErrTooLarge):
		st := apierrors.NewRequestEntityTooLargeError(err.Error()).Status()
		out = &st
	case errors.Is(err, store.ErrNoSpace): // nor here: it takes a person
		st := statusOfCode(http.StatusInsufficientStorage, "InsufficientStorage", err.Error()) // Kubernetes has no reason for it
		out = &st
	case errors.Is(err, context.DeadlineExceeded):
		st := apierrors.NewTimeoutError(err.Error(), 0).Status()
		out = &st
	case store.Unavailable(err): // of a read
		st := apierrors.NewServiceUnavailable(err.Error()).Status()
		out = &st
	default:
		if r.Context().Err() == nil {
			s.cfg.Log.Error(err, "Request failed", "method", r.Method, "path", r.URL.Path)
		}
		st := apierrors.NewInternalError(err).Status()
		out = &st
	}
	out.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	return out
}

func badRequest(format string, args ...any) error {
	return apierrors.NewBadRequest(fmt.Sprintf(format, quoted(args)...))
}

// quoted are arguments of a message as it may repeat them: what a client sent may be very long.
func quoted(args []any) []any {
	const mostText, mostError = 256, 1000
	short := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case error:
			short[i] = arg
			if text := a.Error(); len(text) > mostError {
				short[i] = shortened{v1.Shorten(text, mostError), a}
			}
		default:
			short[i] = arg
			if v := reflect.ValueOf(arg); v.Kind() == reflect.String && v.Len() > mostText {
				short[i] = v1.Shorten(v.String(), mostText)
			}
		}
	}
	return short
}

// shortened is an error with another text.
type shortened struct {
	text string
	error
}

func (s shortened) Error() string { return s.text }
func (s shortened) Unwrap() error { return s.error }

// invalid is 422 with a cause for each field, the first ones of very many.
func (k *kind) invalid(name string, errs field.ErrorList) error {
	first, more := v1.Listed(errs)
	st := apierrors.NewInvalid(k.groupKind(), v1.Shorten(name, 256), first)
	if more > 0 {
		st.ErrStatus.Message += ", " + v1.AndMore(more)
		st.ErrStatus.Details.Causes = append(st.ErrStatus.Details.Causes, andMore(more))
	}
	return st
}

// andMore is the last cause of a list that has no room for all.
func andMore(n int) metav1.StatusCause {
	return metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Message: v1.AndMore(n)}
}

func (k *kind) notFound(name string) error {
	return apierrors.NewNotFound(k.resource(), v1.Shorten(name, 256))
}

func (k *kind) conflict(name, format string, args ...any) error {
	return apierrors.NewConflict(k.resource(), v1.Shorten(name, 256), fmt.Errorf(format, quoted(args)...))
}

// contended is the answer to a write that other writers came before each time.
func (k *kind) contended(name string) error {
	return k.conflict(name, "it changes too often: read it again and repeat the change")
}

// maxErrorText of a mistake; one line of fifty has up to a thousand characters.
const (
	maxErrorText = 60_000
	maxOneError  = 1000
)

// undecodable is 400 with a cause for each field, as the decoder reports them.
func undecodable(err error, doing string) error {
	var form *api.Error
	length := maxOneError
	if errors.As(err, &form) {
		length = maxErrorText
	}
	st := apierrors.NewBadRequest(doing + v1.Shorten(err.Error(), length))
	if form != nil {
		st.ErrStatus.Details = &metav1.StatusDetails{}
		for _, f := range form.Fields {
			st.ErrStatus.Details.Causes = append(st.ErrStatus.Details.Causes, metav1.StatusCause{
				Type: metav1.CauseTypeFieldValueInvalid, Field: f.Path, Message: f.Message,
			})
		}
		if form.More > 0 {
			st.ErrStatus.Details.Causes = append(st.ErrStatus.Details.Causes, andMore(form.More))
		}
	}
	return st
}

// status makes an error of a kind that apimachinery has no constructor for.
func status(code int, reason metav1.StatusReason, format string, args ...any) error {
	return &apierrors.StatusError{ErrStatus: statusOfCode(code, reason, fmt.Sprintf(format, quoted(args)...))}
}

func statusOfCode(code int, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}
}

func methodNotAllowed(method, why string) error {
	return status(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, "%s is not supported here: %s", method, why)
}

func unsupportedMediaType(format string, args ...any) error {
	return status(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType, format, args...)
}

func notAcceptable(format string, args ...any) error {
	return status(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, format, args...)
}

// futureRevision is the error of a read that names a revision which the cache does not reach in time. client-go
// recognises it by its cause.
func futureRevision(want, have int64) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", want, have), 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version",
	}}
	return err
}
