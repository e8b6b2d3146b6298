package story

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
)

var t0 = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// at is so many seconds after t0.
func at(seconds float64) time.Time { return t0.Add(time.Duration(seconds * float64(time.Second))) }

func tp(seconds float64) *v1.Time { return v1.NewTimePtr(at(seconds)) }

// lines writes each event as one line: seconds after t0, type, reason, message.
func lines(events []Event) []string {
	list := []string{}
	for _, e := range events {
		when := "?"
		if !e.Time.IsZero() {
			when = fmt.Sprint(e.Time.Sub(t0).Seconds())
		}
		if e.Count > 1 {
			when += fmt.Sprintf("..%v x%d", e.Last.Sub(t0).Seconds(), e.Count)
		}
		list = append(list, fmt.Sprintf("%s %s %s: %s", when, e.Type, e.Reason, e.Message))
	}
	return list
}

func run(change func(*v1.Run)) *v1.Run {
	r := &v1.Run{}
	r.Name, r.Namespace, r.CreationTimestamp = "hello-1", "default", metav1.NewTime(t0)
	r.Spec.Job, r.Spec.Reason, r.Spec.ScheduledTime = "hello", v1.ReasonSchedule, tp(0)
	r.Status.Phase = v1.RunPending
	change(r)
	return r
}

// attempt with a number, launched at a time on agent a1.
func attempt(number int, launched float64, change func(*v1.Attempt)) v1.Attempt {
	a := v1.Attempt{
		TaskID: fmt.Sprintf("default.hello-1.7.%d", number), AgentID: "S1", Hostname: "a1", State: v1.RunLaunching,
		LaunchTime: v1.NewTime(at(launched)),
	}
	if change != nil {
		change(&a)
	}
	return a
}

func running(start float64) func(*v1.Attempt) {
	return func(a *v1.Attempt) { a.State, a.StartTime = v1.RunRunning, tp(start) }
}

func over(state v1.RunPhase, start, finish float64, message string) func(*v1.Attempt) {
	return func(a *v1.Attempt) {
		a.State, a.StartTime, a.FinishTime, a.Message = state, tp(start), tp(finish), message
	}
}

