package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

// outcome is what a test wants to see of a Decision.
type outcome struct {
	Phase   v1.RunPhase // of the next status; "": it stays
	Attempt v1.RunPhase // state of the last attempt in it
	Reason  string
	Acks    string // "now", "after", "now after", or ""
	Kill    bool
	Ask     bool
	Launch  bool
	Remove  bool
	Retry   time.Duration // from now; 0: none
	Next    time.Duration // from now; 0: none
}

// plannedAt is when the tables plan.
const plannedAt = 10 * time.Second

func outcomeOf(d Decision) outcome {
	o := outcome{Kill: len(d.Kill) > 0, Ask: len(d.Ask) > 0, Launch: d.Launch, Remove: d.Remove}
	if s := d.Status; s != nil {
		o.Phase, o.Reason = s.Phase, s.Reason
		if n := len(s.Attempts); n > 0 {
			o.Attempt = s.Attempts[n-1].State
		}
		if s.RetryTime != nil {
			o.Retry = s.RetryTime.Sub(at(plannedAt))
		}
	}
	if len(d.AckNow) > 0 {
		o.Acks = "now"
	}
	if len(d.AckAfter) > 0 {
		o.Acks += "after"
	}
	o.Next = d.After
	return o
}

// TestEveryStateInEveryPhase: one update of each kind, for an attempt that is launching and for one that runs,
// in a Run that is wanted, cancelled, or deleted.
func TestEveryStateInEveryPhase(t *testing.T) {
	const (
		L, R, F, K, X, S = v1.RunLaunching, v1.RunRunning, v1.RunFailed, v1.RunKilled, v1.RunLost, v1.RunSucceeded
		P                = v1.RunPending
		now, after       = "now", "after"
	)
	retry := time.Minute
	soon := unstartedMin
	ended := func(attempt v1.RunPhase, reason string, delay time.Duration) outcome {
		return outcome{Phase: P, Attempt: attempt, Reason: reason, Acks: after, Retry: delay, Next: delay}
	}
	final := func(phase, attempt v1.RunPhase, reason string) outcome {
		return outcome{Phase: phase, Attempt: attempt, Reason: reason, Acks: after}
	}
	nothing := outcome{Acks: now}
	for name, tc := range map[string]struct {
		state   offer.State
		reason  string
		running outcome // of a Run that is wanted
		// launching, when it differs.
		launching *outcome
		// end of a cancelled Run's attempt; "": it goes on and is killed.
		cancelled v1.RunPhase
		// abortedIs is the same when it had not started.
		abortedIs v1.RunPhase
	}{
		"staging":     {state: offer.TaskStaging, running: nothing},
		"starting":    {state: offer.TaskStarting, running: nothing},
		"killing":     {state: offer.TaskKilling, running: nothing},
		"running":     {state: offer.TaskRunning, running: nothing, launching: &outcome{Phase: R, Attempt: R, Acks: after}},
		"unreachable": {state: offer.TaskUnreachable, running: outcome{Phase: R, Attempt: R, Reason: "Unreachable", Acks: after}, launching: &outcome{Phase: L, Attempt: L, Reason: "Unreachable", Acks: after}},
		"finished":    {state: offer.TaskFinished, running: final(S, S, ""), cancelled: S},

		"failed":               {state: offer.TaskFailed, running: ended(F, "Retrying", retry), cancelled: F},
		"failed, timeout":      {state: offer.TaskFailed, reason: "MAX_COMPLETION_TIME_REACHED", running: ended(F, "Retrying", retry), cancelled: F},
		"failed, memory":       {state: offer.TaskFailed, reason: "CONTAINER_LIMITATION_MEMORY", running: ended(F, "Retrying", retry), cancelled: F},
		"failed, not launched": {state: offer.TaskFailed, reason: "CONTAINER_LAUNCH_FAILED", running: ended(F, "Retrying", retry), cancelled: F},
		"failed, executor": {
			state: offer.TaskFailed, reason: "EXECUTOR_TERMINATED", running: ended(F, "Retrying", retry),
			launching: ptr(ended(X, "Retrying", soon)), cancelled: F, abortedIs: X,
		},
		"failed while unreachable": {state: offer.TaskFailed, reason: "AGENT_REREGISTERED", running: ended(F, "Retrying", retry), cancelled: F},
		"killed by nobody we know": {state: offer.TaskKilled, running: final(K, K, "Killed"), cancelled: K},
		"killed, agent drained":    {state: offer.TaskKilled, reason: "AGENT_DRAINING", running: ended(X, "Retrying", retry), cancelled: X},
		"error":                    {state: offer.TaskError, reason: "TASK_INVALID", running: final(F, F, "InvalidTask"), cancelled: F},
		"error, unauthorized":      {state: offer.TaskError, reason: "TASK_UNAUTHORIZED", running: final(F, F, "Unauthorized"), cancelled: F},
		"dropped, offer gone":      {state: offer.TaskDropped, reason: "INVALID_OFFERS", running: ended(X, "Retrying", soon), cancelled: X},
		"dropped, never sent":      {state: offer.TaskDropped, reason: "NOT_SENT", running: ended(X, "Retrying", soon), cancelled: X},
		"dropped by the agent":     {state: offer.TaskDropped, reason: "EXECUTOR_TERMINATED", running: ended(F, "Retrying", retry), cancelled: F},
		"lost":                     {state: offer.TaskLost, running: ended(X, "Retrying", retry), cancelled: X},
		"lost, agent removed":      {state: offer.TaskLost, reason: "AGENT_REMOVED", running: ended(X, "Retrying", retry), cancelled: X},
		"lost, agent disconnected": {
			state: offer.TaskLost, reason: "AGENT_DISCONNECTED", running: ended(X, "Retrying", retry),
			launching: ptr(ended(X, "Retrying", soon)), cancelled: X,
		},
		"gone":             {state: offer.TaskGone, running: ended(X, "Retrying", retry), cancelled: X},
		"gone by operator": {state: offer.TaskGoneByOperator, running: ended(X, "Retrying", retry), cancelled: X},
		"gone, on reconciliation": {
			state: offer.TaskGone, reason: "RECONCILIATION", running: ended(X, "Retrying", retry),
			launching: ptr(ended(X, "Retrying", soon)), cancelled: X,
		},
		"unknown, on reconciliation": {
			state: offer.TaskUnknown, reason: "RECONCILIATION", running: ended(X, "Retrying", retry),
			launching: ptr(ended(X, "Retrying", soon)), cancelled: X,
		},
		"a state that Mesos does not have yet": {state: "TASK_LEVITATING", running: nothing},
	} {
		for _, phase := range []v1.RunPhase{L, R} {
			want := tc.running
			if phase == L && tc.launching != nil {
				want = *tc.launching
			}
			in := func(change ...func(*v1.Run)) Input {
				return Input{
					Run:     testRun(append(change, withAttempts(attempt(1, phase)))...),
					Updates: []offer.Update{update(1, tc.state, because(tc.reason))},
				}
			}
			t.Run(fmt.Sprintf("%s/%s/wanted", name, phase), func(t *testing.T) {
				got := outcomeOf(Plan(in(), at(plannedAt)))
				if phase == L && tc.cancelled == "" && got.Attempt != R {
					want.Next = got.Next // It is asked after: another test.
				}
				check(t, want, got)
			})
			t.Run(fmt.Sprintf("%s/%s/cancelled", name, phase), func(t *testing.T) {
				d := Plan(in(func(r *v1.Run) { r.Spec.Cancel = true }), at(plannedAt))
				got := outcomeOf(d)
				if tc.cancelled == "" {
					if !got.Kill || got.Launch || d.Status.Phase.Terminal() {
						t.Errorf("a cancelled Run's live attempt is killed: %+v", got)
					}
					return
				}
				want := outcome{Phase: K, Attempt: tc.cancelled, Reason: "Cancelled", Acks: after}
				if phase == L && tc.abortedIs != "" {
					want.Attempt = tc.abortedIs
				}
				if tc.cancelled == S {
					want.Phase, want.Reason = S, ""
				}
				check(t, want, got)
			})
			t.Run(fmt.Sprintf("%s/%s/deleted", name, phase), func(t *testing.T) {
				i := in()
				i.Run.Rev.SpecCreate, i.Run.Rev.SpecMod, i.Run.Rev.SpecVersion = 0, 0, 0
				got := outcomeOf(Plan(i, at(plannedAt)))
				if dead := tc.cancelled != ""; got.Remove != dead || got.Kill == dead || got.Launch || got.Phase.Terminal() {
					t.Errorf("what is deleted is killed, and removed once it is dead: %+v", got)
				}
			})
		}
		t.Run(name+"/ended", func(t *testing.T) {
			in := Input{Run: testRun(withAttempts(attempt(1, F)), func(r *v1.Run) { r.Status.Phase = F }), Updates: []offer.Update{update(1, tc.state, because(tc.reason))}}
			got := outcomeOf(Plan(in, at(plannedAt)))
			alive := slices.Contains([]offer.State{offer.TaskStaging, offer.TaskStarting, offer.TaskRunning}, tc.state) || tc.state == "TASK_LEVITATING"
			check(t, outcome{Acks: now, Kill: alive}, got)
		})
	}
}

