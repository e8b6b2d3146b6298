package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Job says what runs, when it runs, and under which policies.
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

// JobSpec is what the user wants. A Job has a schedule or dependsOn. With neither it runs only when triggered.
type JobSpec struct {
	// Description is for people; it may have several lines.
	// +optional
	Description string `json:"description,omitempty"`
	// Owner is one or several mail addresses, separated by commas.
	// +kubebuilder:example="ops@example.com"
	// +optional
	Owner string `json:"owner,omitempty"`

	// Schedule is a cron expression (five fields, or six with seconds first) or an ISO 8601 repeating interval
	// (R[n]/start/period). Several expressions, one per line, mean their union.
	// +kubebuilder:example="0 2 * * MON-FRI"
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// TimeZone is the IANA time zone in which the schedule is read.
	// +kubebuilder:default="Etc/UTC"
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Calendars restrict the schedule to some days, or keep it off others. The default is none.
	// +optional
	Calendars *JobCalendars `json:"calendars,omitempty"`
	// StartingDeadline limits how late an occurrence may start. One that has not started by then is Missed. No limit by
	// default.
	// +kubebuilder:example="30m"
	// +optional
	StartingDeadline *Duration `json:"startingDeadline,omitempty"`
	// MissedRuns says which of the occurrences that passed during downtime or suspension run afterwards.
	// +kubebuilder:default=Latest
	// +optional
	MissedRuns MissedRunsPolicy `json:"missedRuns,omitempty"`
	// Jitter delays each occurrence by up to this much. The delay of one occurrence is always the same.
	// +kubebuilder:example="5m"
	// +optional
	Jitter *Duration `json:"jitter,omitempty"`
	// Suspend stops the schedule and dependsOn. A manual trigger still works.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// DependsOn names the Jobs whose Runs start this one, a thousand at most.
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	DependsOn []Dependency `json:"dependsOn,omitempty"`
	// DependencyPolicy says how Runs of several parents are joined. The default is AllSinceLastRun.
	// +optional
	DependencyPolicy DependencyPolicy `json:"dependencyPolicy,omitempty"`
	// ConcurrencyPolicy says what happens to an occurrence that comes while a Run of the Job is active. The default is
	// Forbid; with dependsOn it is Queue.
	// +optional
	ConcurrencyPolicy ConcurrencyPolicy `json:"concurrencyPolicy,omitempty"`

	// SuspendAfterFailures stops the schedule after this many failed Runs in a row. No limit by default.
	// +kubebuilder:validation:Minimum=1
	// +optional
	SuspendAfterFailures *int32 `json:"suspendAfterFailures,omitempty"`
	// SoftError makes a failed Run count as a success for the Jobs that depend on this one.
	// +optional
	SoftError bool `json:"softError,omitempty"`

	RunPolicy `json:",inline"`

	// History limits how many ended Runs are kept, and for how long.
	// +optional
	History History `json:"history,omitempty,omitzero"`
	// Task is what runs: one Mesos task.
	Task TaskSpec `json:"task"`
	// Notify adds routes to the controller's own.
	// +optional
	Notify []NotifyRoute `json:"notify,omitempty"`
}

// RunPolicy is the part of a Job that is copied into each Run: how often it is tried, how long it may take, and how
// urgent it is. An edit of the Job does not change its present Runs.
type RunPolicy struct {
	// Retries of a failed attempt, inside the same Run.
	// +optional
	Retries Retries `json:"retries,omitempty,omitzero"`
	// Timeout limits one attempt, from when it is Running.
	// +kubebuilder:example="2h"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
	// QueueTimeout limits the wait for an offer. A Run that waits longer fails with reason QueueTimeout.
	// +kubebuilder:example="1h"
	// +optional
	QueueTimeout *Duration `json:"queueTimeout,omitempty"`
	// Deadline limits the whole Run with all of its attempts, from its creation.
	// +kubebuilder:example="6h"
	// +optional
	Deadline *Duration `json:"deadline,omitempty"`
	// Async is for a task that only starts something: the Run ends when a callback reports the end.
	// +optional
	Async *Async `json:"async,omitempty"`
	// Priority is between -1000000 and 1000000; higher comes first. A Run that waits rises. Chronos's highPriority is
	// 1000.
	// +kubebuilder:validation:Minimum=-1000000
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// Unreachable says what happens to an attempt whose agent the master cannot reach. By default Horae waits for the
	// agent.
	// +optional
	Unreachable *Unreachable `json:"unreachable,omitempty"`
}

