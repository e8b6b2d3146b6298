package transition

import v1 "horae/api/v1"

// Kind is what happened.
type Kind string

// What happens to Runs. Each change of the phase is one of these.
const (
	RunCreated      Kind = "RunCreated"
	RunPending      Kind = "RunPending"
	RunLaunched     Kind = "RunLaunched"
	RunStarted      Kind = "RunStarted"      // the first attempt is Running
	RunStartedAgain Kind = "RunStartedAgain" // a later attempt is Running
	RunRetried      Kind = "RunRetried"      // an attempt ended, and another one will follow
	RunSucceeded    Kind = "RunSucceeded"
	RunFailed       Kind = "RunFailed"
	RunKilled       Kind = "RunKilled"
	RunLost         Kind = "RunLost"
	RunMissed       Kind = "RunMissed"
	RunSkipped      Kind = "RunSkipped"
	RunCancelled    Kind = "RunCancelled" // spec.cancel was set
	RunDeleted      Kind = "RunDeleted"
)

// What happens to Jobs.
const (
	JobCreated         Kind = "JobCreated"
	JobChanged         Kind = "JobChanged" // its spec was written
	JobDeleted         Kind = "JobDeleted"
	JobAccepted        Kind = "JobAccepted"
	JobNotAccepted     Kind = "JobNotAccepted"
	JobSuspended       Kind = "JobSuspended" // by spec.suspend
	JobStopped         Kind = "JobStopped"   // by spec.suspendAfterFailures
	JobResumed         Kind = "JobResumed"   // after either
	JobExhausted       Kind = "JobExhausted" // its schedule has no further occurrence
	JobFailing         Kind = "JobFailing"   // its last Run failed, the one before did not
	JobRecovered       Kind = "JobRecovered"
	CalendarsMissing   Kind = "CalendarsMissing"
	ParentsMissing     Kind = "ParentsMissing" // a Job that it depends on does not exist, or they form a cycle
	ParentsFound       Kind = "ParentsFound"
	CalendarsFound     Kind = "CalendarsFound"
	OccurrencesMissed  Kind = "OccurrencesMissed"
	OccurrencesSkipped Kind = "OccurrencesSkipped"
)

// Change is one thing that happened.
type Change struct {
	Kind Kind
	// Phase that a Run entered; empty for a change of anything else.
	Phase v1.RunPhase
	// Attempt is the number of the latest attempt of a Run, from 1 on; 0 before the first.
	Attempt int
	// Count of occurrences that were missed or skipped.
	Count int64
	// Reason and Message come from the status: from the Run, from the condition that changed, or from the latest
	// occurrences that did not run.
	Reason, Message string
}