func check(t *testing.T, want, got outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

// TestEveryStateHasARow: the table is complete, and no row is hidden by one before it.
func TestEveryStateHasARow(t *testing.T) {
	for _, state := range []offer.State{
		offer.TaskStaging, offer.TaskStarting, offer.TaskRunning, offer.TaskKilling, offer.TaskFinished, offer.TaskFailed, offer.TaskKilled,
		offer.TaskError, offer.TaskLost, offer.TaskDropped, offer.TaskUnreachable, offer.TaskGone, offer.TaskGoneByOperator, offer.TaskUnknown,
	} {
		rows := byState[state]
		if len(rows) == 0 {
			t.Errorf("%s has no row", state)
			continue
		}
		if last := rows[len(rows)-1]; last.reason != "" || last.before != 0 {
			t.Errorf("%s: the last row must fit always", state)
		}
		for i, r := range rows {
			if (r.class == lives) != !r.phase.Terminal() {
				t.Errorf("%s: class and phase %q do not go together", state, r.phase)
			}
			if r.phase.Terminal() && r.phase != v1.RunSucceeded && r.word == "" {
				t.Errorf("%s %s: no word for the user", state, r.reason)
			}
			so := started
			if r.before != 0 {
				so = r.before - 1
			}
			if got := meaning(state, r.reason, so); i < len(rows) && !reflect.DeepEqual(got, r) {
				t.Errorf("%s %s: hidden by %+v", state, r.reason, got)
			}
		}
	}
}

// TestI7TaskGoneOnReconciliationChangesNothing: explicit reconciliation answers TASK_GONE for a task that
// finished and was acknowledged.
func TestI7TaskGoneOnReconciliationChangesNothing(t *testing.T) {
	for _, phase := range []v1.RunPhase{v1.RunSucceeded, v1.RunFailed, v1.RunKilled, v1.RunLost} {
		in := Input{Run: testRun(withAttempts(attempt(1, phase))), Updates: []offer.Update{update(1, offer.TaskGone, reconciled)}}
		if d := Plan(in, at(plannedAt)); !reflect.DeepEqual(d, Decision{}) {
			t.Errorf("%s: %+v", phase, d)
		}
	}
}

func TestPlan(t *testing.T) {
	const now = plannedAt
	retried := func(n int, phase v1.RunPhase, change ...func(*v1.Attempt)) v1.Attempt {
		return attempt(n, phase, append(change, func(a *v1.Attempt) { a.FinishTime, a.NotStarted = timeAt(3*time.Second), phase == v1.RunLost })...)
	}
	pending := func(r *v1.Run) { r.Status.Phase = v1.RunPending }
	gone := func(in *Input) {
		in.Run.Rev.SpecMod, in.Run.Rev.SpecCreate, in.Run.Rev.SpecVersion = 0, 0, 0
	}
	earlier := func(in *Input) {
		in.Run.Earlier, in.Run.Object = in.Run.Object, testRun().Object
	}
	code := func(n int32, rule *v1.RetryExitCodes) func(*v1.Run) {
		return func(r *v1.Run) { r.Spec.Retries.ExitCodes = rule }
	}
	for name, tc := range map[string]struct {
		run     []func(*v1.Run)
		input   func(*Input)
		updates []offer.Update
		facts   Facts
		want    outcome
	}{
		"new: wants an attempt, nothing is written": {want: outcome{Launch: true}},
		"without a creation time: it gets one": {
			run:  []func(*v1.Run){func(r *v1.Run) { r.CreationTimestamp = metav1.Time{} }},
			want: outcome{Phase: v1.RunPending, Launch: true},
		},
		"invalid: says so and waits": {
			run:  []func(*v1.Run){func(r *v1.Run) { r.Spec.Task.Shell = "" }},
			want: outcome{Phase: v1.RunPending, Reason: "NotAccepted"},
		},
		"not decodable: says so and waits": {
			input: func(in *Input) { in.Run.Err = errors.New("spec.task: gibberish") },
			want:  outcome{Phase: v1.RunPending, Reason: "NotAccepted"},
		},
		"job gone, nothing alive: removed": {input: func(in *Input) { in.JobGone = true; in.Run.Rev.StatusMod = 7 }, want: outcome{Remove: true}},
		"job gone, task alive: killed": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning))}, input: func(in *Input) { in.JobGone = true },
			want: outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Reason: "JobDeleted", Kill: true, Next: 5 * time.Second},
		},
		"deleted, nothing alive: removed": {run: []func(*v1.Run){pending}, input: gone, want: outcome{Remove: true}},
		"deleted, task alive: killed, status untouched": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning))}, input: gone, want: outcome{Kill: true, Next: 5 * time.Second},
		},
		"deleted and made again: the earlier one's task is killed first": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning))}, input: earlier, want: outcome{Kill: true, Next: 5 * time.Second},
		},
		"deleted and made again: the earlier one's status goes first": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunSucceeded))}, input: earlier, want: outcome{Remove: true},
		},
		"cancelled while pending: ends at once": {
			run: []func(*v1.Run){func(r *v1.Run) { r.Spec.Cancel = true }}, want: outcome{Phase: v1.RunKilled, Reason: "Cancelled"},
		},
		"cancelled after a success: stays a success": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunSucceeded)), func(r *v1.Run) { r.Spec.Cancel = true }},
		},
		"cancelled, killed a moment ago: killed again later": {
			run:   []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Cancel = true; r.Status.Reason = "Cancelled" }},
			facts: Facts{Kills: 2, LastKill: at(now - time.Second)},
			want:  outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Reason: "Cancelled", Next: 9 * time.Second},
		},
		"cancelled, the last kill was long ago: killed again": {
			run:   []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Cancel = true }},
			facts: Facts{Kills: 2, LastKill: at(now - 10*time.Second)},
			want:  outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Reason: "Cancelled", Kill: true, Next: 20 * time.Second},
		},
		"cancelled while the ACCEPT is under way: its answer comes first": {
			run:   []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching)), func(r *v1.Run) { r.Spec.Cancel = true }},
			facts: Facts{InFlight: true},
			want:  outcome{Next: inFlightPause},
		},
		"unknown while the ACCEPT is under way: it may yet arrive": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching))}, updates: []offer.Update{update(1, offer.TaskUnknown, reconciled)},
			facts: Facts{InFlight: true},
			want:  outcome{Next: askPause},
		},
		"unknown though Mesos had said starting: it may have run": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching))}, updates: []offer.Update{update(1, offer.TaskUnknown, reconciled)},
			facts: Facts{Progress: staged},
			want:  outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Reason: "Retrying", Retry: time.Minute, Next: time.Minute},
		},
		"silent while launching: asked after ten seconds": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching))},
			want: outcome{Next: time.Second},
		},
		"silent while launching for long: asked": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching, func(a *v1.Attempt) { a.LaunchTime = *timeAt(0) }))},
			want: outcome{Ask: true, Next: 20 * time.Second},
		},
		"launching, and the clock was set back since: asked at once": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching, func(a *v1.Attempt) { a.LaunchTime = *timeAt(now + time.Hour) }))},
			want: outcome{Ask: true, Next: 20 * time.Second},
		},
		"launching, the clock was set back, asked a moment ago: asked again later": {
			run:   []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching, func(a *v1.Attempt) { a.LaunchTime = *timeAt(now + time.Hour) }))},
			facts: Facts{Asks: 1, LastAsk: at(now)},
			want:  outcome{Next: 20 * time.Second},
		},
		"asked a moment ago: asked again later": {
			run:   []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching, func(a *v1.Attempt) { a.LaunchTime = *timeAt(0) }))},
			facts: Facts{Asks: 1, LastAsk: at(now)},
			want:  outcome{Next: 20 * time.Second},
		},
		"starting, running and finished at once": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching))},
			updates: []offer.Update{update(1, offer.TaskStarting), update(1, offer.TaskRunning), update(1, offer.TaskFinished)},
			want:    outcome{Phase: v1.RunSucceeded, Attempt: v1.RunSucceeded, Acks: "nowafter"},
		},
		"the same end reported twice, before the first is stored: both are acknowledged after it is (I2)": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning))},
			updates: []offer.Update{update(1, offer.TaskFailed, reconciled), update(1, offer.TaskFailed), update(1, offer.TaskStarting)},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Kill: true, Retry: time.Minute, Next: time.Minute},
		},
		"the second failure of three attempts: retried": {
			run:     []func(*v1.Run){withAttempts(retried(1, v1.RunFailed), attempt(2, v1.RunRunning))},
			updates: []offer.Update{update(2, offer.TaskFailed)},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"the third failure of three attempts: the end": {
			run:     []func(*v1.Run){withAttempts(retried(1, v1.RunFailed), retried(2, v1.RunFailed), attempt(3, v1.RunRunning))},
			updates: []offer.Update{update(3, offer.TaskFailed)},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "TaskFailed", Acks: "after"},
		},
		"attempts that never started do not count": {
			run:     []func(*v1.Run){withAttempts(retried(1, v1.RunLost), retried(2, v1.RunLost), attempt(3, v1.RunRunning))},
			updates: []offer.Update{update(3, offer.TaskFailed)},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"a third attempt in a row that never started waits longer": {
			run:     []func(*v1.Run){withAttempts(retried(1, v1.RunLost), retried(2, v1.RunLost), attempt(3, v1.RunLaunching))},
			updates: []offer.Update{update(3, offer.TaskDropped, because("INVALID_OFFERS"))},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Reason: "Retrying", Acks: "after", Retry: time.Second, Next: time.Second},
		},
		"no retries: the first failure is the end": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }},
			updates: []offer.Update{update(1, offer.TaskFailed, exited(1))},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "TaskFailed", Acks: "after"},
		},
		"no retries and lost: the Run is lost": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }},
			updates: []offer.Update{update(1, offer.TaskGoneByOperator)},
			want:    outcome{Phase: v1.RunLost, Attempt: v1.RunLost, Reason: "AgentGone", Acks: "after"},
		},
		"lost, not to be run twice: the end": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Retries.OnLost = ptr(false) }},
			updates: []offer.Update{update(1, offer.TaskLost)},
			want:    outcome{Phase: v1.RunLost, Attempt: v1.RunLost, Reason: "Lost", Acks: "after"},
		},
		"never started, not to be run twice: retried all the same": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunLaunching)), func(r *v1.Run) { r.Spec.Retries.OnLost = ptr(false) }},
			updates: []offer.Update{update(1, offer.TaskDropped, because("INVALID_OFFERS"))},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Reason: "Retrying", Acks: "after", Retry: unstartedMin, Next: unstartedMin},
		},
		"an exit code that is never retried": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), code(64, &v1.RetryExitCodes{Never: []int32{64, 78}})},
			updates: []offer.Update{update(1, offer.TaskFailed, exited(64))},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "PermanentFailure", Acks: "after"},
		},
		"an exit code that is not among those never retried": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), code(1, &v1.RetryExitCodes{Never: []int32{64, 78}})},
			updates: []offer.Update{update(1, offer.TaskFailed, exited(1))},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"an exit code that is not the only one retried": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), code(1, &v1.RetryExitCodes{Only: []int32{75}})},
			updates: []offer.Update{update(1, offer.TaskFailed, exited(1))},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "PermanentFailure", Acks: "after"},
		},
		"killed by a signal: exit codes say nothing": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), code(1, &v1.RetryExitCodes{Only: []int32{75}})},
			updates: []offer.Update{update(1, offer.TaskFailed)},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"the retry is not due yet": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), func(r *v1.Run) { r.Status.Phase, r.Status.RetryTime = v1.RunPending, timeAt(now+5*time.Second) }},
			want: outcome{Next: 5 * time.Second},
		},
		"the retry is a little later than its delay, by another manager's clock": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), func(r *v1.Run) { r.Status.Phase, r.Status.RetryTime = v1.RunPending, timeAt(now+63*time.Second) }},
			want: outcome{Next: 63 * time.Second},
		},
		"the clock was set back since the retry was planned: its delay begins anew": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), func(r *v1.Run) { r.Status.Phase, r.Status.RetryTime = v1.RunPending, timeAt(now+time.Hour) }},
			want: outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Retry: time.Minute, Next: time.Minute},
		},
		"the clock was set back, and the last attempt never began": {
			run: []func(*v1.Run){withAttempts(retried(1, v1.RunLost)), func(r *v1.Run) {
				r.Status.Phase, r.Status.RetryTime, r.Status.Attempts[0].NotStarted = v1.RunPending, timeAt(now+time.Hour), true
			}},
			want: outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Retry: unstartedMin, Next: unstartedMin},
		},
		"the retry is due": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), func(r *v1.Run) { r.Status.Phase, r.Status.RetryTime = v1.RunPending, timeAt(now) }},
			want: outcome{Launch: true},
		},
		"the deadline would come before the retry: the end": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Deadline = seconds(60) }},
			updates: []offer.Update{update(1, offer.TaskFailed)},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "TaskFailed", Acks: "after"},
		},
		"the deadline passes while pending": {
			run: []func(*v1.Run){func(r *v1.Run) { r.Spec.Deadline = seconds(10) }}, want: outcome{Phase: v1.RunFailed, Reason: "DeadlineExceeded"},
		},
		"the deadline passes while running: killed": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Deadline = seconds(10) }},
			want: outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Reason: "DeadlineExceeded", Kill: true, Next: 5 * time.Second},
		},
		"killed for the deadline: failed, not killed": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Deadline = seconds(10) }},
			updates: []offer.Update{update(1, offer.TaskKilled)},
			want:    outcome{Phase: v1.RunFailed, Attempt: v1.RunFailed, Reason: "DeadlineExceeded", Acks: "after"},
		},
		"the deadline is ahead: looked at then": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Deadline = seconds(40) }},
			want: outcome{Next: 30 * time.Second},
		},
		"the timeout is Mesos's business first": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Timeout = seconds(5) }},
			want: outcome{Next: 12 * time.Second},
		},
		"the timeout has long passed: killed": {
			run:  []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning, func(a *v1.Attempt) { a.StartTime = timeAt(-time.Hour) })), func(r *v1.Run) { r.Spec.Timeout = seconds(5) }},
			want: outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Reason: "Timeout", Kill: true, Next: 5 * time.Second},
		},
		"killed after its timeout: failed and retried": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Timeout = seconds(5) }},
			updates: []offer.Update{update(1, offer.TaskKilled, func(u *offer.Update) { u.Timestamp = at(8 * time.Second) })},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"killed for its health check: failed and retried": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning))},
			updates: []offer.Update{update(1, offer.TaskKilled, func(u *offer.Update) { u.Healthy = ptr(false) })},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunFailed, Reason: "Retrying", Acks: "after", Retry: time.Minute, Next: time.Minute},
		},
		"startBy passes while pending: missed": {
			run: []func(*v1.Run){func(r *v1.Run) { r.Spec.StartBy = timeAt(now) }}, want: outcome{Phase: v1.RunMissed, Reason: "StartingDeadlineExceeded"},
		},
		"startBy is ahead: looked at then": {
			run: []func(*v1.Run){func(r *v1.Run) { r.Spec.StartBy = timeAt(now + time.Second) }}, want: outcome{Launch: true, Next: time.Second},
		},
		"startBy passes after an attempt that never started: missed": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunLost)), pending, func(r *v1.Run) { r.Spec.StartBy = timeAt(now) }},
			want: outcome{Phase: v1.RunMissed, Attempt: v1.RunLost, Reason: "StartingDeadlineExceeded"},
		},
		"startBy passes after an attempt that failed: retried": {
			run:  []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), pending, func(r *v1.Run) { r.Spec.StartBy = timeAt(now) }},
			want: outcome{Launch: true},
		},
		"no offer for too long": {
			run: []func(*v1.Run){func(r *v1.Run) { r.Spec.QueueTimeout = seconds(10) }}, want: outcome{Phase: v1.RunFailed, Reason: "QueueTimeout"},
		},
		"the time in the queue counts from the retry": {
			run: []func(*v1.Run){withAttempts(retried(1, v1.RunFailed)), func(r *v1.Run) {
				r.Status.Phase, r.Status.RetryTime, r.Spec.QueueTimeout = v1.RunPending, timeAt(now-time.Second), seconds(10)
			}},
			want: outcome{Launch: true, Next: 9 * time.Second},
		},
		"waiting for long: says why": {
			facts: Facts{Why: placement.Why{Reason: "InsufficientCPUs", Message: "3 agents"}}, want: outcome{Phase: v1.RunPending, Reason: "InsufficientCPUs", Launch: true},
		},
		"waiting for the same reason, other numbers: says so": {
			run: []func(*v1.Run){func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunPending, "InsufficientCPUs", "3 agents"
			}},
			facts: Facts{Why: placement.Why{Reason: "InsufficientCPUs", Message: "4 agents"}}, want: outcome{Phase: v1.RunPending, Reason: "InsufficientCPUs", Launch: true},
		},
		"waiting for the same reason as before: nothing to say": {
			run: []func(*v1.Run){func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunPending, "InsufficientCPUs", "4 agents"
			}},
			facts: Facts{Why: placement.Why{Reason: "InsufficientCPUs", Message: "4 agents"}}, want: outcome{Launch: true},
		},
		"unreachable for long, to be replaced: lost and retried": {
			run: []func(*v1.Run){
				withAttempts(attempt(1, v1.RunRunning, func(a *v1.Attempt) { a.UnreachableTime = timeAt(4 * time.Second) })),
				func(r *v1.Run) { r.Spec.Unreachable = &v1.Unreachable{After: seconds(6), Then: v1.UnreachableReplace} },
			},
			want: outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Reason: "Retrying", Retry: time.Minute, Next: time.Minute},
		},
		"unreachable for long, by reconciliation: lost and retried at once": {
			run: []func(*v1.Run){
				withAttempts(attempt(1, v1.RunRunning)),
				func(r *v1.Run) { r.Spec.Unreachable = &v1.Unreachable{After: seconds(6), Then: v1.UnreachableReplace} },
			},
			updates: []offer.Update{update(1, offer.TaskUnreachable, reconciled, func(u *offer.Update) { u.UnreachableTime = at(4 * time.Second) })},
			want:    outcome{Phase: v1.RunPending, Attempt: v1.RunLost, Reason: "Retrying", Retry: time.Minute, Next: time.Minute},
		},
		"unreachable, to be replaced later": {
			run: []func(*v1.Run){
				withAttempts(attempt(1, v1.RunRunning, func(a *v1.Attempt) { a.UnreachableTime = timeAt(5 * time.Second) })),
				func(r *v1.Run) { r.Spec.Unreachable = &v1.Unreachable{After: seconds(6), Then: v1.UnreachableReplace} },
			},
			want: outcome{Next: time.Second},
		},
		"unreachable for long, to be waited for: waits": {
			run: []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning, func(a *v1.Attempt) { a.UnreachableTime = timeAt(-time.Hour) }))},
		},
		"reachable again: goes on": {
			run:     []func(*v1.Run){withAttempts(attempt(1, v1.RunRunning, func(a *v1.Attempt) { a.UnreachableTime = timeAt(5 * time.Second) }))},
			updates: []offer.Update{update(1, offer.TaskRunning, because("AGENT_REREGISTERED"))},
			want:    outcome{Phase: v1.RunRunning, Attempt: v1.RunRunning, Acks: "after"},
		},
		"a replaced attempt comes back: killed": {
			run:     []func(*v1.Run){withAttempts(retried(1, v1.RunLost), attempt(2, v1.RunRunning))},
			updates: []offer.Update{update(1, offer.TaskRunning, reconciled)},
			want:    outcome{Kill: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Run: testRun(tc.run...), Updates: tc.updates, Facts: tc.facts}
			if tc.input != nil {
				tc.input(&in)
			}
			before := in.Run.Object.DeepCopy()
			d := Plan(in, at(now))
			check(t, tc.want, outcomeOf(d))
			if diff := cmp.Diff(before, in.Run.Object); diff != "" {
				t.Errorf("I8: the cached Run was modified:\n%s", diff)
			}
			if again := Plan(in, at(now)); !reflect.DeepEqual(d, again) {
				t.Errorf("the same input gives another decision:\n%s", cmp.Diff(d, again))
			}
		})
	}
}

