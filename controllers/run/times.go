package run

import (
	"time"

	"horae/internal/backoff"
)

// Times that no configuration changes. Those of explanations are in placement/explain.go. A pause doubles with
// every further time, up to its bound.
const (
	// killPause is the pause before a kill is repeated, askPause the pause before Mesos is asked about a silent
	// attempt. repeatMax bounds both, and the pause between two questions about the attempts that have been
	// silent since a subscription.
	killPause = 5 * time.Second
	askPause  = 10 * time.Second
	repeatMax = 5 * time.Minute
	// askFailedPause is the pause before Mesos is asked about all attempts again because a question could not be
	// sent: it may have been the one that matters.
	askFailedPause = 30 * time.Second
	// inFlightPause is when a task is looked at again that is to die, but whose ACCEPT is still under way.
	inFlightPause = 250 * time.Millisecond
	// behindCache is when a Run is looked at again whose task the cache does not know yet.
	behindCache = 50 * time.Millisecond
	// unreadable is when a Run is reconciled again whose status cannot be decoded.
	unreadable = time.Minute
	// clockSkew is by how much the clocks of two managers may differ: what another stored may be so far ahead
	// of our time.
	clockSkew = 5 * time.Second

	// unstartedMin is before an attempt that never began is replaced, unstartedMax its bound.
	unstartedMin = 250 * time.Millisecond
	unstartedMax = time.Minute

	// maxRevivePause bounds the pause between two REVIVEs that lead to nothing; newRevivePause does when
	// something new is waiting: it may fit where nothing else did.
	maxRevivePause = 10 * time.Second
	newRevivePause = 250 * time.Millisecond
	// declinePause is between two attempts to decline the same offers.
	declinePause = time.Second
	// lookAheadStep is how exactly the times are kept at which offers will be wanted.
	lookAheadStep = 50 * time.Millisecond

	// answerHoldsMin and answerHoldsMax bound how long an answer to an inverse offer holds before Mesos asks again.
	answerHoldsMin = time.Second
	answerHoldsMax = time.Minute
)

func killDelay(kills int) time.Duration {
	return backoff.Policy{First: killPause, Max: repeatMax}.Bound(max(kills-1, 0))
}

func askDelay(asks int) time.Duration {
	return backoff.Policy{First: askPause, Max: repeatMax}.Bound(asks)
}
