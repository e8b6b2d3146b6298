// Package history holds what happened in one run of the robustness test, as plain values: what was asked for and what came of
// the asking, what the tasks themselves wrote down, what etcd said of them, and which faults there were. test/robustness
// fills it in, test/robustness/check judges it. Apart from reading the tasks' files it does nothing.
package history

import (
	"time"

	v1 "horae/api/v1"
)

// History is one run of the test.
type History struct {
	// Began and Read are when the test began, and when the final read was asked for.
	Began, Read time.Time
	// Forgiveness is added to every Job's epsilon.
	Forgiveness time.Duration
	// Jobs that were asked for, by name, whatever came of it.
	Jobs map[string]Job
	// Ops in the order in which they were invoked.
	Ops []Op
	// Witnesses are the files that the tasks left.
	Witnesses []Witness
	// Unreadable are files without a first line: their tasks were killed before they wrote it.
	Unreadable int
	// Records are all Runs that etcd ever held, as they were last.
	Records []Record
	// NotRun are the occurrences of which a Job's status ever said that they did not become a Run.
	NotRun []NotRun
	// Statuses are the sums that the Jobs' statuses held last, by Job.
	Statuses map[string]Status
	// Views are the phases of all Runs as each manager showed them after the final read, by manager and Run.
	Views map[string]map[string]v1.RunPhase
	// Calls are the callbacks that were tried, one for each attempt of an asynchronous Job.
	Calls []Call
	// Backfills are all that etcd ever held, as they were last, by name.
	Backfills map[string]Backfill
	// Banked are the ends that the Jobs' statuses held last for a Run to come, by Job.
	Banked map[string]Bank
	// Faults that were injected.
	Faults []Fault
}

// Job is what the generator drew: Jepsen's parameters, and the policies that the strict mode varies.
type Job struct {
	Name string
	// Start of the first occurrence; the others follow after multiples of Interval, Count of them in all.
	Start    time.Time
	Interval time.Duration
	Count    int
	// Epsilon is by how much an occurrence may be late.
	Epsilon time.Duration
	// Duration for which the task sleeps.
	Duration time.Duration

	Concurrency v1.ConcurrencyPolicy
	MissedRuns  v1.MissedRunsPolicy
	// Deadline: the Job has a startingDeadline of epsilon and the forgiveness.
	Deadline bool
	// Retries is retries.limit.
	Retries int
	// Flaky: its tasks fail, after all else, if the number of their attempt is odd.
	Flaky bool
	// Async: the Runs end with a callback, which somebody makes for each of their tasks.
	Async bool
	// Parents are the Jobs that this one follows; it has no schedule then. On is which of their ends count, Policy how they
	// are joined: AllSinceLastRun or EachOnce.
	Parents []string
	On      v1.DependencyOutcome
	Policy  v1.DependencyPolicy
}

// Bank is what a Job's status has of the Jobs that it follows.
type Bank struct {
	// Runs whose ends are banked.
	Runs []string
	// Omitted are further ends, which are banked and not named.
	Omitted int64
}

// Backfill is what was asked for, and what its status said last.
type Backfill struct {
	Job        string
	From, To   time.Time
	Runs       v1.BackfillRuns
	Dependents bool
	// Finished: every occurrence of the range is done.
	Finished bool
	// Why is the reason of the condition Finished.
	Why                                     string
	Total, Done, Succeeded, Failed, Skipped int64
	// SkippedFor divides Skipped by reason.
	SkippedFor map[string]int64
}

// CallSlack is by how much the callbacks of a Run may be later than the end of its task.
const CallSlack = 5 * time.Second

// Call is the callback of one attempt. It always reports a success.
type Call struct {
	// Task is the attempt's.
	Task    string
	Outcome Outcome
	// Err is what was wrong with it.
	Err string
}

// Fails reports whether an attempt of that number fails by itself.
func (j *Job) Fails(attempt int) bool { return j.Flaky && attempt%2 == 1 }