// TestUndecodableStatus: nothing is known of what the Run has done, so nothing is done.
func TestUndecodableStatus(t *testing.T) {
	key := store.RunKey("default", "r")
	run := store.NewEntry[v1.Run](key, nil, &store.KeyValue{Key: []byte(key.Status()), Value: []byte("{"), ModRevision: 3, CreateRevision: 3, Version: 1})
	if run.StatusErr() == nil {
		t.Fatal("the status can be decoded after all")
	}
	if d := Plan(Input{Run: run}, t0); !reflect.DeepEqual(d, Decision{}) {
		t.Errorf("decision = %+v", d)
	}
}

func TestStatusAfterAttempts(t *testing.T) {
	in := Input{
		Run:     testRun(withAttempts(attempt(1, v1.RunLaunching))),
		Updates: []offer.Update{update(1, offer.TaskRunning, func(u *offer.Update) { u.ContainerID, u.Timestamp = "c1", at(4*time.Second) })},
		Facts:   Facts{FrameworkID: "F-0001", WorkDir: "/var/lib/mesos/agent"},
	}
	d := Plan(in, at(plannedAt))
	want := v1.RunStatus{Phase: v1.RunRunning, StartTime: timeAt(4 * time.Second), Attempts: []v1.Attempt{attempt(1, v1.RunRunning, func(a *v1.Attempt) {
		a.StartTime, a.ContainerID = timeAt(4*time.Second), "c1"
		a.Sandbox = "/var/lib/mesos/agent/slaves/S0/frameworks/F-0001/executors/" + taskID(1) + "/runs/c1"
	})}}
	if diff := cmp.Diff(want, *d.Status); diff != "" {
		t.Errorf("status when running (-want +got):\n%s", diff)
	}

	in.Run, in.Updates = testRun(func(r *v1.Run) { r.Status = *d.Status }), []offer.Update{update(1, offer.TaskFailed, exited(3), func(u *offer.Update) { u.Timestamp = at(7 * time.Second) })}
	d = Plan(in, at(plannedAt))
	if got, want := d.Status.Message, "attempt 1 failed: Command exited with status; the next attempt may start at 2026-11-22T02:01:10Z"; got != want {
		t.Errorf("message = %q, want %q", got, want)
	}
	a := d.Status.Attempts[0]
	if *a.ExitCode != 3 || !a.FinishTime.Equal(at(7*time.Second)) || a.Reason != "TaskFailed" {
		t.Errorf("attempt = %+v", a)
	}
}

