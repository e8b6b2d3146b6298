package mesos

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var (
	// ErrDisconnected says that the call did nothing: there is no subscription, or no connection for calls could be made, or the
	// master that was asked does not lead or does not know this subscription.
	//
	// Rely on no more than that. Calls have connections of their own, and the stream may live on when they fail: then neither
	// Disconnected nor Subscribed follows, and what was to be said stays unsaid until the caller makes the call again, or asks for a
	// new subscription (Resubscribe). When the subscription has ended, Subscribed follows sooner or later, and what the call
	// was to say may be out of date then.
	ErrDisconnected = errors.New("not subscribed to a Mesos master")

	// ErrUnanswered says that the call was sent and its answer did not come: the master has done it, will do it, or never got
	// it. Never repeat an ACCEPT on it: resubscribe, which voids what is in flight, and reconcile. With any other error the
	// master has not done what the call asks.
	ErrUnanswered = errors.New("no answer from the Mesos master")

	// ErrFailedOver says that another scheduler has subscribed with our framework id: another instance of us leads. Step down.
	ErrFailedOver = errors.New("framework failed over to another scheduler")

	// ErrTornDown ends Run after Teardown: the framework is no more.
	ErrTornDown = errors.New("framework torn down")
)

// Why a subscription ended or was not made; they come wrapped, for the log and for Handler.Disconnected.
var (
	errSilent      = errors.New("no heartbeat in time")
	errSlow        = errors.New("no SUBSCRIBED in time")
	errResubscribe = errors.New("a new subscription was asked for")
	errStreamEnded = errors.New("the master ended the stream")
	errOthers      = errors.New("another Mesos master is named as the leader")
	errRemoved     = errors.New("framework has been removed")
)

// CallError is a master's refusal, with its text. errors.Is(err, ErrDisconnected) is true of those that are about the
// subscription and not about the call, and errors.Is(err, ErrUnanswered) those of which nobody knows, such as a proxy's 504.
// None of them ends the subscription: what ErrDisconnected says of streams that live on holds for a 401 and a 500 too.
type CallError struct {
	// Call is the type of the call, such as ACCEPT.
	Call string
	// Status of the HTTP answer.
	Status int
	// Message is the body of the answer, cut to 4 KiB.
	Message string
}

func (e *CallError) Error() string {
	msg := e.Message
	if msg == "" {
		msg = http.StatusText(e.Status)
	}
	return fmt.Sprintf("%s answered %d: %s", e.Call, e.Status, msg)
}

// Is reports ErrDisconnected for answers that say that master and subscription do not fit: not the leader (307), not yet or no
// longer serving (503), framework not subscribed (403), framework unknown or subscribed on another stream (400, as recorded in
// mesos/recordings/scheduler_failover).
func (e *CallError) Is(target error) bool {
	switch target {
	case ErrUnanswered:
		return e.Status >= http.StatusInternalServerError && e.Status != http.StatusServiceUnavailable
	case ErrDisconnected:
		return e.aboutSubscription()
	}
	return false
}

func (e *CallError) aboutSubscription() bool {
	switch e.Status {
	case http.StatusTemporaryRedirect, http.StatusServiceUnavailable:
		return true
	case http.StatusForbidden:
		return strings.Contains(e.Message, "not subscribed")
	case http.StatusBadRequest:
		return strings.Contains(e.Message, "didn't match the stream ID") || strings.Contains(e.Message, "Framework cannot be found")
	}
	return false
}

// Messages of ERROR events that mean that the framework id is of no more use. The first is that of Mesos 1.11
// (mesos/recordings/scheduler_failover, failover_timeout_expired), the second that of older masters.
var removedMessages = []string{"Framework has been removed", "Completed framework attempted to re-subscribe"}

// failedOverMessage is the ERROR event to a stream that was replaced by another (mesos/recordings/scheduler_failover).
const failedOverMessage = "Framework failed over"

// eventError turns the message of an ERROR event into an error.
func eventError(message string) error {
	for _, m := range removedMessages {
		if strings.Contains(message, m) {
			return fmt.Errorf("%w: the master says %q", errRemoved, message)
		}
	}
	if strings.Contains(message, failedOverMessage) {
		return ErrFailedOver
	}
	return fmt.Errorf("the master says %q", message)
}