func TestOfRun(t *testing.T) {
	const made = "0 Normal Created: made by the schedule for 2026-11-22T02:00:00Z"
	code := int32(3)
	for _, tt := range []struct {
		name   string
		change func(*v1.Run)
		want   []string
	}{
		{"new", func(*v1.Run) {}, []string{made}},
		{
			"triggered by hand, its creation unknown",
			func(r *v1.Run) {
				r.Spec.Reason, r.Spec.ScheduledTime, r.CreationTimestamp = v1.ReasonManual, nil, metav1.Time{}
			},
			[]string{"? Normal Created: triggered by hand"},
		},
		{
			"made after many parents",
			func(r *v1.Run) {
				r.Spec.Reason, r.Spec.ScheduledTime, r.Spec.Parents = v1.ReasonDependency, nil, []string{"a", "b", "c", "d", "e"}
			},
			[]string{"0 Normal Created: made because its parents have ended, after a, b, c and 2 more"},
		},
		{
			"waits for an offer",
			func(r *v1.Run) {
				r.Status.Reason, r.Status.Message = "InsufficientCPUs", "3 offers, 2 cpus in all, none with 4 cpus"
			},
			[]string{made, "0 Warning Waiting: InsufficientCPUs: 3 offers, 2 cpus in all, none with 4 cpus"},
		},
		{
			"launched, and its agent goes into maintenance",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunRunning, "AgentMaintenance", "agent a1 is drained"
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, running(3))}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"3 Warning AgentMaintenance: agent a1 is drained"},
		},
		{
			"its agent is cut off",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunRunning, "Unreachable", "the agent is cut off: a1"
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, func(a *v1.Attempt) {
					running(3)(a)
					a.UnreachableTime = tp(9)
				})}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"9 Warning AgentUnreachable: Mesos has lost contact to a1, on which attempt 1 is"},
		},
		{
			"succeeded at once",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.StartTime, r.Status.FinishTime = v1.RunSucceeded, tp(3), tp(4.25)
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, over(v1.RunSucceeded, 3, 4.25, ""))}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4.25 Normal Succeeded: attempt 1 succeeded, 1.25s after the Run had started"},
		},
		{
			"waits to be repeated",
			func(r *v1.Run) {
				r.Status.Reason, r.Status.Message, r.Status.RetryTime = "Retrying", "attempt 1 failed: ...", tp(64)
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, func(a *v1.Attempt) {
					over(v1.RunFailed, 3, 4, "Command exited with status 3\nstatistics: 17")(a)
					a.ExitCode = &code
				})}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4 Warning AttemptFailed: attempt 1 failed on a1 after 1s: Command exited with status 3",
				"4 Normal Retried: another attempt may start at 2026-11-22T02:01:04Z"},
		},
		{
			"repeated, and waits for an offer; attempts that never started were dropped from its status",
			func(r *v1.Run) {
				r.Status.Reason, r.Status.Message, r.Status.RetryTime = "NoOffers", "Mesos has offered nothing yet", tp(64)
				r.Status.Attempts = []v1.Attempt{
					attempt(7, 2, func(a *v1.Attempt) {
						a.State, a.FinishTime, a.NotStarted, a.Reason = v1.RunLost, tp(4), true, "INVALID_OFFERS"
					}),
					attempt(8, 5, over(v1.RunLost, 6, 8, "")),
				}
			},
			[]string{made, "2 Normal Launched: attempt 7 was launched on a1",
				"4 Warning AttemptNotStarted: attempt 7 did not start on a1: INVALID_OFFERS",
				"4 Normal Retried: attempt 8 followed at 2026-11-22T02:00:05Z",
				"5 Normal Launched: attempt 8 was launched on a1", "6 Normal Started: attempt 8 started on a1",
				"8 Warning AttemptLost: attempt 8 was lost on a1 after 2s",
				"8 Normal Retried: another attempt may start at 2026-11-22T02:01:04Z",
				"64 Warning Waiting: NoOffers: Mesos has offered nothing yet"},
		},
		{
			"failed for good",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.FinishTime = v1.RunFailed, "TaskFailed", "exit code 1", tp(4)
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, over(v1.RunFailed, 3, 4, "exit code 1"))}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4 Warning AttemptFailed: attempt 1 failed on a1 after 1s: exit code 1", "4 Warning Failed: TaskFailed: exit code 1"},
		},
		{
			"is being cancelled",
			func(r *v1.Run) {
				r.Spec.Cancel = true
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunRunning, "Cancelled", "the task is being killed"
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, running(3))}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"? Normal Cancelling: the Run is to be cancelled: the task is being killed"},
		},
		{
			"cancelled",
			func(r *v1.Run) {
				r.Spec.Cancel, r.Annotations = true, map[string]string{v1.AnnotationCancelledBy: "ada"}
				r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.FinishTime = v1.RunKilled, "Cancelled", "the run was cancelled", tp(4)
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, over(v1.RunKilled, 3, 4, "killed"))}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4 Normal AttemptKilled: attempt 1 was killed on a1 after 1s: killed", "4 Normal Killed: Cancelled by ada: the run was cancelled"},
		},
		{
			"asynchronous, and called back",
			func(r *v1.Run) {
				r.Spec.Reason, r.Spec.RetryOf, r.Spec.RequestedBy, r.Spec.Note = v1.ReasonManual, "hello-0", "ada", "disk was full"
				r.Status.Phase, r.Status.FinishTime = v1.RunSucceeded, tp(9)
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, func(a *v1.Attempt) {
					over(v1.RunSucceeded, 3, 9, "")(a)
					a.TaskFinishTime, a.Callback = tp(4), &v1.CallbackOutcome{Phase: v1.RunSucceeded, Message: "42 rows", Time: v1.NewTime(at(9))}
				})}
			},
			[]string{"0 Normal Created: repeats hello-0 for 2026-11-22T02:00:00Z, asked for by ada: disk was full",
				"2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4 Normal TaskEnded: the task of attempt 1 ended; the attempt ends with its callback",
				"9 Normal CalledBack: a callback of attempt 1 reported Succeeded: 42 rows", "9 Normal Succeeded: attempt 1 succeeded"},
		},
		{
			"asynchronous, its callback is expected",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message = v1.RunRunning, "AwaitingCallback", "the task has ended"
				r.Status.Attempts = []v1.Attempt{attempt(1, 2, func(a *v1.Attempt) {
					a.State, a.StartTime, a.TaskFinishTime = v1.RunRunning, tp(3), tp(4)
				})}
			},
			[]string{made, "2 Normal Launched: attempt 1 was launched on a1", "3 Normal Started: attempt 1 started on a1",
				"4 Normal TaskEnded: the task of attempt 1 ended; the attempt ends with its callback",
				"4 Normal AwaitingCallback: the task has ended"},
		},
		{
			"missed",
			func(r *v1.Run) {
				r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.FinishTime = v1.RunMissed, "StartingDeadlineExceeded", "no attempt had started", tp(60)
			},
			[]string{made, "60 Warning Missed: StartingDeadlineExceeded: no attempt had started"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lines(OfRun(run(tt.change)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOfJob(t *testing.T) {
	condition := func(typ, status, reason, message string) metav1.Condition {
		return metav1.Condition{Type: typ, Status: metav1.ConditionStatus(status), Reason: reason, Message: message,
			LastTransitionTime: metav1.NewTime(at(100))}
	}
	for _, tt := range []struct {
		name   string
		status v1.JobStatus
		want   []string
	}{
		{"new", v1.JobStatus{}, nil},
		{
			"all is well",
			v1.JobStatus{
				Conditions: []metav1.Condition{
					condition(v1.JobAccepted, "True", v1.ReasonValid, ""), condition(v1.JobScheduled, "True", v1.ReasonNextOccurrence, ""),
					condition(v1.JobHealthy, "True", v1.ReasonLastRunSucceeded, ""), condition(v1.JobCalendarsFound, "True", v1.ReasonFound, ""),
				},
				LastSuccessfulTime: tp(50), Succeeded: 12,
			},
			[]string{"50..50 x12 Normal RunSucceeded: a Run succeeded"},
		},
		{
			"suspended after failures",
			v1.JobStatus{
				Conditions: []metav1.Condition{
					condition(v1.JobScheduled, "False", v1.ReasonTooManyFailures, "3 Runs failed in a row"),
					condition(v1.JobHealthy, "False", v1.ReasonLastRunFailed, "run hello-3 failed"),
				},
				LastFailureTime: tp(50), Failed: 4, ConsecutiveFailures: 3,
			},
			[]string{"50..50 x4 Warning RunFailed: run hello-3 failed; 3 Runs have failed in a row",
				"100 Warning SuspendedAfterFailures: 3 Runs failed in a row"},
		},
		{
			"suspended", v1.JobStatus{Conditions: []metav1.Condition{condition(v1.JobScheduled, "False", v1.ReasonSuspended, "spec.suspend is true")}},
			[]string{"100 Normal Suspended: spec.suspend is true"},
		},
		{
			"not valid, and so not scheduled",
			v1.JobStatus{Conditions: []metav1.Condition{
				condition(v1.JobAccepted, "False", v1.ReasonInvalid, "spec.schedule: ..."), condition(v1.JobScheduled, "False", v1.ReasonNotAccepted, "..."),
			}},
			[]string{"100 Warning NotAccepted: spec.schedule: ..."},
		},
		{
			"accepted with warnings, a Calendar missing",
			v1.JobStatus{Conditions: []metav1.Condition{
				condition(v1.JobAccepted, "True", v1.ReasonValid, "two variables A"), condition(v1.JobCalendarsFound, "False", v1.ReasonNotFound, "there is no Calendar b"),
			}},
			[]string{"100 Warning AcceptedWithWarnings: two variables A", "100 Warning CalendarsNotFound: there is no Calendar b"},
		},
		{
			"missed and skipped",
			v1.JobStatus{NotRun: []v1.NotRun{
				{ScheduledTime: v1.NewTime(at(90)), Count: 1, Outcome: v1.RunSkipped, Reason: v1.ReasonOverlap, Message: "hello-1 was active"},
				{ScheduledTime: v1.NewTime(at(10)), Through: tp(70), Count: 7, Outcome: v1.RunMissed, Reason: v1.ReasonDowntime, Message: "no controller was running"},
			}},
			[]string{
				"10..70 x7 Warning Missed: 7 occurrences from 2026-11-22T02:00:10Z to 2026-11-22T02:01:10Z were missed (Downtime): no controller was running",
				"90 Normal Skipped: the occurrence of 2026-11-22T02:01:30Z was skipped (Overlap): hello-1 was active",
			},
		},
		{
			"occurrences wait", v1.JobStatus{Waiting: []v1.Time{v1.NewTime(at(5)), v1.NewTime(at(65))}},
			[]string{"5 Normal Queued: 2 occurrences wait for the active Run to end, the oldest is of 2026-11-22T02:00:05Z"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := &v1.Job{Status: tt.status}
			j.CreationTimestamp = metav1.NewTime(t0)
			if diff := cmp.Diff(append([]string{"0 Normal Created: the Job was created"}, tt.want...), lines(OfJob(j))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOfBackfill(t *testing.T) {
	b := &v1.Backfill{Spec: v1.BackfillSpec{Job: "hello"}}
	b.CreationTimestamp = metav1.NewTime(t0)
	b.Status = v1.BackfillStatus{
		Total: 9, StartTime: tp(1), Failures: []v1.BackfillFailure{{Run: "hello-7", Phase: v1.RunLost, FinishTime: tp(5), Message: "the agent is gone"}},
		SkippedFor: []v1.BackfillSkipped{{Reason: v1.ReasonHasRun, Count: 2, First: v1.NewTime(at(-60)), Last: v1.NewTime(at(-30))}},
		Conditions: []metav1.Condition{
			{Type: v1.BackfillFinished, Status: "True", Reason: v1.ReasonSomeFailed, Message: "1 of 7 Runs failed", LastTransitionTime: metav1.NewTime(at(8))},
		},
	}
	want := []string{
		"0 Normal Created: the Backfill of hello was created", "1 Normal Started: the first of 9 occurrences had its turn",
		"1..1 x2 Normal Skipped: 2 occurrences from 2026-11-22T01:59:00Z to 2026-11-22T01:59:30Z were not run (HasRun)",
		"5 Warning RunFailed: hello-7 ended as Lost: the agent is gone", "8 Warning Finished: 1 of 7 Runs failed",
	}
	if diff := cmp.Diff(want, lines(Of(b))); diff != "" {
		t.Error(diff)
	}
}

func TestOfOtherKinds(t *testing.T) {
	c := &v1.Calendar{}
	c.CreationTimestamp = metav1.NewTime(t0)
	c.Status.Conditions = []metav1.Condition{{Type: v1.CalendarAccepted, Status: "False", Reason: "Invalid", Message: "spec.ics: ...", LastTransitionTime: metav1.NewTime(at(1))}}
	want := []string{"0 Normal Created: the calendar was created", "1 Warning NotAccepted: spec.ics: ..."}
	if diff := cmp.Diff(want, lines(Of(c))); diff != "" {
		t.Error(diff)
	}
}

// Whatever a status says, also one that another tool wrote: the events of an object have keys of their own, are in
// order, say something in one line of bounded length, and are the same each time.
func TestProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	phase := func() v1.RunPhase {
		return v1.RunPhase(pick("", "Pending", "Launching", "Running", "Succeeded", "Failed", "Killed", "Lost", "Missed", "Skipped", "Odd"))
	}
	maybe := func() *v1.Time {
		if random.IntN(2) == 0 {
			return nil
		}
		return tp(float64(random.IntN(100)))
	}
	words := func() string { return pick("", "x", "a\nb", "\n\n", strings.Repeat("long ", 1000)) }
	for range 3000 {
		r := run(func(r *v1.Run) {
			r.Spec.Cancel = random.IntN(4) == 0
			r.Status = v1.RunStatus{Phase: phase(), Reason: pick("", "Retrying", "NoOffers"), Message: words(), StartTime: maybe(), FinishTime: maybe(), RetryTime: maybe()}
			for range random.IntN(5) {
				r.Status.Attempts = append(r.Status.Attempts, v1.Attempt{
					TaskID: pick("", "default.hello-1.7.1", "default.hello-1.7.2", "odd"), State: phase(), StartTime: maybe(), FinishTime: maybe(),
					UnreachableTime: maybe(), NotStarted: random.IntN(3) == 0, Message: words(), Reason: pick("", "X"),
				})
			}
		})
		j := &v1.Job{Status: v1.JobStatus{LastFailureTime: maybe(), LastSuccessfulTime: maybe(), Failed: int64(random.IntN(3))}}
		for range random.IntN(5) {
			j.Status.NotRun = append(j.Status.NotRun, v1.NotRun{ScheduledTime: v1.NewTime(at(float64(random.IntN(3)))), Through: maybe(),
				Count: int64(random.IntN(3)), Outcome: phase(), Reason: pick("A", "B"), Message: words()})
			j.Status.Conditions = append(j.Status.Conditions, metav1.Condition{Type: pick("Accepted", "Odd"), Status: metav1.ConditionStatus(pick("True", "False", "Unknown")),
				Reason: pick("A", "B"), Message: words()})
		}
		for _, o := range []api.Object{r, j} {
			before := o.DeepCopyObject()
			events := Of(o)
			if diff := cmp.Diff(before, o); diff != "" {
				t.Fatalf("I8: the object was modified: %s", diff)
			}
			check(t, events)
			again := Of(o.DeepCopyObject().(api.Object))
			for i := range events {
				if !events[i].Equal(&again[i]) {
					t.Fatalf("not a function of the object: %+v, then %+v", events[i], again[i])
				}
			}
		}
	}
}

func check(t *testing.T, events []Event) {
	t.Helper()
	seen := map[string]bool{}
	for i := range events {
		e := &events[i]
		switch {
		case seen[e.Key]:
			t.Fatalf("two events have the key %s: %q", e.Key, lines(events))
		case e.Message == "" || strings.ContainsAny(e.Message, "\r\n") || len(e.Message) > 600:
			t.Fatalf("%s: message %q", e.Key, e.Message)
		case e.Reason == "" || e.Type != Normal && e.Type != Warning || e.Count < 1:
			t.Fatalf("%+v", *e)
		case i > 0 && e.order.Before(events[i-1].order):
			t.Fatalf("not in order: %q", lines(events))
		}
		seen[e.Key] = true
	}
}
