package run

import (
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// Launched is the status that is stored before an ACCEPT is sent (I1): the Run with one more attempt. The
// attempt's task ID must be NextTask's.
func Launched(r *v1.Run, a v1.Attempt) v1.RunStatus {
	s := r.Status
	s.Phase, s.Reason, s.Message, s.RetryTime, s.Progress = v1.RunLaunching, "", "", nil, nil
	s.Attempts = append(trim(r.Status.Attempts), a)
	return s
}

// Unlaunched is the status for an attempt that cannot be launched, which is known before anything was sent. It
// is stored in place of Launched's: the attempt has ended without having started.
func Unlaunched(r *store.Run, launched v1.RunStatus, why error, now time.Time) v1.RunStatus {
	run, obj := *r, *r.Object
	obj.Status = launched
	run.Object = &obj
	a := &launched.Attempts[len(launched.Attempts)-1]
	return *Plan(Input{Run: &run, Updates: []offer.Update{neverSent(a.TaskID, a.AgentID, now, why)}}, now).Status
}

// neverSent is an update that says that nothing was sent for the intent stored with this launchTime.
func neverSent(taskID, agentID string, at time.Time, why error) offer.Update {
	return offer.Update{TaskID: taskID, AgentID: agentID, State: offer.TaskDropped, Reason: notSent,
		Message: why.Error(), Timestamp: at}
}

// presentTask is the task of the attempt that has not ended; "" if there is none.
func presentTask(r *store.Run) string {
	attempts := objectOf(r).Status.Attempts
	if n := len(attempts); n > 0 && !attempts[n-1].State.Terminal() {
		return attempts[n-1].TaskID
	}
	return ""
}

// liveAttempt returns the attempt of the Run that may be alive, perhaps of an earlier incarnation; nil: there
// is none.
func liveAttempt(r *store.Run) *v1.Attempt {
	obj := objectOf(r)
	if n := len(obj.Status.Attempts); n > 0 && !obj.Status.Attempts[n-1].TaskEnded() {
		return &obj.Status.Attempts[n-1]
	}
	return nil
}

// objectOf returns the incarnation that the status belongs to: an earlier one, if that is not at rest.
func objectOf(r *store.Run) *v1.Run {
	if r.Earlier != nil {
		return r.Earlier
	}
	return r.Object
}

// NextTask is the id of the Run's next attempt: one more than the last ever had (I4).
func NextTask(r *store.Run) TaskID {
	id := TaskID{Namespace: r.Key.Namespace, Run: r.Key.Name, Incarnation: r.Rev.SpecCreate, Attempt: 1}
	if as := r.Object.Status.Attempts; len(as) > 0 {
		if last, ok := ParseTaskID(as[len(as)-1].TaskID); ok {
			id.Attempt = last.Attempt + 1
		} else {
			id.Attempt = len(as) + 1
		}
	}
	return id
}

// What the status of a Run keeps of its attempts. A Run may have a thousand, all of them in one document.
const (
	// keepUnstarted bounds the attempts that never started: nothing else does.
	keepUnstarted = 8
	// keepMessages is how many attempts keep their whole message; the earlier ones keep shortMessage bytes of
	// its first line.
	keepMessages = 20
	shortMessage = 120
)

// trim drops the oldest attempts that never started if there are too many, and shortens old messages. The last
// attempt stays: the number of the next one is counted from it.
func trim(as []v1.Attempt) []v1.Attempt {
	extra := -keepUnstarted
	for i := range as {
		if as[i].NotStarted {
			extra++
		}
	}
	kept := make([]v1.Attempt, 0, len(as)+1)
	for i := range as {
		if as[i].NotStarted && extra > 0 {
			extra--
			continue
		}
		kept = append(kept, as[i])
	}
	for i := range kept[:max(len(kept)-keepMessages, 0)] {
		if a := &kept[i]; len(a.Message) > shortMessage+len("...") || strings.Contains(a.Message, "\n") {
			a.Message = cut(oneLine(a.Message), shortMessage)
		}
		if a := &kept[i]; a.Callback != nil && a.Callback.Message != "" {
			outcome := *a.Callback // I8
			outcome.Message = ""   // The attempt's message has the beginning.
			a.Callback = &outcome
		}
	}
	return kept
}
