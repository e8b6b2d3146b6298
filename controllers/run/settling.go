package run

import (
	"time"

	"horae/internal/backoff"
	"horae/internal/offer"
)

// settling knows which of the attempts that were live when the subscription began Mesos has reported since, and
// decides when to ask after which. It is a state machine without a clock and without I/O: each method is a
// transition, at a time that is passed in. taskReconciliation guards it and carries out what next returns.
type settling struct {
	// wait is how long launching waits for attempts that Mesos is silent about; every is the period of asking
	// after all.
	wait, every time.Duration

	epoch     int64 // counts subscriptions
	framework string
	connected bool
	fresh     bool   // begin was not called yet for this subscription
	removed   string // a framework that Mesos has removed with all its tasks
	// unsettled are the tasks that Mesos has not reported since the subscription began; nil before begin.
	// heard are those that it reported before begin.
	unsettled map[string]offer.TaskRef
	heard     map[string]bool
	open      bool // attempts may be launched

	round   int       // of asking after the unsettled
	roundAt time.Time // of the next round
	allAt   time.Time // of the next question after all
	askOpen bool      // the master was not asked yet for tasks that we do not know

	lostAgents map[string]bool
	asks       []offer.TaskRef
	unknown    []offer.Update // of tasks whose id is not one of ours
}

// questions are what is to be asked of Mesos at one time, and what is to be done besides.
type questions struct {
	ask []offer.TaskRef
	// agents: ask after all tasks on these agents; all: ask after all tasks.
	agents map[string]bool
	all    bool
	// open: also ask the master what it knows to be alive, which may be tasks that no Run has.
	open bool
	// openGate: attempts may be launched from now on; unsettled is how many attempts are still silent then.
	openGate  bool
	unsettled int
	// unknown are updates of tasks that no Run has: the tasks are to be ended.
	unknown []offer.Update
	next    time.Time
}

func (s *settling) subscribed(framework string) {
	s.epoch++
	s.connected, s.fresh, s.framework = true, true, framework
	s.unsettled, s.heard, s.open = nil, map[string]bool{}, false
	s.asks = nil
}

func (s *settling) disconnected() {
	s.connected, s.fresh, s.unsettled, s.open = false, false, nil, false
}

// hear notes that Mesos has reported the task. It returns whether that was the last silent one.
func (s *settling) hear(taskID string) (settled bool) {
	switch {
	case s.unsettled != nil:
		if _, ok := s.unsettled[taskID]; ok {
			delete(s.unsettled, taskID)
			return len(s.unsettled) == 0
		}
	case s.heard != nil:
		s.heard[taskID] = true
	}
	return false
}

func (s *settling) agentLost(id string) {
	if s.lostAgents == nil {
		s.lostAgents = map[string]bool{}
	}
	s.lostAgents[id] = true
}

// begins reports whether a new subscription is to begin. The tasks of a removed framework must be settled
// before: they are lost, and what is launched from now on is not.
func (s *settling) begins() bool { return s.fresh && s.removed == "" }

// begin takes the attempts that are to be asked after on a new subscription.
func (s *settling) begin(live []offer.TaskRef, now time.Time) {
	s.fresh, s.unsettled = false, make(map[string]offer.TaskRef, len(live))
	for _, ref := range live {
		if !s.heard[ref.TaskID] {
			s.unsettled[ref.TaskID] = ref
		}
	}
	s.heard = nil
	s.round, s.roundAt, s.askOpen = 0, time.Time{}, true
	s.allAt = now.Add(s.every)
}

// next moves on to now and returns what is to be done.
func (s *settling) next(now time.Time) questions {
	q := questions{unknown: s.unknown, next: now.Add(time.Hour)}
	s.unknown = nil
	if !s.connected || s.unsettled == nil {
		return q
	}
	q.ask, s.asks = s.asks, nil
	// 1. Ask after the silent attempts, with back-off.
	if len(s.unsettled) > 0 && !now.Before(s.roundAt) {
		for _, ref := range s.unsettled {
			q.ask = append(q.ask, ref)
		}
		s.roundAt = now.Add(backoff.Policy{First: s.wait, Max: repeatMax}.Bound(s.round))
		s.round++
	}
	if len(s.unsettled) > 0 {
		q.next = s.roundAt
	}
	// 2. Open the gate when all are settled, or when the second question after the silent ones is due (I9).
	if !s.open && (len(s.unsettled) == 0 || s.round > 1) {
		s.open = true
		q.openGate, q.unsettled = true, len(s.unsettled)
	}
	// 3. Ask after the tasks of lost agents, and after all from time to time.
	q.agents, s.lostAgents = s.lostAgents, nil
	if q.all = !now.Before(s.allAt); q.all {
		s.allAt = now.Add(s.every)
	}
	q.open, s.askOpen = s.askOpen || q.all, false
	if s.allAt.Before(q.next) {
		q.next = s.allAt
	}
	return q
}

// askFailed has all asked again before long, because a question did not go through. It returns when.
func (s *settling) askFailed(now time.Time) time.Time {
	if again := now.Add(min(askFailedPause, s.every)); again.Before(s.allAt) {
		s.allAt = again
	}
	return s.allAt
}
