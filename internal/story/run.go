package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/messages"
)

// OfRun returns the events of a Run: why it was made, each attempt, what it waits for, and how it ended.
func OfRun(r *v1.Run) []Event {
	t := &collector{events: make([]Event, 0, 4+3*len(r.Status.Attempts))}
	t.created(r.CreationTimestamp, madeBy(r))
	for i := range r.Status.Attempts {
		t.attempt(r, i)
	}
	switch s := &r.Status; {
	case s.Phase.Terminal():
		t.ended(r)
	case r.Spec.Cancel:
		t.add("cancel", time.Time{}, Normal, "Cancelling", messages.Join("the Run is to be cancelled"+cancelledBy(r), s.Message))
	case s.Reason != "" && s.Reason != retrying:
		t.pending(r)
	}
	return t.inOrder()
}

// Reasons of a Run's status that are events of the attempt that they are about.
const (
	retrying    = "Retrying"
	unreachable = "Unreachable"

	awaitingCallback = "AwaitingCallback"
)

// madeBy says why the Run exists.
func madeBy(r *v1.Run) string {
	text := map[v1.RunReason]string{
		v1.ReasonSchedule: "made by the schedule", v1.ReasonDependency: "made because its parents have ended",
		v1.ReasonManual: "triggered by hand", v1.ReasonBackfill: "made by a backfill",
	}[r.Spec.Reason]
	switch spec := &r.Spec; {
	case spec.MarkSucceeded:
		text = "marked as succeeded by hand"
	case spec.RetryOf != "":
		text = "repeats " + spec.RetryOf
	case spec.Backfill != "":
		text = "made by the backfill " + spec.Backfill
	case text == "":
		text = "made"
	}
	if at := r.Spec.ScheduledTime; at != nil {
		text += " for " + messages.Instant(at.Time)
	}
	if len(r.Spec.Parents) > 0 {
		text += ", after " + listed(r.Spec.Parents, int(r.Spec.OmittedParents))
	}
	if r.Spec.RequestedBy != "" {
		text += ", asked for by " + r.Spec.RequestedBy
	}
	return messages.Join(text, r.Spec.Note)
}

// cancelledBy says who cancelled the Run, if that is known.
func cancelledBy(r *v1.Run) string {
	if by := r.Annotations[v1.AnnotationCancelledBy]; by != "" && r.Spec.Cancel {
		return " by " + by
	}
	return ""
}

