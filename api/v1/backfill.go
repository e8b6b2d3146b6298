package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Backfill runs a Job for a range of its occurrences that are in the past.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=backfills,singular=backfill
type Backfill struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BackfillSpec   `json:"spec"`
	Status BackfillStatus `json:"status,omitempty,omitzero"`
}

// BackfillList is a list of Backfills as the API returns it.
//
// +kubebuilder:object:root=true
type BackfillList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Backfill `json:"items"`
}

// BackfillSpec says which occurrences of which Job to run. Everything but parallel, suspend, priority and ttl is fixed
// when the Backfill is created.
type BackfillSpec struct {
	// Job is the name of the Job, in the same namespace.
	Job string `json:"job"`
	// From is where the range begins: an occurrence at this instant belongs to it.
	From Time `json:"from"`
	// To is where the range ends: an occurrence at this instant does not belong to it. It must not be in the future.
	To Time `json:"to"`
	// Parallel is how many Runs may be active at the same time, at most 100. The default is 1.
	// +kubebuilder:default=1
	// +optional
	Parallel *int32 `json:"parallel,omitempty"`
	// Order in which the occurrences run.
	// +kubebuilder:default=OldestFirst
	// +optional
	Order BackfillOrder `json:"order,omitempty"`
	// Runs says which occurrences run.
	// +kubebuilder:default=Missing
	// +optional
	Runs BackfillRuns `json:"runs,omitempty"`
	// Suspend starts no more Runs while it is true. Those that are active go on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// Priority of the Runs. The default is 100 less than the Job's.
	// +optional
	Priority *int32 `json:"priority,omitempty"`
	// Dependents has the end of each Run trigger the Jobs that depend on the Job. The default is false.
	// +optional
	Dependents bool `json:"dependents,omitempty"`
	// TTL is how long a Backfill that has finished is kept. The default is without end.
	// +optional
	TTL *Duration `json:"ttl,omitempty"`
}

// BackfillOrder is the order in which a Backfill runs its occurrences.
// +kubebuilder:validation:Enum=OldestFirst;NewestFirst
type BackfillOrder string

// Values of BackfillOrder.
const (
	BackfillOldestFirst BackfillOrder = "OldestFirst"
	BackfillNewestFirst BackfillOrder = "NewestFirst"
)

// BackfillRuns says which occurrences of the range a Backfill runs.
// +kubebuilder:validation:Enum=Missing;Failed;All
type BackfillRuns string

// Values of BackfillRuns.
const (
	// BackfillMissing: those that have not run. An occurrence that may have run, because its Run is not kept any more,
	// is not among them.
	BackfillMissing BackfillRuns = "Missing"
	// BackfillFailed: those whose last Run is kept and ended Failed, Lost or Killed.
	BackfillFailed BackfillRuns = "Failed"
	// BackfillAll: every one, whether it has run or not.
	BackfillAll BackfillRuns = "All"
)

// Bounds of a Backfill.
const (
	// MaxBackfillOccurrences is how many occurrences the range of one Backfill may have.
	MaxBackfillOccurrences = 100_000
	// MaxBackfillParallel bounds spec.parallel: status.active names every active Run.
	MaxBackfillParallel = 100
	// BackfillPriority is the priority of a Backfill's Runs relative to that of the Job, if spec.priority is not set.
	BackfillPriority = -100
)

// Types of a Backfill's conditions.
const (
	// BackfillAccepted: the spec can be decoded and is valid, and so is the range for the Job. If False, the message
	// names the field path and the reason, and nothing runs.
	BackfillAccepted = JobAccepted
	// BackfillFinished: every occurrence of the range is done, or there is nothing more that can be done. If False, the
	// reason is what the Backfill does or waits for.
	BackfillFinished = "Finished"
)

// Reasons of a Backfill's conditions, besides Valid and Invalid of Accepted.
const (
	// Of Finished=True.

	// ReasonAllSucceeded: no Run of the Backfill has failed.
	ReasonAllSucceeded = "AllSucceeded"
	// ReasonSomeFailed: at least one Run of the Backfill ended otherwise than in success.
	ReasonSomeFailed = "SomeFailed"
	// ReasonJobDeleted: the Job was deleted before the Backfill was done.
	ReasonJobDeleted = "JobDeleted"

	// Of Finished=False, besides Suspended and NotAccepted.

	// ReasonRunning: its Runs are made and run.
	ReasonRunning = "Running"
	// ReasonWaitingForJob: the Job does not exist, is not accepted, or has not been looked at yet.
	ReasonWaitingForJob = "WaitingForJob"
	// ReasonWaitingForSchedule: the Job's schedule has not yet handled the occurrence whose turn it is.
	ReasonWaitingForSchedule = "WaitingForSchedule"
	// ReasonWaitingForBackfill: another Backfill of the Job that was created earlier has not finished.
	ReasonWaitingForBackfill = "WaitingForBackfill"
)

