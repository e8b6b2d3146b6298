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
	ReasonNotAccepted    = "NotAccepted"
	ReasonSuspended      = "Suspended"
	// ReasonTooManyFailures: spec.suspendAfterFailures Runs failed in a row. The Job is stopped as if it were suspended,
	// until its spec is written again or a manual Run succeeds. spec.suspend is never changed.
	ReasonTooManyFailures = "TooManyFailures"

	// Of Healthy.
	ReasonLastRunSucceeded = "LastRunSucceeded"
	ReasonLastRunFailed    = "LastRunFailed"

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

// JobStatus is what the job controller observed. Users never write it.
type JobStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Accepted, Scheduled, CalendarsFound, Healthy.
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
