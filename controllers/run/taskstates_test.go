package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// comesWith says of each reason of Mesos 1.11 with which states a partition-aware or an older framework may get
// it: from Mesos's page task-state-reasons.md, from its agent's and master's code where that is behind, and
// from the recordings. Those and no others have rows of their own. A reason without a state is one that Mesos
// has in its protocol and does not use.
var comesWith = map[string][]offer.State{
	"AGENT_DISCONNECTED":               {offer.TaskDropped, offer.TaskLost},
	"AGENT_DRAINING":                   {offer.TaskKilling, offer.TaskKilled, offer.TaskDropped},
	"AGENT_REMOVED":                    {offer.TaskDropped, offer.TaskLost, offer.TaskUnreachable},
	"AGENT_REMOVED_BY_OPERATOR":        {offer.TaskGoneByOperator, offer.TaskLost},
	"AGENT_REREGISTERED":               {offer.TaskRunning, offer.TaskFinished, offer.TaskFailed, offer.TaskKilled},
	"AGENT_RESTARTED":                  {offer.TaskDropped, offer.TaskLost},
	"AGENT_UNKNOWN":                    {offer.TaskDropped, offer.TaskLost},
	"COMMAND_EXECUTOR_FAILED":          {offer.TaskFailed},
	"CONTAINER_LAUNCH_FAILED":          {offer.TaskFailed},
	"CONTAINER_LIMITATION":             {offer.TaskFailed},
	"CONTAINER_LIMITATION_DISK":        {offer.TaskFailed},
	"CONTAINER_LIMITATION_MEMORY":      {offer.TaskFailed},
	"CONTAINER_PREEMPTED":              {offer.TaskFailed, offer.TaskKilled, offer.TaskLost, offer.TaskGone},
	"CONTAINER_UPDATE_FAILED":          {offer.TaskFailed, offer.TaskLost, offer.TaskGone},
	"EXECUTOR_REGISTRATION_TIMEOUT":    {offer.TaskFailed},
	"EXECUTOR_REREGISTRATION_TIMEOUT":  {offer.TaskFailed},
	"EXECUTOR_TERMINATED":              {offer.TaskFailed, offer.TaskDropped, offer.TaskLost},
	"EXECUTOR_UNREGISTERED":            {offer.TaskFailed, offer.TaskKilled},
	"FRAMEWORK_REMOVED":                {offer.TaskKilled, offer.TaskLost},
	"GC_ERROR":                         {offer.TaskDropped, offer.TaskLost},
	"INVALID_FRAMEWORKID":              nil,
	"INVALID_OFFERS":                   {offer.TaskError, offer.TaskDropped, offer.TaskLost},
	"IO_SWITCHBOARD_EXITED":            {offer.TaskFailed},
	"MASTER_DISCONNECTED":              {offer.TaskDropped, offer.TaskLost},
	"MAX_COMPLETION_TIME_REACHED":      {offer.TaskFailed},
	"RECONCILIATION":                   offer.States[:],
	"RESOURCES_UNKNOWN":                {offer.TaskDropped, offer.TaskLost},
	"TASK_CHECK_STATUS_UPDATED":        {offer.TaskRunning},
	"TASK_GROUP_INVALID":               {offer.TaskError},
	"TASK_GROUP_UNAUTHORIZED":          {offer.TaskError},
	"TASK_HEALTH_CHECK_STATUS_UPDATED": {offer.TaskRunning, offer.TaskFailed},
	"TASK_INVALID":                     {offer.TaskError},
	"TASK_KILLED_DURING_LAUNCH":        {offer.TaskKilled},
	"TASK_UNAUTHORIZED":                {offer.TaskError},
	"TASK_UNKNOWN":                     nil,
}