// Target is the k-th occurrence, from 0.
func (j *Job) Target(k int) time.Time { return j.Start.Add(time.Duration(k) * j.Interval) }

// Index is the inverse of Target: which occurrence is at t, if any.
func (j *Job) Index(t time.Time) (k int, ok bool) {
	since := t.Sub(j.Start)
	if since < 0 || j.Interval <= 0 || since%j.Interval != 0 {
		return 0, false
	}
	k = int(since / j.Interval)
	return k, k < j.Count
}

// OpKind is what a client asks for.
type OpKind string

// The kinds.
const (
	Add     OpKind = "add"
	Suspend OpKind = "suspend"
	Resume  OpKind = "resume"
	Edit    OpKind = "edit"
	Delete  OpKind = "delete"
	Trigger OpKind = "trigger"
	Repeat  OpKind = "backfill"
)

// Outcome of an operation, as its client knows it.
type Outcome string

// The outcomes. Jepsen calls the last one info.
const (
	OK      Outcome = "ok"      // carried out
	Failed  Outcome = "failed"  // not carried out, and never will be
	Unknown Outcome = "unknown" // no answer, or one that says so: it may have been carried out, and may yet be
)

// Op is one operation of a client.
type Op struct {
	Kind OpKind
	Job  string
	// Edit is the number that an edit writes; it grows with each edit of a Job.
	Edit int
	// Via names the manager that was asked.
	Via                string
	Invoked, Completed time.Time
	Outcome            Outcome
	// Run that a trigger was answered with.
	Run string
	// Backfill is the name of the one that a backfill makes.
	Backfill string
	// Err is what was wrong with it.
	Err string
}

// Witness is what one task wrote down while it ran.
type Witness struct {
	File string
	// Task is the Mesos task's ID; Attempt is its number within its Run.
	Task, Run, Job string
	Attempt        int
	Reason         v1.RunReason
	// Nominal is the occurrence; zero for a manual Run.
	Nominal time.Time
	// Edit is the number of the edit that the task was made with.
	Edit int
	// Parents are the Runs that its Run follows, with commas between them.
	Parents string
	// Start, and End unless the task was killed or still runs.
	Start, End time.Time
}

// Complete reports whether the task came to its end.
func (w *Witness) Complete() bool { return !w.End.IsZero() }

// Record is a Run as etcd had it last.
type Record struct {
	Name, Job string
	Reason    v1.RunReason
	// Nominal is the occurrence; zero for a manual Run.
	Nominal time.Time
	// Created is the create revision of its spec: Runs are created in this order.
	Created int64
	Phase   v1.RunPhase
	// Why is the reason for the phase.
	Why      string
	Attempts []Attempt
	// Deleted: it was there and is not any more.
	Deleted bool
	// Parents are the Runs that this one follows; Omitted is how many more there are that it does not name.
	Parents []string
	Omitted int64
	// NoDependents: its end starts nothing.
	NoDependents bool
	// Backfill that made it.
	Backfill string
}

// Attempt is one Mesos task as its Run records it.
type Attempt struct {
	Task               string
	State              v1.RunPhase
	NotStarted         bool
	Launched, Finished time.Time
}

// NotRun is an entry of a status: occurrences that did not become a Run, Count of them, from From to Through.
type NotRun struct {
	Job           string
	From, Through time.Time
	Count         int64
	Outcome       v1.RunPhase
	Reason        string
}

// Status is the sums of a Job's status.
type Status struct {
	Succeeded, Failed, Missed, Skipped, Occurrences int64
	// Last occurrence handled.
	Last time.Time
	// Idle: no Run of it was active, and none waited.
	Idle bool
}

// Fault that was injected.
type Fault struct {
	Kind, Target string
	From, To     time.Time
	// Deadly: tasks may have died of it, or their ends may have been lost.
	Deadly bool
}
