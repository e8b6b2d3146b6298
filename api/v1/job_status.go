package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Types of a Job's conditions.
const (
	// JobAccepted: the spec can be decoded and is valid. If False, the message names the field path and the reason,
	// and nothing runs.
	JobAccepted = "Accepted"
	// JobScheduled: the schedule has a next occurrence. If False, the reason is why there is none (suspended, exhausted,
	// no schedule).
	JobScheduled = "Scheduled"
	// JobHealthy: the last Run that succeeded or failed has succeeded. Absent until one has ended.
	JobHealthy = "Healthy"
	// JobCalendarsFound: the Calendars in spec.calendars exist and are valid. If False, the message names one that
	// does not: it counts as a Calendar without days. Absent when the Job has no Calendars.
	JobCalendarsFound = "CalendarsFound"
	// JobParentsFound: the Jobs in spec.dependsOn exist, and none of them depends on this Job. If False, the message
	// names one that does not exist, or the cycle. Absent when the Job depends on none.
	JobParentsFound = "ParentsFound"
)

// Reasons of a Job's conditions.
const (
	// Of Accepted.
	ReasonValid   = "Valid"
	ReasonInvalid = "Invalid"

	// Of Scheduled. NextOccurrence is True: status.nextScheduleTime is when. ClockWentBack is True as well: occurrences
	// later than the present time have been handled already, and nothing fires twice.
	ReasonNextOccurrence = "NextOccurrence"
	ReasonClockWentBack  = "ClockWentBack"
	ReasonNoSchedule     = "NoSchedule"
	ReasonExhausted      = "Exhausted"
	// ReasonDependsOn: the Job has no schedule of its own. It runs when the Jobs in spec.dependsOn have run.
	ReasonDependsOn   = "DependsOn"
	ReasonNotAccepted = "NotAccepted"
	ReasonSuspended   = "Suspended"
	// ReasonTooManyFailures: spec.suspendAfterFailures Runs failed in a row. The Job is stopped as if it were suspended,
	// until its spec is written again or a manual Run succeeds. spec.suspend is never changed.
	ReasonTooManyFailures = "TooManyFailures"

	// Of Healthy.
	ReasonLastRunSucceeded = "LastRunSucceeded"
	ReasonLastRunFailed    = "LastRunFailed"

	// Of ParentsFound, besides Found and NotFound. A Job in a cycle runs only when it is triggered.
	ReasonCycle = "Cycle"

	// Of CalendarsFound.
	ReasonFound           = "Found"
	ReasonNotFound        = "NotFound"
	ReasonCalendarInvalid = "CalendarInvalid"
)

// Reasons for which an occurrence did not become a Run (NotRun.Reason), besides those of Scheduled=False for what
// passed while nothing could run.
const (
	// ReasonDowntime: it passed while no manager led, and missedRuns does not run it. Missed.
	ReasonDowntime = "Downtime"
	// ReasonTooManyMissed: more occurrences than the controller's limit were late or waiting; it was among the oldest.
	// Missed.
	ReasonTooManyMissed = "TooManyMissed"
	// ReasonStartingDeadline: spec.startingDeadline was over before it could start. Missed.
	ReasonStartingDeadline = "StartingDeadline"
	// ReasonOverlap: concurrencyPolicy Forbid, and a Run was active. Skipped.
	ReasonOverlap = "Overlap"
	// ReasonQueueFull: concurrencyPolicy Queue, and another occurrence was waiting already. Skipped.
	ReasonQueueFull = "QueueFull"
	// ReasonReplaced: concurrencyPolicy Replace, and the next one came due before it could start. Skipped.
	ReasonReplaced = "Replaced"
	// ReasonScheduleChanged: it belonged to a schedule that was replaced before it started. Skipped.
	ReasonScheduleChanged = "ScheduleChanged"
	// ReasonNameTaken: a Run of another Job has the name that its Run needs. Skipped.
	ReasonNameTaken = "NameTaken"
	// ReasonCalendar: it was on a day that the Job's Calendars exclude. Skipped.
	ReasonCalendar = "Calendar"
	// ReasonTooManyMoved: onExcluded is NextDay, and more occurrences were to move than Horae keeps. Skipped.
	ReasonTooManyMoved = "TooManyMoved"
)