// TestEveryReasonWithEveryState: each pair of a state and a reason has a row of its own exactly where Mesos
// sends it, and means otherwise what the state means.
func TestEveryReasonWithEveryState(t *testing.T) {
	for _, reason := range offer.Reasons {
		with, known := comesWith[reason]
		if !known {
			t.Errorf("%s: say in comesWith which states come with it, and give each a row", reason)
		}
		for _, state := range offer.States {
			own := slices.ContainsFunc(byState[state], func(r row) bool { return r.reason == reason })
			if want := slices.Contains(with, state); own != want {
				t.Errorf("%s %s: has a row of its own: %t, should have: %t", state, reason, own, want)
			}
			for _, phase := range []v1.RunPhase{v1.RunLaunching, v1.RunRunning} {
				got, plain := fateOf(state, reason, phase), fateOf(state, "", phase)
				if !own && got != plain {
					t.Errorf("%s %s of an attempt that is %s: %+v, of the state alone: %+v", state, reason, phase, got, plain)
				}
				if got.ends && got.word == "" && state != offer.TaskFinished {
					t.Errorf("%s %s ends an attempt, and the status does not say why", state, reason)
				}
			}
		}
	}
	if len(comesWith) != len(offer.Reasons) {
		t.Errorf("comesWith has %d reasons, Mesos %d", len(comesWith), len(offer.Reasons))
	}
	for _, r := range states {
		if r.reason != "" && r.reason != notSent && comesWith[r.reason] == nil {
			t.Errorf("%s %s: no such reason comes", r.state, r.reason)
		}
	}
}

// TestAnEndThatOnlyReconciliationTellsIsWaitedFor: what decides about a retry comes with the update, which the
// agent sends again.
func TestAnEndThatOnlyReconciliationTellsIsWaitedFor(t *testing.T) {
	for _, state := range []offer.State{offer.TaskFailed, offer.TaskKilled, offer.TaskDropped} {
		answer, itself := update(1, state, reconciled), update(1, state, because("AGENT_DRAINING"))
		in := Input{Run: testRun(withAttempts(attempt(1, v1.RunRunning))), Updates: []offer.Update{answer}}
		if d := Plan(in, at(plannedAt)); d.Status != nil || len(d.Kill) > 0 {
			t.Errorf("%s, as an answer: %+v", state, d)
		}
		in.Updates = append(in.Updates, itself)
		if d := Plan(in, at(plannedAt)); d.Status == nil || !d.Status.Attempts[0].State.Terminal() || len(d.AckAfter) == 0 {
			t.Errorf("%s, as an answer and then itself: %+v", state, d)
		}
	}
}

// fate is what Plan makes of one update, as docs/task-states.md shows it.
type fate struct {
	attempt v1.RunPhase
	ends    bool
	counts  bool
	retried bool
	word    string // the Run's reason when no attempt is left, or while it lives
	text    string
}

func fateOf(state offer.State, reason string, phase v1.RunPhase) fate {
	plan := func(limit int32) v1.RunStatus {
		run := testRun(withAttempts(attempt(1, phase)), func(r *v1.Run) { r.Spec.Retries.Limit = &limit })
		d := Plan(Input{Run: run, Updates: []offer.Update{update(1, state, because(reason))}}, at(plannedAt))
		if d.Status == nil {
			return run.Object.Status
		}
		return *d.Status
	}
	last, more := plan(0), plan(3)
	a := last.Attempts[0]
	f := fate{attempt: a.State, ends: a.State.Terminal(), counts: !a.NotStarted, retried: more.RetryTime != nil, word: last.Reason, text: a.Message}
	if f.ends && a.NotStarted { // It is retried, whatever the limit.
		so := sent
		if phase != v1.RunLaunching {
			so = started
		}
		f.word = meaning(state, reason, so).word
	}
	return f
}

// TestTaskStatesDocument keeps docs/task-states.md equal to what Plan does; go test ./controllers/run -run
// TaskStates -update rewrites it.
func TestTaskStatesDocument(t *testing.T) {
	b := new(strings.Builder)
	b.WriteString(taskStatesHead)
	var state offer.State
	for _, r := range states {
		if r.state != state {
			state = r.state
			fmt.Fprintf(b, "\n## %s\n\n| reason | attempt | then | the user reads |\n| --- | --- | --- | --- |\n", state)
		}
		reason := "any other, or none"
		if r.reason != "" {
			reason = "`" + r.reason + "`"
		}
		phase, when := v1.RunRunning, ""
		switch r.before {
		case staged:
			phase, when = v1.RunLaunching, ", not seen"
		case started:
			phase, when = v1.RunLaunching, ", not started"
		}
		f := fateOf(r.state, r.reason, phase)
		fmt.Fprintf(b, "| %s%s | %s | %s | %s |\n", reason, when, f.becomes(r), f.follows(r), f.shown(r))
	}
	path := filepath.Join("..", "..", "docs", "task-states.md")
	if *updateGolden {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what Plan does; rewrite it with -update", path)
	}
}