// Reasons for which a Backfill does not run an occurrence (BackfillSkipped.Reason), besides NameTaken and Calendar.
const (
	// ReasonHasRun: it has a Run: under runs: Missing any that has run or may still run, otherwise one that has not
	// ended.
	ReasonHasRun = "HasRun"
	// ReasonMayHaveRun: under runs: Missing, it may have run: the Job was there, the history has no Run of it any
	// more, and nothing says that it did not run.
	ReasonMayHaveRun = "MayHaveRun"
	// ReasonNotFailed: under runs: Failed, the history has no failed Run of it.
	ReasonNotFailed = "NotFailed"
	// ReasonScheduled: it waits for its turn in the Job's schedule (status.waiting and status.moved of the Job).
	ReasonScheduled = "Scheduled"
	// ReasonMerged: calendars.onExcluded is NextDay, and another occurrence runs at the instant to which it moves.
	ReasonMerged = "Merged"
)

// BackfillStatus is what the backfill controller observed. Users never write it.
type BackfillStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Accepted, Finished.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Range is what the Backfill started with. A spec that differs from it is not accepted.
	// +optional
	Range *BackfillRange `json:"range,omitempty"`
	// JobUID is the incarnation of the Job that the Backfill is about. It is set when the Backfill starts.
	// +optional
	JobUID string `json:"jobUID,omitempty"`
	// Schedule of the Job when the Backfill started. The occurrences are those of this schedule, whatever becomes of
	// the Job's.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`
	// Calendars that the Job named when the Backfill started. Their days are those that they have when an occurrence
	// has its turn.
	// +optional
	Calendars *JobCalendars `json:"calendars,omitempty"`

	// Total is the number of occurrences in the range.
	// +optional
	Total int64 `json:"total,omitempty"`
	// Done are the occurrences whose Run has ended and those that were skipped.
	// +optional
	Done int64 `json:"done,omitempty"`
	// Succeeded counts the Runs that ended in success.
	// +optional
	Succeeded int64 `json:"succeeded,omitempty"`
	// Failed counts the Runs that ended otherwise: Failed, Lost, Killed, or deleted before their end.
	// +optional
	Failed int64 `json:"failed,omitempty"`
	// Skipped counts the occurrences that the Backfill did not run.
	// +optional
	Skipped int64 `json:"skipped,omitempty"`
	// SkippedFor divides Skipped by reason.
	// +optional
	SkippedFor []BackfillSkipped `json:"skippedFor,omitempty"`

	// ActiveCount is how many Runs of the Backfill have not ended.
	// +optional
	ActiveCount int64 `json:"activeCount,omitempty"`
	// Active names the Runs of the Backfill that have not been counted as ended: all of them.
	// +optional
	Active []string `json:"active,omitempty"`
	// Cursor is the last occurrence that had its turn, in the order of the Backfill.
	// +optional
	Cursor *Time `json:"cursor,omitempty"`
	// StartTime is when the first occurrence had its turn.
	// +optional
	StartTime *Time `json:"startTime,omitempty"`
	// FinishTime is when the Backfill finished.
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// Failures are the latest Runs that did not succeed, newest first, at most ten.
	// +optional
	Failures []BackfillFailure `json:"failures,omitempty"`
}

// BackfillRange is the part of a Backfill's spec that decides which occurrences run.
type BackfillRange struct {
	Job   string        `json:"job"`
	From  Time          `json:"from"`
	To    Time          `json:"to"`
	Order BackfillOrder `json:"order"`
	Runs  BackfillRuns  `json:"runs"`
}

// BackfillFailure is a Run of a Backfill that did not succeed.
type BackfillFailure struct {
	// ScheduledTime is the occurrence.
	// +optional
	ScheduledTime *Time `json:"scheduledTime,omitempty"`
	// Run is its name; the history of the Job may have deleted it.
	Run string `json:"run"`
	// Phase in which it ended; Killed for one that was deleted before its end.
	Phase RunPhase `json:"phase"`
	// FinishTime is when it ended.
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// Message says why.
	// +optional
	Message string `json:"message,omitempty"`
}

// BackfillSkipped counts the occurrences that a Backfill did not run for one reason.
type BackfillSkipped struct {
	// Reason in one word.
	Reason string `json:"reason"`
	// Count of the occurrences.
	Count int64 `json:"count"`
	// First and Last of them that had their turn.
	First Time `json:"first"`
	Last  Time `json:"last"`
}
