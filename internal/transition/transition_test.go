package transition

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "horae/api/v1"
)

func run(phase v1.RunPhase, attempts int, edit ...func(*v1.Run)) *v1.Run {
	r := &v1.Run{Status: v1.RunStatus{Phase: phase, Attempts: make([]v1.Attempt, attempts)}}
	for _, e := range edit {
		e(r)
	}
	return r
}

func started(r *v1.Run) { r.Status.StartTime = v1.NewTimePtr(time.Unix(1, 0)) }
func cancel(r *v1.Run)  { r.Spec.Cancel = true }
func because(reason, message string) func(*v1.Run) {
	return func(r *v1.Run) { r.Status.Reason, r.Status.Message = reason, message }
}

func TestOfRun(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after *v1.Run
		want          []Change
	}{
		{"nothing at all", nil, nil, nil},
		{"made, and nobody has looked at it yet", nil, run("", 0), []Change{{Kind: RunCreated}}},
		{"seen first when it was cancelled already", nil, run(v1.RunPending, 0, cancel), []Change{{Kind: RunCreated}, {Kind: RunCancelled}, {Kind: RunPending, Phase: v1.RunPending}}},
		{"waits", run("", 0), run(v1.RunPending, 0), []Change{{Kind: RunPending, Phase: v1.RunPending}}},
		{"says why it waits", run(v1.RunPending, 0), run(v1.RunPending, 0, because("NoOffer", "no offer has 4 cpus")), nil},
		{"launched", run(v1.RunPending, 0), run(v1.RunLaunching, 1), []Change{{Kind: RunLaunched, Phase: v1.RunLaunching, Attempt: 1}}},
		{"started", run(v1.RunLaunching, 1), run(v1.RunRunning, 1, started), []Change{{Kind: RunStarted, Phase: v1.RunRunning, Attempt: 1}}},
		{"its second attempt is the first to start", run(v1.RunLaunching, 2), run(v1.RunRunning, 2, started), []Change{{Kind: RunStarted, Phase: v1.RunRunning, Attempt: 2}}},
		{
			"an attempt failed and will be repeated", run(v1.RunRunning, 1, started), run(v1.RunPending, 1, started, because("Retrying", "exit code 1")),
			[]Change{{Kind: RunRetried, Phase: v1.RunPending, Attempt: 1, Reason: "Retrying", Message: "exit code 1"}},
		},
		{"started again", run(v1.RunLaunching, 2, started), run(v1.RunRunning, 2, started), []Change{{Kind: RunStartedAgain, Phase: v1.RunRunning, Attempt: 2}}},
		{
			"failed", run(v1.RunRunning, 1, started), run(v1.RunFailed, 1, started, because("ExitCode", "exit code 1")),
			[]Change{{Kind: RunFailed, Phase: v1.RunFailed, Attempt: 1, Reason: "ExitCode", Message: "exit code 1"}},
		},
		{"cancelled", run(v1.RunRunning, 1), run(v1.RunRunning, 1, cancel), []Change{{Kind: RunCancelled, Attempt: 1}}},
		{"killed thereupon", run(v1.RunRunning, 1, cancel), run(v1.RunKilled, 1, cancel), []Change{{Kind: RunKilled, Phase: v1.RunKilled, Attempt: 1}}},
		{"missed", run(v1.RunPending, 0), run(v1.RunMissed, 0), []Change{{Kind: RunMissed, Phase: v1.RunMissed}}},
		{"gone", run(v1.RunSucceeded, 1), nil, []Change{{Kind: RunDeleted, Attempt: 1}}},
		{"in a phase of a later version", run(v1.RunPending, 0), run("Paused", 0), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, OfRun(tt.before, tt.after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryPhaseHasItsKind(t *testing.T) {
	for _, phase := range []v1.RunPhase{
		v1.RunPending, v1.RunLaunching, v1.RunRunning, v1.RunSucceeded, v1.RunFailed, v1.RunKilled, v1.RunLost, v1.RunMissed, v1.RunSkipped,
	} {
		if list := OfRun(run("", 0), run(phase, 0)); len(list) != 1 || list[0].Phase != phase {
			t.Errorf("%s: %v", phase, list)
		}
	}
}

// job has conditions, each given as type, status, reason.
func job(generation int64, conditions ...[3]string) *v1.Job {
	j := &v1.Job{ObjectMeta: metav1.ObjectMeta{Generation: generation, UID: "a"}}
	for _, c := range conditions {
		j.Status.Conditions = append(j.Status.Conditions, metav1.Condition{Type: c[0], Status: metav1.ConditionStatus(c[1]), Reason: c[2]})
	}
	return j
}

func TestOfJob(t *testing.T) {
	scheduled := func(reason string) *v1.Job { return job(1, [3]string{v1.JobScheduled, "False", reason}) }
	next := job(1, [3]string{v1.JobScheduled, "True", v1.ReasonNextOccurrence})
	healthy, failing := job(1, [3]string{v1.JobHealthy, "True", "a"}), job(1, [3]string{v1.JobHealthy, "False", "b"})
	accepted, refused := job(1, [3]string{v1.JobAccepted, "True", "Valid"}), job(1, [3]string{v1.JobAccepted, "False", "Invalid"})
	refusedAnew := refused.DeepCopy()
	refusedAnew.Status.Conditions[0].Message = "spec.timeZone: ..."
	anew := job(1)
	anew.UID = types.UID("b")
	missed := job(1)
	missed.Status.Missed, missed.Status.Skipped = 3, 4
	missed.Status.NotRun = []v1.NotRun{{Outcome: v1.RunSkipped, Reason: "Overlap", Message: "x was active"}, {Outcome: v1.RunMissed, Reason: "Downtime"}}
	for _, tt := range []struct {
		name          string
		before, after *v1.Job
		want          []Change
	}{
		{"nothing at all", nil, nil, nil},
		{"new", nil, job(1), []Change{{Kind: JobCreated}}},
		{"edited", job(1), job(2), []Change{{Kind: JobChanged}}},
		{"gone", job(1), nil, []Change{{Kind: JobDeleted}}},
		{"deleted and made anew", job(7), anew, []Change{{Kind: JobDeleted}, {Kind: JobCreated}}},
		{"accepted for the first time", job(1), accepted, []Change{{Kind: JobAccepted, Reason: "Valid"}}},
		{"accepted still", accepted, accepted, nil},
		{"not accepted", accepted, refused, []Change{{Kind: JobNotAccepted, Reason: "Invalid"}}},
		{"not accepted for another reason", refused, refusedAnew, []Change{{Kind: JobNotAccepted, Reason: "Invalid", Message: "spec.timeZone: ..."}}},
		{"mended", refused, accepted, []Change{{Kind: JobAccepted, Reason: "Valid"}}},
		{"has a next occurrence", job(1), next, nil},
		{"suspended", next, scheduled(v1.ReasonSuspended), []Change{{Kind: JobSuspended, Reason: v1.ReasonSuspended}}},
		{"resumed", scheduled(v1.ReasonSuspended), next, []Change{{Kind: JobResumed, Reason: v1.ReasonNextOccurrence}}},
		{"resumed, and without a further occurrence", scheduled(v1.ReasonSuspended), scheduled(v1.ReasonExhausted), []Change{{Kind: JobResumed, Reason: v1.ReasonExhausted}}},
		{"stopped after failures", next, scheduled(v1.ReasonTooManyFailures), []Change{{Kind: JobStopped, Reason: v1.ReasonTooManyFailures}}},
		{"suspended after it was stopped", scheduled(v1.ReasonTooManyFailures), scheduled(v1.ReasonSuspended), []Change{{Kind: JobSuspended, Reason: v1.ReasonSuspended}}},
		{"goes on", scheduled(v1.ReasonTooManyFailures), next, []Change{{Kind: JobResumed, Reason: v1.ReasonNextOccurrence}}},
		{"suspended and then invalid", scheduled(v1.ReasonSuspended), scheduled(v1.ReasonNotAccepted), nil},
		{"at the end of its schedule", next, scheduled(v1.ReasonExhausted), []Change{{Kind: JobExhausted, Reason: v1.ReasonExhausted}}},
		{"with a longer schedule", scheduled(v1.ReasonExhausted), next, nil},
		{"succeeds for the first time", job(1), healthy, nil},
		{"fails for the first time", job(1), failing, []Change{{Kind: JobFailing, Reason: "b"}}},
		{"fails once more", failing, failing, nil},
		{"works again", failing, healthy, []Change{{Kind: JobRecovered, Reason: "a"}}},
		{
			"missed and skipped", job(1), missed,
			[]Change{{Kind: OccurrencesMissed, Count: 3, Reason: "Downtime"}, {Kind: OccurrencesSkipped, Count: 4, Reason: "Overlap", Message: "x was active"}},
		},
		{"nothing more missed", missed, missed, nil},
		{"its status was lost", missed, job(1), nil},
		{"a parent is missing", job(1), job(1, [3]string{v1.JobParentsFound, "False", "NotFound"}), []Change{{Kind: ParentsMissing, Reason: "NotFound"}}},
		{"and is found again", job(1, [3]string{v1.JobParentsFound, "False", "NotFound"}), job(1, [3]string{v1.JobParentsFound, "True", "Found"}), []Change{{Kind: ParentsFound, Reason: "Found"}}},
		{"a Calendar is missing", job(1), job(1, [3]string{v1.JobCalendarsFound, "False", "NotFound"}), []Change{{Kind: CalendarsMissing, Reason: "NotFound"}}},
		{"and is found", job(1, [3]string{v1.JobCalendarsFound, "False", "NotFound"}), job(1, [3]string{v1.JobCalendarsFound, "True", "Found"}), []Change{{Kind: CalendarsFound, Reason: "Found"}}},
		{"there from the beginning", job(1), job(1, [3]string{v1.JobCalendarsFound, "True", "Found"}), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, OfJob(tt.before, tt.after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