// TestAgentsClockIsNotTrusted: its times are kept between what we know.
func TestAgentsClockIsNotTrusted(t *testing.T) {
	for name, tc := range map[string]struct{ says, want time.Duration }{
		"right":  {4 * time.Second, 4 * time.Second},
		"fast":   {time.Hour, plannedAt},
		"slow":   {-time.Hour, time.Second},
		"silent": {-1 << 62, plannedAt},
	} {
		t.Run(name, func(t *testing.T) {
			u := update(1, offer.TaskRunning, func(u *offer.Update) { u.Timestamp = at(tc.says) })
			if name == "silent" {
				u.Timestamp = time.Time{}
			}
			d := Plan(Input{Run: testRun(withAttempts(attempt(1, v1.RunLaunching))), Updates: []offer.Update{u}}, at(plannedAt))
			if got := d.Status.Attempts[0].StartTime; !got.Equal(at(tc.want)) {
				t.Errorf("start = %v, want %v", got, at(tc.want))
			}
		})
	}
}

// TestLongMessagesAreCut: a status has to stay small, and readable.
func TestLongMessagesAreCut(t *testing.T) {
	u := update(1, offer.TaskFailed, func(u *offer.Update) { u.Message = strings.Repeat("ö", 100_000) })
	d := Plan(Input{Run: testRun(withAttempts(attempt(1, v1.RunRunning))), Updates: []offer.Update{u}}, at(plannedAt))
	if m := d.Status.Attempts[0].Message; len(m) > longestMessage+3 || len(m) < longestMessage || !utf8.ValidString(m) {
		t.Errorf("message of %d bytes", len(m))
	}
}

