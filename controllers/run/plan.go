package run

import (
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/messages"
	"horae/internal/offer"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// Input is all that Plan looks at.
type Input struct {
	// Run as the cache has it. It is not modified (I8).
	Run *store.Run
	// Updates that came for tasks of the Run and were not dealt with, in the order they came.
	Updates []offer.Update
	// Callback is what callbacks have reported of an attempt; nil: nothing.
	Callback *store.Callback
	// JobGone: there is no such Job any more, so that the Run is to go.
	JobGone bool
	// Facts are in no document.
	Facts
}

// Decision is what is to be done, in the order of the fields.
type Decision struct {
	// AckNow are updates that matter nothing, or whose effect is stored already.
	AckNow []offer.Update
	// Status is the whole next status; nil: it stays. Created is set with it when the Run's documents don't
	// say when it was created: then they do from now on.
	Status  *v1.RunStatus
	Created time.Time
	// DropCallback: what callbacks have reported is removed. GuardCallback: the status holds only if that has not
	// changed since Input.
	DropCallback  bool
	GuardCallback bool
	// Remove: the status document goes; the spec's too with RemoveSpec. Nothing of the Run is alive.
	Remove     bool
	RemoveSpec bool
	// AckAfter are updates to be acknowledged once the above is stored (I2).
	AckAfter []offer.Update
	// Kill these tasks, even if they were killed before.
	Kill []offer.TaskRef
	// Ask Mesos what became of these tasks.
	Ask []offer.TaskRef
	// Launch: an attempt is due. Since is what its age in the queue counts from.
	Launch bool
	Since  time.Time
	// After is when to plan again though nothing has changed; 0: not.
	After time.Duration
}

// plan is one Plan under way.
type plan struct {
	in  Input
	now time.Time
	run *v1.Run // spec and metadata are read, status is not
	// gone: the Run's spec is deleted, or what we see is an earlier incarnation of it.
	gone   bool
	status v1.RunStatus
	// unstored: an update has changed status.
	unstored bool
	d        Decision
	wake     reconcile.Alarm // when to plan again
}

// Plan decides what is to be done for one Run. It is pure: the same input at the same time gives the same decision.
func Plan(in Input, now time.Time) Decision {
	p := newPlan(in, now)
	if in.Run.StatusErr() != nil {
		// Nothing is known of what the Run has already done: anything could be done twice. A person has to look.
		return Decision{}
	}
	// 1. What callbacks have reported: that is stored, what Mesos said is not.
	p.readCallback()
	// 2. What Mesos said.
	for i := range in.Updates {
		p.read(in.Updates[i])
	}
	// 3. What time has done: an agent that was cut off for too long.
	p.replaceUnreachable()
	// 4. What is to follow: a live attempt is watched over, an ended Run rests, and one between attempts, or without
	//    its callback, waits or ends.
	if a := p.live(); a != nil {
		p.watch(a)
	} else {
		p.rest()
	}
	return p.decide()
}

func newPlan(in Input, now time.Time) *plan {
	p := &plan{in: in, now: now, run: in.Run.Object, gone: in.Run.Rev.Deleted()}
	if in.Run.Earlier != nil {
		p.run, p.gone = in.Run.Earlier, true
	}
	p.status = p.run.Status
	if len(in.Updates) > 0 || len(p.status.Attempts) > 0 {
		p.status.Attempts = slices.Clone(p.status.Attempts)
	}
	return p
}

// live is the attempt whose task may be alive, or nil. Only the last can be.
func (p *plan) live() *v1.Attempt {
	if a := p.last(); a != nil && !a.TaskEnded() {
		return a
	}
	return nil
}

// read applies one update.
func (p *plan) read(u offer.Update) {
	i := slices.IndexFunc(p.status.Attempts, func(a v1.Attempt) bool { return a.TaskID == u.TaskID })
	if i < 0 || p.status.Attempts[i].TaskEnded() {
		// I7: a task that has ended stays ended. If its task is alive after all (its agent came back), it
		// is killed.
		if !terminal(u.State) && u.State != offer.TaskUnreachable && u.State != offer.TaskKilling {
			p.d.Kill = append(p.d.Kill, offer.TaskRef{TaskID: u.TaskID, AgentID: u.AgentID})
		}
		p.ackNow(u)
		return
	}
	a := &p.status.Attempts[i]
	so := p.in.Progress
	if a.State != v1.RunLaunching {
		so = started
	}
	m := meaning(u.State, u.Reason, so)
	switch {
	case p.in.InFlight && (u.State == offer.TaskUnknown || u.State == offer.TaskGone):
		p.ackNow(u) // The ACCEPT may yet arrive.
	case u.Reason == notSent && !u.Timestamp.Equal(a.LaunchTime.Time):
		p.ackNow(u) // It speaks of another intent under the same number, which was not stored.
	case m.class == lives:
		p.goOn(a, u, m)
	default:
		p.finish(a, u, p.resolve(a, u, m))
		p.ackAfter(u)
	}
}

// goOn applies an update after which the attempt lives.
func (p *plan) goOn(a *v1.Attempt, u offer.Update, m row) {
	before := *a
	switch {
	case m.unreachable && a.UnreachableTime == nil:
		since := u.Timestamp
		if !u.UnreachableTime.IsZero() {
			since = u.UnreachableTime // an answer to reconciliation is later than what it reports (recordings/agent_loss)
		}
		a.UnreachableTime = p.within(a, since)
		p.report(reasonUnreachable, messages.Join(m.text, a.Hostname))
	case m.phase == v1.RunRunning:
		if a.State != v1.RunRunning {
			a.State = v1.RunRunning
			a.StartTime = p.within(a, u.Timestamp)
			p.status.Phase = v1.RunRunning
			p.report("", "")
		}
		if a.UnreachableTime != nil {
			a.UnreachableTime = nil
			p.report("", "")
		}
		if p.status.StartTime == nil {
			p.status.StartTime = a.StartTime
		}
		p.noteSandbox(a, u)
	}
	if sameAttempt(&before, a) {
		p.ackNow(u)
	} else {
		p.ackAfter(u)
	}
}

// noteSandbox records where the attempt's sandbox is, as far as that is known.
func (p *plan) noteSandbox(a *v1.Attempt, u offer.Update) {
	if u.ContainerID == "" {
		return
	}
	a.ContainerID = u.ContainerID
	if p.in.WorkDir == "" || p.in.FrameworkID == "" || a.AgentID == "" {
		return
	}
	executor := u.ExecutorID
	if executor == "" {
		executor = a.TaskID // The command executor's id is its task's.
	}
	a.Sandbox = p.in.WorkDir + "/slaves/" + a.AgentID + "/frameworks/" + p.in.FrameworkID +
		"/executors/" + executor + "/runs/" + u.ContainerID
}

// within reads an agent's clock, which may be wrong, as an instant between the attempt's last known one and now.
func (p *plan) within(a *v1.Attempt, t time.Time) *v1.Time {
	from := a.LaunchTime.Time
	if a.StartTime != nil {
		from = a.StartTime.Time
	}
	if t.IsZero() || t.After(p.now) {
		t = p.now
	}
	if t.Before(from) {
		t = from
	}
	return v1.NewTimePtr(t)
}

// watch handles an attempt that is alive: kill it if it must end, ask Mesos about it if it is silent.
func (p *plan) watch(a *v1.Attempt) {
	p.status.Phase = a.State
	if p.in.InFlight {
		// Its ACCEPT is under way: wait for the answer, or for the next subscription.
		if reason, _ := p.mustDie(a); reason != "" {
			p.wake.At(p.now.Add(inFlightPause))
		} else {
			p.wake.At(p.now.Add(askDelay(0)))
		}
		return
	}
	ref := offer.TaskRef{TaskID: a.TaskID, AgentID: a.AgentID}
	if reason, text := p.mustDie(a); reason != "" {
		if !p.gone {
			p.report(reason, text+"; the task is being killed")
		}
		if again := p.in.LastKill.Add(killDelay(p.in.Kills)); p.in.Kills == 0 || !p.now.Before(again) {
			p.d.Kill = append(p.d.Kill, ref)
			p.wake.At(p.now.Add(killDelay(p.in.Kills + 1)))
		} else {
			p.wake.At(again)
		}
		return
	}
	p.reportMaintenance(a)
	p.wake.At(p.deadline())
	p.wake.At(timeoutOf(p.run, a))
	if u := p.run.Spec.Unreachable; a.UnreachableTime != nil && u != nil && u.Then == v1.UnreachableReplace {
		p.wake.At(a.UnreachableTime.Add(unreachableAfter(u)))
	}
	if a.State == v1.RunLaunching {
		ask := a.LaunchTime.Add(askDelay(0))
		switch {
		case p.in.Asks > 0:
			ask = p.in.LastAsk.Add(askDelay(p.in.Asks))
		case a.LaunchTime.After(p.now.Add(clockSkew)): // The clock has been set back since.
			ask = p.now
		}
		if p.now.Before(ask) {
			p.wake.At(ask)
			return
		}
		p.d.Ask = append(p.d.Ask, ref)
		p.wake.At(p.now.Add(askDelay(p.in.Asks + 1)))
	}
}

// unwanted returns why the Run is to end without success, or "".
func (p *plan) unwanted() (reason, text string) {
	switch {
	case p.gone:
		return reasonDeleted, "the run was deleted"
	case p.in.JobGone:
		return reasonJobDeleted, "its job was deleted"
	case p.in.Run.Err == nil && p.run.Spec.Cancel:
		return reasonCancelled, "the run was cancelled"
	}
	return "", ""
}

// rest handles a Run that has no live attempt.
func (p *plan) rest() {
	for _, step := range []func(*plan) bool{
		(*plan).remove,        // What is deleted goes, once nothing of it lives.
		(*plan).stayEnded,     // I7
		(*plan).refuse,        // An invalid spec runs nothing.
		(*plan).cancel,        // Nothing to kill: it ends at once.
		(*plan).markSucceeded, // Nor is there anything to run.
		(*plan).awaitCallback, // Its task has ended, its attempt has not.
		(*plan).expire,        // deadline, startBy, queueTimeout
		(*plan).awaitRetry,    // Not yet.
		(*plan).wantAttempt,   // Now.
	} {
		if step(p) {
			return
		}
	}
}

func (p *plan) remove() bool {
	if p.gone {
		p.d.Remove = p.in.Run.Rev.StatusMod != 0
		return true
	}
	if p.in.JobGone {
		p.d.Remove, p.d.RemoveSpec = p.in.Run.Rev.StatusMod != 0, true
	}
	return p.in.JobGone
}

func (p *plan) stayEnded() bool { return p.status.Phase.Terminal() }

func (p *plan) refuse() bool {
	err := p.in.Run.Err
	if err == nil && len(p.status.Attempts) == 0 {
		err = v1.AsError(v1.ValidateRun(p.run))
	}
	if err == nil {
		return false
	}
	p.status.Phase = v1.RunPending
	p.report(reasonNotAccepted, err.Error())
	return true
}

func (p *plan) cancel() bool {
	if !p.run.Spec.Cancel {
		return false
	}
	if a := p.last(); a != nil && !a.State.Terminal() {
		return p.cancelAwaited() // Not if a callback has decided already.
	}
	p.end(v1.RunKilled, reasonCancelled, "the run was cancelled before an attempt was launched")
	return true
}

// markSucceeded ends a Run that somebody marked: it has no task.
func (p *plan) markSucceeded() bool {
	s := &p.run.Spec
	if !s.MarkSucceeded {
		return false
	}
	text := "marked as succeeded"
	if s.RequestedBy != "" {
		text += " by " + s.RequestedBy
	}
	p.end(v1.RunSucceeded, reasonMarked, messages.Join(text, oneLine(s.Note)))
	return true
}

func (p *plan) awaitRetry() bool {
	t, n := p.status.RetryTime, len(p.status.Attempts)
	if t == nil || !p.now.Before(t.Time) {
		return false
	}
	if n > 0 {
		// If more time is left than the whole delay, the clock was set back: the Run does not wait until it
		// comes round.
		if most := p.now.Add(p.retryAfter(&p.status.Attempts[n-1])); t.After(most.Add(clockSkew)) {
			p.status.Message = strings.ReplaceAll(p.status.Message, messages.Instant(t.Time), messages.Instant(most))
			t = v1.NewTimePtr(most)
			p.status.RetryTime = t
		}
	}
	p.wake.At(t.Time)
	return true
}

func (p *plan) wantAttempt() bool {
	p.d.Launch, p.d.Since = true, p.since()
	if w := p.in.Why; w.Reason != "" && (w.Reason != p.status.Reason || w.Message != p.status.Message) {
		p.status.Phase = v1.RunPending
		p.report(w.Reason, w.Message)
	}
	return true
}

// decide compares the next status with the present one.
func (p *plan) decide() Decision {
	if p.d.Remove || p.d.RemoveSpec {
		p.d.DropCallback = p.in.Callback != nil
		return p.d
	}
	p.d.GuardCallback = p.endsAsync()
	p.takeProgress()
	if a := p.last(); p.in.Callback != nil && (a == nil || a.State.Terminal()) {
		p.d.DropCallback = true
	}
	p.d.After = p.wake.After(p.now)
	created := p.run.CreationTimestamp.IsZero() && !p.gone
	if created {
		p.d.Created = p.now
		if p.status.Phase == "" {
			p.status.Phase = v1.RunPending
		}
	}
	if created || !sameStatus(&p.run.Status, &p.status) {
		p.d.Status = &p.status
	}
	return p.d
}

// ackNow acknowledges an update without effect. If an earlier update has an effect, this one may repeat it, and
// so it waits for the same write (I2).
func (p *plan) ackNow(u offer.Update) {
	switch {
	case !u.WantsAck():
	case p.unstored:
		p.d.AckAfter = append(p.d.AckAfter, u)
	default:
		p.d.AckNow = append(p.d.AckNow, u)
	}
}

// ackAfter acknowledges an update once the next status is stored.
func (p *plan) ackAfter(u offer.Update) {
	p.unstored = true
	p.ackNow(u)
}

// report sets the Run's reason and message. Whatever went into the message, it is not longer than a status can bear.
func (p *plan) report(reason, message string) {
	p.status.Reason, p.status.Message = reason, cut(message, 2*longestMessage)
}