func (f fate) becomes(r row) string {
	switch {
	case f.ends:
		return string(f.attempt)
	case r.phase != "":
		return string(r.phase)
	case r.unreachable:
		return "stays, with `unreachableTime`"
	}
	return "stays"
}

// follows names what happens next, in the terms that the head of the document explains.
func (f fate) follows(r row) string {
	switch {
	case !f.ends && r.unreachable:
		return "unreachable"
	case !f.ends && r.reason == mesosReconciliation && terminal(r.state):
		return "awaits the update"
	case !f.ends:
		return "goes on"
	case r.class == done:
		return "succeeded"
	case r.class == permanent:
		return "failed for good"
	case r.class == killed:
		return "killed"
	case r.class == aborted:
		return "aborted"
	case !f.counts:
		return "tried again"
	case r.class == lost:
		return "retried as lost"
	}
	return "retried"
}

func (f fate) shown(r row) string {
	switch {
	case f.word == "":
		return ""
	case r.text == "":
		return "`" + f.word + "`"
	}
	text := r.text
	if len(text) > 56 { // The rows stay short.
		text = text[:strings.LastIndexByte(text[:56], ' ')] + " ..."
	}
	return "`" + f.word + "`: " + text
}

var taskStatesHead = `# What each task state means

Mesos reports how a task is doing by a state and, often, a reason. This page lists all states and reasons of
Mesos 1.11 and what each of them does to an attempt. Rows are read from the top; the first one that fits applies. A
state that a later Mesos adds changes nothing. A reason that it adds counts as "any other". A test generates this
page from the code of the run controller and fails when the two differ.

The columns:

- *reason*: the reason of Mesos. "Not seen" means that no update of the task had come before. "Not started" means that
  none had reported ` + "`TASK_STARTING` or `TASK_RUNNING`" + `.
- *attempt*: the state that the attempt gets in the Run's ` + "`status.attempts`" + `.
- *then*: what follows for the Run. The terms are below.
- *the user reads*: the Run's ` + "`status.reason`" + ` once no attempt is left, and the beginning of its message. The message
  of Mesos follows. The attempt's ` + "`reason`" + ` is the one that Mesos gave, if any.

What follows for the Run:

| then | means |
| --- | --- |
| goes on | nothing ends |
| unreachable | the attempt gets ` + "`unreachableTime`" + `; it waits or is replaced, as ` + "`spec.unreachable`" + ` says |
| awaits the update | an answer to reconciliation is not enough to decide; Horae waits for the update itself |
| succeeded | the Run has succeeded |
| failed for good | the Run has failed, because a retry would end in the same way |
| killed | the Run ends Killed. If a timeout or a health check caused the kill it counts as a failure |
| tried again | a new attempt follows soon; this one never counts against ` + "`retries.limit`" + ` |
| aborted | tried again, for the first ` + strconv.Itoa(freeAborts) + ` of such ends in a Run; from then on as the row below |
| retried | a new attempt follows as ` + "`retries`" + ` says |
| retried as lost | the same, unless ` + "`retries.onLost`" + ` is false |

A Run that is cancelled or deleted, or whose deadline is over, is never retried.

An executor can end before its task has started: the agent was killed and restarted meanwhile, the framework's own
executor is broken, or the agent cannot run containers of that type. The agent then reports ` + "`TASK_FAILED` with" + `
` + "`EXECUTOR_TERMINATED`" + ` for a task that never ran. Horae tries again, on another agent if one has room: after 250 ms,
then after twice as long each time. After ` + strconv.Itoa(freeAborts) + ` such attempts of a Run the next ones
count, because the task itself may be
the cause. Whether a task can be alive although its agent says so depends on the agent's launcher: see
[failures](failures.md).

Horae acknowledges an update after its effect is in etcd, never before (I2). An update about an attempt that has ended
changes nothing (I7). An answer to reconciliation lacks the reason and the message of the update that it repeats.
Where these decide what follows, Horae waits for the update itself: the agent sends it again until it is acknowledged.
`