// Reasons for which the end of a parent's Run, or several ends that belong together, did not lead to a Run
// (NotRun.Reason), besides those above.
const (
	// ReasonDependenciesChanged: it was banked, and then its Job was removed from spec.dependsOn, or deleted and created
	// again. Skipped.
	ReasonDependenciesChanged = "DependenciesChanged"
	// ReasonTooManyBanked: more ends of one parent were banked than are kept; it was among the oldest. Missed.
	ReasonTooManyBanked = "TooManyBanked"
	// ReasonNotListed: the parent's status did not list it any more when this Job was planned. Missed.
	ReasonNotListed = "NotListed"
	// ReasonNoScheduledTime: dependencyPolicy SameScheduledTime, and the parent's Run has no scheduled time. Skipped.
	ReasonNoScheduledTime = "NoScheduledTime"
)

// JobStatus is what the job controller observed. Users never write it.
type JobStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Accepted, Scheduled, CalendarsFound, ParentsFound, Healthy.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// NextScheduleTime is the next occurrence, without its jitter.
	// +optional
	NextScheduleTime *Time `json:"nextScheduleTime,omitempty"`
	// LastScheduleTime is the last occurrence that was handled: run, missed or skipped.
	// +optional
	LastScheduleTime *Time `json:"lastScheduleTime,omitempty"`
	// LastSuccessfulTime is when a Run last succeeded.
	// +optional
	LastSuccessfulTime *Time `json:"lastSuccessfulTime,omitempty"`
	// LastFailureTime is when a Run last ended Failed or Lost.
	// +optional
	LastFailureTime *Time `json:"lastFailureTime,omitempty"`

	// Schedule is the schedule that the fields below are about, and since when it applies.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`
	// Waiting are the occurrences that start when the active Run has ended, oldest first: one under concurrencyPolicy
	// Queue or Replace, up to jobs.maxCatchUp under missedRuns: All.
	// +optional
	Waiting []Time `json:"waiting,omitempty"`
	// Moved are the instants to which calendars.onExcluded: NextDay has moved occurrences, in order. When they are
	// due they run as if the schedule named them.
	// +optional
	Moved []Time `json:"moved,omitempty"`
	// Occurrences of the present schedule that were handled so far. Rn counts these. Manual Runs and retries do not
	// count.
	// +optional
	Occurrences int64 `json:"occurrences,omitempty"`
	// Missed are the occurrences that could not start in time.
	// +optional
	Missed int64 `json:"missed,omitempty"`
	// Skipped are the occurrences that a policy kept from running.
	// +optional
	Skipped int64 `json:"skipped,omitempty"`
	// NotRun lists the latest occurrences that did not become a Run, newest first, at most ten entries.
	// +optional
	NotRun []NotRun `json:"notRun,omitempty"`

	// ActiveCount is how many Runs have not ended.
	// +optional
	ActiveCount int64 `json:"activeCount,omitempty"`
	// Active names the Runs that have not ended, a hundred at most.
	// +optional
	Active []string `json:"active,omitempty"`
	// ObservedRunRevision is the greatest create revision of the Runs seen. While there are more active Runs than
	// Active names, it is also the greatest revision at which one of the Runs seen ended. Together with Active it makes
	// each Run counted once.
	// +optional
	ObservedRunRevision int64 `json:"observedRunRevision,omitempty"`
	// Succeeded counts the Runs that ended in success.
	// +optional
	Succeeded int64 `json:"succeeded,omitempty"`
	// Failed counts the Runs that ended Failed or Lost. A killed Run counts neither here nor as succeeded.
	// +optional
	Failed int64 `json:"failed,omitempty"`
	// ConsecutiveFailures since the last success. Manual Runs do not raise it, but their success resets it. An edit
	// of a Job that spec.suspendAfterFailures has stopped resets it, too.
	// +optional
	ConsecutiveFailures int64 `json:"consecutiveFailures,omitempty"`

	// Completions are the latest ends of this Job's Runs, for the Jobs that depend on it. Absent until a Job depends on it.
	// +optional
	Completions *Completions `json:"completions,omitempty"`
	// Parents is what this Job has seen and banked of each Job in spec.dependsOn, in the same order.
	// +optional
	Parents []ParentStatus `json:"parents,omitempty"`
	// Duration is how long the Runs that succeeded took, since the Job exists.
	// +optional
	Duration *Distribution `json:"duration,omitempty"`
}

