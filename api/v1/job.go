package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Job says when something runs and what it is, with the policies between the two.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=jobs,singular=job
type Job struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   JobSpec   `json:"spec"`
	Status JobStatus `json:"status,omitempty,omitzero"`
}

// JobList is a list of Jobs as the API returns it.
//
// +kubebuilder:object:root=true
type JobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Job `json:"items"`
}

// JobSpec is what the user wants. A Job has a schedule, or dependsOn, or neither: then it runs only when triggered.
type JobSpec struct {
	// Description is for people; it may have several lines.
	// +optional
	Description string `json:"description,omitempty"`
	// Owner is one mail address or several, comma separated.
	// +kubebuilder:example="ops@example.com"
	// +optional
	Owner string `json:"owner,omitempty"`

	// Schedule is a cron expression (five fields, or six with seconds first) or an ISO 8601 repeating interval
	// (R[n]/start/period); several, one a line, mean their union.
	// +kubebuilder:example="0 2 * * MON-FRI"
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// TimeZone is the IANA time zone in which the schedule is read.
	// +kubebuilder:default="Etc/UTC"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Calendars restrict the schedule to some days, or keep it off others. None by default.
	// +optional
	Calendars *JobCalendars `json:"calendars,omitempty"`
	// StartingDeadline: an occurrence that could not start within this time after it was due is Missed. None by default.
	// +kubebuilder:example="30m"
	// +optional
	StartingDeadline *Duration `json:"startingDeadline,omitempty"`
	// MissedRuns says which of the occurrences that passed during downtime or suspension run afterwards.
	// +kubebuilder:default=Latest
	// +optional
	MissedRuns MissedRunsPolicy `json:"missedRuns,omitempty"`
	// Jitter delays each occurrence by up to this much; how much is a stable function of the occurrence.
	// +kubebuilder:example="5m"
	// +optional
	Jitter *Duration `json:"jitter,omitempty"`
	// Suspend blocks the schedule and dependsOn, not a manual trigger.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// DependsOn names the Jobs whose Runs start this one.
	// +optional
	DependsOn []Dependency `json:"dependsOn,omitempty"`
	// DependencyPolicy says how Runs of several parents are joined; default AllSinceLastRun.
	// +optional
	DependencyPolicy DependencyPolicy `json:"dependencyPolicy,omitempty"`
	// ConcurrencyPolicy says what happens to an occurrence that comes while a Run of the Job is active.
	// +kubebuilder:default=Forbid
	// +optional
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`

	// SuspendAfterFailures suspends the Job after so many consecutive failed Runs. None by default.
	// +kubebuilder:validation:Minimum=1
	// +optional
	SuspendAfterFailures *int32 `json:"suspendAfterFailures,omitempty"`
	// SoftError makes a failed Run count as a success for the Jobs that depend on this one.
	// +optional
	SoftError bool `json:"softError,omitempty"`
	// Async: the task only starts something; the Run ends when a callback says so.
	// +optional
	Async *Async `json:"async,omitempty"`

	RunPolicy `json:",inline"`

	// History bounds how many ended Runs are kept, and for how long.
	// +optional
	History History `json:"history,omitempty,omitzero"`
	// Task is what runs: one Mesos task.
	Task TaskSpec `json:"task"`
	// Notify adds routes to the controller's own.
	// +optional
	Notify []NotifyRoute `json:"notify,omitempty"`
}

// RunPolicy is the part of a Job that a Run keeps as it was when the Run was made: how often it is tried, how long it may
// take, and how urgent it is.
type RunPolicy struct {
	// Retries of a failed attempt, inside the same Run.
	// +optional
	Retries Retries `json:"retries,omitempty,omitzero"`
	// Timeout of one attempt, from Running.
	// +kubebuilder:example="2h"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
	// QueueTimeout: a Run that found no offer for so long fails with reason QueueTimeout.
	// +kubebuilder:example="1h"
	// +optional
	QueueTimeout *Duration `json:"queueTimeout,omitempty"`
	// Deadline of the whole Run, all attempts, from its creation.
	// +kubebuilder:example="6h"
	// +optional
	Deadline *Duration `json:"deadline,omitempty"`
	// Priority: higher first, between -1000000 and 1000000. Chronos's highPriority is 1000. A Run that waits rises.
	// +kubebuilder:validation:Minimum=-1000000
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// Unreachable says what happens to an attempt on a partitioned agent. By default Horae waits for the agent.
	// +optional
	Unreachable *Unreachable `json:"unreachable,omitempty"`
}

// Retries of a failed attempt, inside the same Run.
type Retries struct {
	// Limit is the number of extra attempts; default 2.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Limit *int32 `json:"limit,omitempty"`
	// Delay before the first extra attempt; default 60s.
	// +kubebuilder:default="60s"
	// +optional
	Delay *Duration `json:"delay,omitempty"`
	// Factor by which the delay grows with each further attempt, from 1 to 100; default 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Factor *float64 `json:"factor,omitempty"`
	// MaxDelay bounds the growth; default 30m, or the delay where that is longer.
	// +kubebuilder:example="30m"
	// +optional
	MaxDelay *Duration `json:"maxDelay,omitempty"`
	// Jitter draws the delay evenly from zero to its full value.
	// +optional
	Jitter bool `json:"jitter,omitempty"`
	// OnLost: an attempt that Mesos lost also counts and is retried; false: the Run ends Lost. Default true.
	// +kubebuilder:default=true
	// +optional
	OnLost *bool `json:"onLost,omitempty"`
	// ExitCodes that are never, or the only ones, retried.
	// +optional
	ExitCodes *RetryExitCodes `json:"exitCodes,omitempty"`
}

// RetryExitCodes restricts retries by the task's exit code; at most one of the two lists is set.
type RetryExitCodes struct {
	// Never: these are permanent failures.
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	// +optional
	Never []int32 `json:"never,omitempty"`
	// Only: every other code is a permanent failure.
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	// +optional
	Only []int32 `json:"only,omitempty"`
}

// Unreachable says what happens to an attempt on an agent that the master cannot reach.
type Unreachable struct {
	// After how long the attempt is replaced; default 15m. Only with then: Replace.
	// +kubebuilder:example="15m"
	// +optional
	After *Duration `json:"after,omitempty"`
	// Then: Wait (default) or Replace, which may run the work twice.
	// +optional
	Then UnreachableAction `json:"then,omitempty"`
}

// Dependency names a parent Job in the same namespace.
type Dependency struct {
	// Job is the parent's name.
	Job string `json:"job"`
	// On which end of a parent Run this Job starts.
	// +kubebuilder:default=Succeeded
	// +optional
	On DependencyOutcome `json:"on,omitempty"`
}

// Async marks a Job whose Runs end by a callback.
type Async struct {
	// Timeout: how long after the task ended the callback may take.
	// +kubebuilder:example="2h"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
}

// History bounds the ended Runs of a Job that are kept.
type History struct {
	// Succeeded Runs kept; default 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Succeeded *int32 `json:"succeeded,omitempty"`
	// Failed Runs kept (all that ended otherwise than in success); default 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Failed *int32 `json:"failed,omitempty"`
	// TTL after which an ended Run goes whatever the counts say. None by default.
	// +kubebuilder:example="720h"
	// +optional
	TTL *Duration `json:"ttl,omitempty"`
}

// NotifyRoute sends the named transitions of the Job's Runs to one receiver.
type NotifyRoute struct {
	// To names the receiver as kind:address.
	// +kubebuilder:example="slack:#data"
	To string `json:"to"`
	// On lists the transitions: Failed, Recovered, Late, ...
	// +optional
	On []string `json:"on,omitempty"`
}

// MissedRunsPolicy says which occurrences that passed while nothing could run are run afterwards.
// +kubebuilder:validation:Enum=Latest;All;None
type MissedRunsPolicy string

// Values of MissedRunsPolicy.
const (
	MissedRunsLatest MissedRunsPolicy = "Latest"
	MissedRunsAll    MissedRunsPolicy = "All"
	MissedRunsNone   MissedRunsPolicy = "None"
)

// ConcurrencyPolicy says what happens to an occurrence that comes while a Run of the Job is active.
// +kubebuilder:validation:Enum=Forbid;Allow;Replace;Queue
type ConcurrencyPolicy string

// Values of ConcurrencyPolicy.
const (
	// ConcurrencyForbid skips the occurrence and says so.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyAllow runs both.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyReplace cancels the active Run; the new one starts when it is gone.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
	// ConcurrencyQueue lets one wait.
	ConcurrencyQueue ConcurrencyPolicy = "Queue"
)

// DependencyPolicy says how Runs of several parents are joined.
// +kubebuilder:validation:Enum=AllSinceLastRun;EachOnce;Any;SameScheduledTime
type DependencyPolicy string

// Values of DependencyPolicy.
const (
	DependencyAllSinceLastRun   DependencyPolicy = "AllSinceLastRun"
	DependencyEachOnce          DependencyPolicy = "EachOnce"
	DependencyAny               DependencyPolicy = "Any"
	DependencySameScheduledTime DependencyPolicy = "SameScheduledTime"
)

// DependencyOutcome is the end of a parent Run that counts.
// +kubebuilder:validation:Enum=Succeeded;Failed;Finished
type DependencyOutcome string

// Values of DependencyOutcome.
const (
	OnSucceeded DependencyOutcome = "Succeeded"
	OnFailed    DependencyOutcome = "Failed"
	OnFinished  DependencyOutcome = "Finished"
)

// UnreachableAction says what follows an agent's absence.
// +kubebuilder:validation:Enum=Wait;Replace
type UnreachableAction string

// Values of UnreachableAction.
const (
	UnreachableWait    UnreachableAction = "Wait"
	UnreachableReplace UnreachableAction = "Replace"
)