// listed names the first of a list; more is how many there are besides the list.
func listed(names []string, more int) string {
	const most = 3
	if len(names) > most {
		names, more = names[:most], more+len(names)-most
	}
	text := strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// attempt adds the launch, the start, the end and the repetition of an attempt.
func (t *collector) attempt(r *v1.Run, i int) {
	a := &r.Status.Attempts[i]
	number := numberOf(a, i)
	key, name := strconv.Itoa(number), fmt.Sprintf("attempt %d", number)
	t.add("launch/"+key, a.LaunchTime.Time, Normal, "Launched", name+" was launched on "+agent(a))
	if a.StartTime != nil {
		t.add("start/"+key, a.StartTime.Time, Normal, "Started", name+" started on "+agent(a))
	}
	if a.UnreachableTime != nil {
		t.add("unreachable/"+key, a.UnreachableTime.Time, Warning, "AgentUnreachable",
			fmt.Sprintf("Mesos has lost contact to %s, on which %s is", agent(a), name))
	}
	if a.TaskFinishTime != nil {
		t.add("task/"+key, a.TaskFinishTime.Time, Normal, "TaskEnded",
			"the task of "+name+" ended; the attempt ends with its callback")
	}
	if c := a.Callback; c != nil {
		typ := Normal
		if c.Phase == v1.RunFailed {
			typ = Warning
		}
		text := fmt.Sprintf("a callback of %s reported %s", name, c.Phase)
		t.add("callback/"+key, c.Time.Time, typ, "CalledBack", messages.Join(text, c.Message))
	}
	last := i+1 == len(r.Status.Attempts)
	if !a.State.Terminal() || last && a.State == v1.RunSucceeded && r.Status.Phase == v1.RunSucceeded {
		return // it lives, or its success is the Run's
	}
	end := endOf(a)
	t.add("end/"+key, timeOf(a.FinishTime), end.typ, end.reason, attemptEnd(a, name, end.verb))
	switch {
	case !last:
		next := &r.Status.Attempts[i+1]
		t.add("retry/"+key, timeOf(a.FinishTime), Normal, "Retried",
			fmt.Sprintf("attempt %d followed at %s", numberOf(next, i+1), messages.Instant(next.LaunchTime.Time)))
	case r.Status.RetryTime != nil && !r.Status.Phase.Terminal():
		t.add("retry/"+key, timeOf(a.FinishTime), Normal, "Retried",
			"another attempt may start at "+messages.Instant(r.Status.RetryTime.Time))
	}
}

// numberOf is the number of the i-th attempt in the status. Attempts that never started may have been dropped, so it
// is read from the task's ID, which ends with it.
func numberOf(a *v1.Attempt, i int) int {
	if n, err := strconv.Atoi(a.TaskID[strings.LastIndexByte(a.TaskID, '.')+1:]); err == nil && n > 0 {
		return n
	}
	return i + 1
}

func agent(a *v1.Attempt) string {
	switch {
	case a.Hostname != "":
		return a.Hostname
	case a.AgentID != "":
		return "agent " + a.AgentID
	}
	return "an unknown agent"
}

type attemptEnding struct {
	typ          Type
	reason, verb string
}

func endOf(a *v1.Attempt) attemptEnding {
	switch {
	case a.NotStarted:
		return attemptEnding{Warning, "AttemptNotStarted", "did not start"}
	case a.State == v1.RunSucceeded:
		return attemptEnding{Normal, "AttemptSucceeded", "succeeded"}
	case a.State == v1.RunKilled:
		return attemptEnding{Normal, "AttemptKilled", "was killed"}
	case a.State == v1.RunLost:
		return attemptEnding{Warning, "AttemptLost", "was lost"}
	}
	return attemptEnding{Warning, "AttemptFailed", "failed"}
}

// attemptEnd says how an attempt ended, where, after how long, and why.
func attemptEnd(a *v1.Attempt, name, verb string) string {
	text := name + " " + verb + " on " + agent(a)
	if a.StartTime != nil && a.FinishTime != nil {
		text += " after " + length(a.StartTime.Time, a.FinishTime.Time)
	}
	why := messages.FirstLine(a.Message)
	if a.ExitCode != nil && *a.ExitCode != 0 && !strings.Contains(why, fmt.Sprint(*a.ExitCode)) {
		text += fmt.Sprintf(" with exit code %d", *a.ExitCode)
	}
	if why == "" && a.State != v1.RunSucceeded {
		why = a.Reason
	}
	return messages.Join(text, why)
}

// pending adds why a Run waits, or what is wrong with the agent that its attempt is on.
func (t *collector) pending(r *v1.Run) {
	s := &r.Status
	n := len(s.Attempts)
	if n > 0 && !s.Attempts[n-1].State.Terminal() {
		// A live attempt: what its agent is reported for. The loss of contact has an event of its own.
		switch a := &s.Attempts[n-1]; s.Reason {
		case unreachable:
		case awaitingCallback: // the ordinary course of an asynchronous Job, since its task ended
			since := latest(a)
			if a.TaskFinishTime != nil {
				since = a.TaskFinishTime.Time
			}
			t.add("notice/"+s.Reason, since, Normal, s.Reason, s.Message)
		default:
			t.add("notice/"+s.Reason, latest(a), Warning, s.Reason, s.Message)
		}
		return
	}
	since := r.CreationTimestamp.Time
	if s.RetryTime != nil {
		since = s.RetryTime.Time
	}
	t.add("waiting/"+strconv.Itoa(n), since, Warning, "Waiting", messages.Join(s.Reason, s.Message))
}

// latest is the last instant that a live attempt's document knows.
func latest(a *v1.Attempt) time.Time {
	if a.StartTime != nil {
		return a.StartTime.Time
	}
	return a.LaunchTime.Time
}

// ended adds the end of the Run. The reason is its phase.
func (t *collector) ended(r *v1.Run) {
	s := &r.Status
	typ := Warning
	if s.Phase == v1.RunSucceeded || s.Phase == v1.RunKilled || s.Phase == v1.RunSkipped {
		typ = Normal
	}
	text := messages.Join(s.Reason+cancelledBy(r), s.Message)
	if s.Phase == v1.RunSucceeded && text == "" {
		text = "the Run succeeded"
		if n := len(s.Attempts); n > 0 {
			text = fmt.Sprintf("attempt %d succeeded", numberOf(&s.Attempts[n-1], n-1))
		}
		if s.StartTime != nil && s.FinishTime != nil {
			text += ", " + length(s.StartTime.Time, s.FinishTime.Time) + " after the Run had started"
		}
	}
	t.add("end", timeOf(s.FinishTime), typ, string(s.Phase), text)
}

func timeOf(t *v1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