// ScheduleStatus is the schedule in force. A changed schedule starts anew from when the change was seen.
type ScheduleStatus struct {
	// Expression is the schedule that LastScheduleTime belongs to.
	Expression string `json:"expression,omitempty"`
	// TimeZone is the zone that LastScheduleTime belongs to.
	TimeZone string `json:"timeZone,omitempty"`
	// Since is when this schedule took effect, in whole seconds. Nothing before it is ever run. The first occurrence
	// of R//period is at this instant, and @every starts here.
	Since Time `json:"since"`
}

// NotRun records occurrences that did not become a Run (I10).
type NotRun struct {
	// ScheduledTime is the occurrence, or the first of Count.
	ScheduledTime Time `json:"scheduledTime"`
	// Through is the last of them, when there are several.
	// +optional
	Through *Time `json:"through,omitempty"`
	// Count is how many occurrences this entry is about.
	Count int64 `json:"count"`
	// Outcome is Missed or Skipped.
	Outcome RunPhase `json:"outcome"`
	// Reason in one word.
	Reason string `json:"reason"`
	// Message explains the reason.
	// +optional
	Message string `json:"message,omitempty"`
}

// Completions are the latest ends of a Job's Runs that its dependents have not all seen.
type Completions struct {
	// Last is the number of the latest end. Ends are numbered from 1 in the order in which they were counted.
	Last int64 `json:"last"`
	// Ends, oldest first, a hundred at most. The last of them has the number Last, the one before it Last-1.
	// +optional
	Ends []Completion `json:"ends,omitempty"`
}

// Completion is the end of a Run as the dependents of its Job see it.
type Completion struct {
	// Run is its name.
	Run string `json:"run"`
	// Outcome is as what the end counts: Succeeded, Failed or Killed.
	Outcome RunPhase `json:"outcome"`
	// ScheduledTime of the Run.
	// +optional
	ScheduledTime *Time `json:"scheduledTime,omitempty"`
	// FinishTime of the Run.
	FinishTime Time `json:"finishTime"`
	// Revision of etcd at which the end was written. An end counts for a Job if it is later than the write of the
	// spec that made the Job depend on it.
	Revision int64 `json:"revision"`
}

// ParentStatus is what a Job has seen of one Job that it depends on.
type ParentStatus struct {
	// Job is the parent.
	Job string `json:"job"`
	// Created is the create revision of the parent; a parent that is deleted and created again starts anew. Absent
	// until the parent was found.
	// +optional
	Created int64 `json:"created,omitempty"`
	// Since is the etcd revision of the write that made this Job depend on the parent: what ended before it does not
	// count. Absent if the Job depended on the parent before that was created.
	// +optional
	Since int64 `json:"since,omitempty"`
	// On is the outcome that counted when the parent's ends were last seen.
	On DependencyOutcome `json:"on"`
	// Seen is the number of the parent's end up to which all are consumed, banked, recorded or of no concern.
	// +optional
	Seen int64 `json:"seen,omitempty"`
	// Banked are the ends that have led to no Run yet, oldest first.
	// +optional
	Banked []BankedEnd `json:"banked,omitempty"`
	// Omitted is how many more ends are banked than are listed. Only under AllSinceLastRun, which needs no list of them.
	// +optional
	Omitted int64 `json:"omitted,omitempty"`
	// Consumed is how many of the parent's ends have led to Runs.
	// +optional
	Consumed int64 `json:"consumed,omitempty"`
}

// BankedEnd is the end of a parent's Run that has led to no Run yet.
type BankedEnd struct {
	// Run is its name.
	Run string `json:"run"`
	// Number of the end.
	Number int64 `json:"number"`
	// ScheduledTime of the Run.
	// +optional
	ScheduledTime *Time `json:"scheduledTime,omitempty"`
	// FinishTime of the Run.
	FinishTime Time `json:"finishTime"`
}
