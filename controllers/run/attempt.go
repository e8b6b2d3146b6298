package run

import (
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// Launched is the status that is stored before an ACCEPT is sent (I1): the Run with one more attempt. The attempt's task ID
// must be NextTask's.
func Launched(r *v1.Run, a v1.Attempt) v1.RunStatus {
	s := r.Status
	s.Phase, s.Reason, s.Message, s.RetryTime = v1.RunLaunching, "", "", nil
	s.Attempts = append(trim(r.Status.Attempts), a)
	return s
}

// Unlaunched is the status that is stored in place of Launched's for an attempt of which it is known, before anything was sent, that it
// cannot be launched: it has ended without having begun.
func Unlaunched(r *store.Run, launched v1.RunStatus, why error, now time.Time) v1.RunStatus {
	run, obj := *r, *r.Object
	obj.Status = launched
	run.Object = &obj
	a := &launched.Attempts[len(launched.Attempts)-1]
	return *Plan(Input{Run: &run, Updates: []offer.Update{neverSent(a.TaskID, a.AgentID, now, why)}}, now).Status
}

// neverSent says of the intent of that time that nothing was sent to Mesos.
func neverSent(taskID, agentID string, at time.Time, why error) offer.Update {
	return offer.Update{TaskID: taskID, AgentID: agentID, State: offer.TaskDropped, Reason: notSent, Message: why.Error(), Timestamp: at}
}

// liveAttempt is the Run's attempt that may be alive, also that of an earlier incarnation; nil: none.
func liveAttempt(r *store.Run) *v1.Attempt {
	obj := objectOf(r)
	if n := len(obj.Status.Attempts); n > 0 && !obj.Status.Attempts[n-1].State.Terminal() {
		return &obj.Status.Attempts[n-1]
	}
	return nil
}

// objectOf is the Run whose status it is: an earlier incarnation's, if that is not at rest.
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

// What of a Run's attempts its status keeps: a Run may have a thousand, and all of them in one document.
const (
	// keepUnstarted bounds the attempts that never began: there is no bound to how many there are.
	keepUnstarted = 8
	// keepMessages is how many attempts keep their whole message; the earlier ones keep shortMessage bytes of its first line.
	keepMessages = 20
	shortMessage = 120
)

// trim drops the oldest attempts that never began when there are more than are kept, and shortens old messages. The last attempt
// stays: its number is what the next one counts from.
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
	}
	return kept
}