// TestAttemptsThatWereAborted: the end of an executor counts against the limit only if the task may have
// started, or after some times; the pauses grow.
func TestAttemptsThatWereAborted(t *testing.T) {
	run := testRun(func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(1)) })
	now := at(0)
	var pauses []time.Duration
	var phases []v1.RunPhase
	for n := 1; !run.Object.Status.Phase.Terminal() && n < 20; n++ {
		launched := Launched(run.Object, attempt(n, v1.RunLaunching, func(a *v1.Attempt) { a.LaunchTime = v1.NewTime(now) }))
		run = testRun(func(r *v1.Run) { r.Spec.Retries.Limit, r.Status = ptr(int32(1)), launched })
		u := update(n, offer.TaskFailed, because("EXECUTOR_TERMINATED"), func(u *offer.Update) { u.Message = "Executor terminated" })
		d := Plan(Input{Run: run, Updates: []offer.Update{u}, Facts: Facts{Progress: staged}}, now)
		run = testRun(func(r *v1.Run) { r.Spec.Retries.Limit, r.Status = ptr(int32(1)), *d.Status })
		last := d.Status.Attempts[len(d.Status.Attempts)-1]
		phases = append(phases, last.State)
		if want := last.State == v1.RunLost; last.NotStarted != want {
			t.Errorf("attempt %d ended %s, not started: %t", n, last.State, last.NotStarted)
		}
		if d.Status.RetryTime != nil {
			pauses = append(pauses, d.Status.RetryTime.Sub(now))
			now = d.Status.RetryTime.Time
		}
	}
	const X, F = v1.RunLost, v1.RunFailed
	if diff := cmp.Diff([]v1.RunPhase{X, X, X, X, X, F, F}, phases); diff != "" {
		t.Errorf("attempts ended (-want +got):\n%s", diff)
	}
	ms := time.Millisecond
	if diff := cmp.Diff([]time.Duration{250 * ms, 500 * ms, time.Second, 2 * time.Second, 4 * time.Second, time.Minute}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
	if s := run.Object.Status; s.Phase != F || s.Reason != "ExecutorFailed" {
		t.Errorf("the run ended %s, %s", s.Phase, s.Reason)
	}

	// Any sign that the task has started, and it counts.
	for name, in := range map[string]Input{
		"TASK_STARTING was heard of": {Run: testRun(withAttempts(attempt(1, v1.RunLaunching))), Facts: Facts{Progress: started}},
		"it runs":                    {Run: testRun(withAttempts(attempt(1, v1.RunRunning)))},
	} {
		in.Updates = []offer.Update{update(1, offer.TaskFailed, because("EXECUTOR_TERMINATED"))}
		if a := Plan(in, at(plannedAt)).Status.Attempts[0]; a.NotStarted || a.State != F {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestWhatAnAgentLacksIsNamed: Mesos's message alone does not help whoever wrote the Job.
func TestWhatAnAgentLacksIsNamed(t *testing.T) {
	container := func(kind string) func(*v1.Run) {
		return func(r *v1.Run) { r.Spec.Task.Container = &v1.Container{Type: kind, Image: "busybox"} }
	}
	for name, tc := range map[string]struct {
		kind            string
		reason, message string
		want            string
	}{
		"docker": {v1.ContainerDocker, "EXECUTOR_TERMINATED", "Abnormal executor termination: unknown container", "--containerizers"},
		"image":  {v1.ContainerMesos, "CONTAINER_LAUNCH_FAILED", "Failed to launch container: Unsupported container image type: DOCKER", "--image_providers"},
		"volume": {v1.ContainerMesos, "CONTAINER_LAUNCH_FAILED", "Failed to launch container: Volumes in ContainerInfo is not supported", "--isolation"},
		"other":  {v1.ContainerDocker, "EXECUTOR_TERMINATED", "Executor terminated", ""},
	} {
		run := testRun(withAttempts(attempt(1, v1.RunLaunching)), container(tc.kind))
		u := update(1, offer.TaskFailed, because(tc.reason), func(u *offer.Update) { u.Message = tc.message })
		s := Plan(Input{Run: run, Updates: []offer.Update{u}}, at(plannedAt)).Status
		for _, m := range []string{s.Message, s.Attempts[0].Message} {
			if !strings.Contains(m, tc.message) || tc.want != "" && !strings.Contains(m, tc.want) || tc.want == "" && strings.Contains(m, "--") {
				t.Errorf("%s: %q", name, m)
			}
		}
	}
}

// TestReportsAreBounded: thousands of errors in a spec, or a constraint of any length, are no reason for a status of that size.
func TestReportsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, in := range map[string]Input{
		"an invalid spec": {Run: &store.Run{Key: testRun().Key, Rev: testRun().Rev, Object: testRun().Object, Err: errors.New(long)}},
		"why it waits":    {Run: testRun(), Facts: Facts{Why: placement.Why{Reason: "ConstraintsNotMet", Message: long}}},
	} {
		if s := Plan(in, at(plannedAt)).Status; len(s.Message) > 2*longestMessage+3 || len(s.Message) < longestMessage {
			t.Errorf("%s: a message of %d bytes", name, len(s.Message))
		}
	}
}

// TestAgentsToAvoid are those of the last attempts that could not start, one after another.
func TestAgentsToAvoid(t *testing.T) {
	on := func(agent string, state v1.RunPhase, reason string) v1.Attempt {
		return v1.Attempt{AgentID: agent, State: state, Reason: reason}
	}
	const aborts, launch = "EXECUTOR_TERMINATED", "CONTAINER_LAUNCH_FAILED"
	for name, tc := range map[string]struct {
		attempts []v1.Attempt
		want     []string
	}{
		"none":                       {},
		"its executor died":          {attempts: []v1.Attempt{on("a", v1.RunLost, aborts)}, want: []string{"a"}},
		"two agents, the last first": {attempts: []v1.Attempt{on("a", v1.RunLost, aborts), on("b", v1.RunFailed, launch), on("a", v1.RunLost, aborts)}, want: []string{"a", "b"}},
		"the command failed since":   {attempts: []v1.Attempt{on("a", v1.RunLost, aborts), on("b", v1.RunFailed, "COMMAND_EXIT")}},
		"it is alive":                {attempts: []v1.Attempt{on("a", v1.RunLost, aborts), on("b", v1.RunRunning, "")}},
	} {
		if diff := cmp.Diff(tc.want, agentsToAvoid(tc.attempts)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMessagesOfSeveralLines: the Run's message is one line, whatever Mesos says; the attempt keeps the rest.
func TestMessagesOfSeveralLines(t *testing.T) {
	const statistics = "Memory limit exceeded: Requested: 32MB Maximum Used: 32MB\n\nMEMORY STATISTICS: \ncache 0\nrss 33554432\n"
	run := testRun(withAttempts(attempt(1, v1.RunRunning)), func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) })
	u := update(1, offer.TaskFailed, because("CONTAINER_LIMITATION_MEMORY"), func(u *offer.Update) { u.Message = statistics })
	s := Plan(Input{Run: run, Updates: []offer.Update{u}}, at(plannedAt)).Status
	const text = "the task used more memory than it asked for: "
	if want := text + "Memory limit exceeded: Requested: 32MB Maximum Used: 32MB"; s.Message != want {
		t.Errorf("the run says %q, want %q", s.Message, want)
	}
	if want := text + statistics; s.Attempts[0].Message != want {
		t.Errorf("the attempt says %q, want %q", s.Attempts[0].Message, want)
	}
	// Nor does it matter which message comes later.
	retried := testRun(withAttempts(s.Attempts...), func(r *v1.Run) { r.Status.Phase, r.Spec.Deadline = v1.RunPending, seconds(1) })
	if s := Plan(Input{Run: retried}, at(plannedAt)).Status; s.Phase != v1.RunFailed || strings.Contains(s.Message, "\n") {
		t.Errorf("a later end: %s %q", s.Phase, s.Message)
	}
}

// TestAThousandAttemptsFitIntoADocument: etcd takes one and a half megabytes at a time, and a retry may be the
// thousandth.
func TestAThousandAttemptsFitIntoADocument(t *testing.T) {
	var as []v1.Attempt
	for n := range v1.MaxRetryLimit {
		as = append(as, attempt(n+1, v1.RunFailed, func(a *v1.Attempt) {
			a.StartTime, a.FinishTime, a.Reason = timeAt(time.Second), timeAt(time.Minute), "CONTAINER_LIMITATION_MEMORY"
			a.Message = strings.Repeat("1234567890\n", longestMessage/11)
			a.AgentID, a.ContainerID = strings.Repeat("a", 45), strings.Repeat("c", 36)
			a.Sandbox = "/var/lib/mesos/agent/slaves/" + strings.Repeat("s", 250)
		}))
	}
	status := Launched(testRun(withAttempts(as...)).Object, attempt(v1.MaxRetryLimit+1, v1.RunLaunching))
	data, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 1<<20 || len(status.Attempts) != v1.MaxRetryLimit+1 {
		t.Errorf("%d attempts are %d bytes", len(status.Attempts), len(data))
	}
	if m := status.Attempts[v1.MaxRetryLimit-1].Message; m != as[0].Message {
		t.Error("the last attempts keep their whole messages")
	}
}

func TestRetryDelay(t *testing.T) {
	policy := func(delay int, factor float64, maxDelay int) *v1.Retries {
		return &v1.Retries{Delay: seconds(delay), Factor: &factor, MaxDelay: seconds(maxDelay)}
	}
	for name, tc := range map[string]struct {
		policy *v1.Retries
		n      int
		want   time.Duration
	}{
		"defaults":               {&v1.Retries{}, 1, time.Minute},
		"constant":               {policy(10, 1, 100), 5, 10 * time.Second},
		"grows":                  {policy(10, 2, 100), 3, 40 * time.Second},
		"is bounded":             {policy(10, 2, 100), 5, 100 * time.Second},
		"is bounded at once":     {policy(10, 2, 5), 1, 5 * time.Second},
		"many times":             {policy(10, 10, 3600), 1000, time.Hour},
		"may be none":            {policy(0, 2, 100), 3, 0},
		"factor one, many times": {policy(10, 1, 100), 1 << 30, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := retryDelay(tc.policy, tc.n, "id"); got != tc.want {
				t.Errorf("delay = %s, want %s", got, tc.want)
			}
		})
	}
	p := policy(100, 1, 100)
	p.Jitter = true
	sum, lowest, highest := 0.0, time.Hour, time.Duration(0)
	for i := range 1000 {
		d := retryDelay(p, 1, taskID(i+1))
		if d != retryDelay(p, 1, taskID(i+1)) {
			t.Fatal("the same task draws another delay")
		}
		sum, lowest, highest = sum+d.Seconds(), min(lowest, d), max(highest, d)
	}
	if mean := sum / 1000; mean < 45 || mean > 55 || lowest > 2*time.Second || highest < 98*time.Second || highest > 100*time.Second {
		t.Errorf("jitter is not spread evenly from zero to the whole: mean %.1f s, from %s to %s", sum/1000, lowest, highest)
	}
}

// TestSameStatusLooksAtEverything: each field of a status and of an attempt makes a difference.
func TestSameStatusLooksAtEverything(t *testing.T) {
	full := func() *v1.RunStatus {
		s := &v1.RunStatus{Attempts: []v1.Attempt{{}}}
		fill(reflect.ValueOf(s).Elem())
		fill(reflect.ValueOf(&s.Attempts[0]).Elem())
		return s
	}
	if !sameStatus(full(), full()) {
		t.Fatal("equal statuses differ")
	}
	for _, part := range []func(*v1.RunStatus) reflect.Value{
		func(s *v1.RunStatus) reflect.Value { return reflect.ValueOf(s).Elem() },
		func(s *v1.RunStatus) reflect.Value { return reflect.ValueOf(&s.Attempts[0]).Elem() },
		func(s *v1.RunStatus) reflect.Value { return reflect.ValueOf(s.Attempts[0].Callback).Elem() },
	} {
		for i := range part(full()).NumField() {
			s := full()
			f := part(s).Field(i)
			f.SetZero()
			if sameStatus(full(), s) || sameStatus(s, full()) {
				t.Errorf("%s makes no difference", part(s).Type().Field(i).Name)
			}
		}
	}
}

// fill gives each field that is not a slice of structs a value.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *string:
			*f = "x"
		case *v1.RunPhase:
			*f = v1.RunLost
		case *bool:
			*f = true
		case *v1.Time:
			*f = *timeAt(0)
		case **v1.Time:
			*f = timeAt(0)
		case **int32:
			*f = ptr(int32(1))
		case **int64:
			*f = ptr(int64(1))
		case **v1.CallbackOutcome:
			*f = &v1.CallbackOutcome{}
			fill(reflect.ValueOf(*f).Elem())
		case *[]int32:
			*f = []int32{1}
		case *[]v1.Attempt:
		default:
			panic(fmt.Sprintf("no value for %T", f))
		}
	}
}