// Retries of a failed attempt, inside the same Run.
type Retries struct {
	// Limit is the number of extra attempts. The default is 2.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Limit *int32 `json:"limit,omitempty"`
	// Delay is the pause before the first extra attempt. The default is 60s.
	// +kubebuilder:default="60s"
	// +optional
	Delay *Duration `json:"delay,omitempty"`
	// Factor multiplies the delay before each further attempt. It is between 1 and 100; the default is 1.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	Factor *float64 `json:"factor,omitempty"`
	// MaxDelay is the longest delay. The default is 30m, or delay if that is longer.
	// +kubebuilder:example="30m"
	// +optional
	MaxDelay *Duration `json:"maxDelay,omitempty"`
	// Jitter draws each delay evenly between zero and its full length.
	// +optional
	Jitter bool `json:"jitter,omitempty"`
	// OnLost says whether an attempt that Mesos lost is retried. If false, the Run ends Lost. The default is true.
	// +kubebuilder:default=true
	// +optional
	OnLost *bool `json:"onLost,omitempty"`
	// ExitCodes that are never retried, or that alone are retried.
	// +optional
	ExitCodes *RetryExitCodes `json:"exitCodes,omitempty"`
}

// RetryExitCodes restricts retries by the exit code of the task. At most one of the two lists is set.
type RetryExitCodes struct {
	// Never lists the codes that are not retried.
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	// +optional
	Never []int32 `json:"never,omitempty"`
	// Only lists the codes that are retried; every other code is not.
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	// +optional
	Only []int32 `json:"only,omitempty"`
}

// Unreachable says what happens to an attempt on an agent that the master cannot reach.
type Unreachable struct {
	// After says how long the agent may be away before the attempt is replaced. The default is 15m. Only with then:
	// Replace.
	// +kubebuilder:example="15m"
	// +optional
	After *Duration `json:"after,omitempty"`
	// Then is Wait (default) or Replace. Replace may run the work twice.
	// +optional
	Then UnreachableAction `json:"then,omitempty"`
}

// Dependency names a parent Job in the same namespace.
type Dependency struct {
	// Job is the parent's name.
	Job string `json:"job"`
	// On says which end of a parent's Run starts this Job.
	// +kubebuilder:default=Succeeded
	// +optional
	On DependencyOutcome `json:"on,omitempty"`
}

// Async marks a Job whose Runs end by a callback.
type Async struct {
	// Timeout limits how long after the end of the task the callback may come. Without a callback by then the attempt
	// fails. No limit by default.
	// +kubebuilder:example="2h"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
}

// History limits the ended Runs of a Job that are kept.
type History struct {
	// Succeeded is how many Runs that succeeded are kept. The default is 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Succeeded *int32 `json:"succeeded,omitempty"`
	// Failed is how many other ended Runs are kept: failed, lost, killed, missed. The default is 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Failed *int32 `json:"failed,omitempty"`
	// TTL is how long an ended Run is kept at most, whatever the counts say. No limit by default.
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

// MissedRunsPolicy says which occurrences that passed while nothing could run are run afterwards. All means every occurrence: under
// it no concurrency policy skips one that comes due while a Run is active.
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
	// ConcurrencyForbid skips the occurrence and records that.
	ConcurrencyForbid ConcurrencyPolicy = "Forbid"
	// ConcurrencyAllow runs both.
	ConcurrencyAllow ConcurrencyPolicy = "Allow"
	// ConcurrencyReplace cancels the active Run. The new one starts when that has ended.
	ConcurrencyReplace ConcurrencyPolicy = "Replace"
	// ConcurrencyQueue lets one occurrence wait.
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

// UnreachableAction says what Horae does while an agent cannot be reached.
// +kubebuilder:validation:Enum=Wait;Replace
type UnreachableAction string

// Values of UnreachableAction.
const (
	UnreachableWait    UnreachableAction = "Wait"
	UnreachableReplace UnreachableAction = "Replace"
)