// TestAttemptsThatNeverStartedAreBounded, and their numbers go on.
func TestAttemptsThatNeverStartedAreBounded(t *testing.T) {
	r := testRun()
	r.Object.Status = v1.RunStatus{Phase: v1.RunPending, Attempts: []v1.Attempt{attempt(1, v1.RunFailed)}}
	for n := 2; n <= 30; n++ {
		if got := NextTask(r).Attempt; got != n {
			t.Fatalf("next attempt = %d, want %d", got, n)
		}
		s := Launched(r.Object, attempt(n, v1.RunLaunching))
		r = testRun(func(r *v1.Run) { r.Status = s })
		d := Plan(Input{Run: r, Updates: []offer.Update{update(n, offer.TaskDropped, because("INVALID_OFFERS"))}}, at(time.Duration(n)*time.Minute))
		r = testRun(func(r *v1.Run) { r.Status = *d.Status })
	}
	as := r.Object.Status.Attempts
	if len(as) != 1+keepUnstarted+1 || as[0].TaskID != taskID(1) || as[len(as)-1].TaskID != taskID(30) {
		t.Errorf("attempts kept: %d, from %s to %s", len(as), as[0].TaskID, as[len(as)-1].TaskID)
	}
	if d := r.Object.Status.RetryTime.Sub(at(30 * time.Minute)); d != unstartedMax {
		t.Errorf("pause after many = %s, want %s", d, unstartedMax)
	}
}
