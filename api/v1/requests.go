package v1

// Trigger is the document of POST jobs/NAME/trigger: what a person may say who starts a Run by hand.
type Trigger struct {
	// Args in place of the task's.
	Args []string `json:"args,omitempty"`
	// Env over the task's.
	Env []EnvVar `json:"env,omitempty"`
	// Force starts the Run although others of the Job are active, whatever spec.concurrencyPolicy says.
	Force bool `json:"force,omitempty"`
	// NoDependents: the end of the Run starts no Run of a Job that depends on this one.
	NoDependents bool `json:"noDependents,omitempty"`
	// ID makes the trigger safe to repeat: while there is a Run for it, another trigger of the Job with the same ID returns that Run.
	// It becomes part of the Run's name: one to eight lower-case letters and digits. Empty: the manager draws one.
	ID string `json:"id,omitempty"`
}

// Retry is the body of POST runs/NAME/retry. It makes a new Run that repeats an ended one.
type Retry struct {
	// JobTask has the new Run take the task, the policy and the labels of the Job as it is now. Otherwise they are those
	// of the repeated Run.
	JobTask bool `json:"jobTask,omitempty"`
	// Force starts the Run although others of the Job are active, whatever spec.concurrencyPolicy says.
	Force bool `json:"force,omitempty"`
	// NoDependents: the end of the Run starts no Run of a Job that depends on this one.
	NoDependents bool `json:"noDependents,omitempty"`
	// Note is kept in the new Run.
	Note string `json:"note,omitempty"`
	// ID makes the request safe to repeat, as that of a Trigger.
	ID string `json:"id,omitempty"`
}

// Succeed is the body of POST jobs/NAME/succeed. It makes a Run without a task that succeeds at once.
type Succeed struct {
	// At is the scheduled time that the Run stands for. It must have passed.
	At *Time `json:"at,omitempty"`
	// NoDependents: the end of the Run starts no Run of a Job that depends on this one.
	NoDependents bool `json:"noDependents,omitempty"`
	// Note is kept in the Run.
	Note string `json:"note,omitempty"`
	// ID makes the request safe to repeat, as that of a Trigger.
	ID string `json:"id,omitempty"`
}

// Callback is the body of POST runs/NAME/callback: the end of an asynchronous attempt, or progress of any attempt.
// It has phase, progress or progressAdd, or one of the latter two with a phase.
type Callback struct {
	// Phase is Succeeded or Failed: how the attempt ended.
	Phase RunPhase `json:"phase,omitempty"`
	// Message for people, with a phase.
	Message string `json:"message,omitempty"`
	// Progress is the number of elements processed so far.
	Progress *int64 `json:"progress,omitempty"`
	// ProgressAdd is the number of elements processed since the last callback; it needs an id.
	ProgressAdd *int64 `json:"progressAdd,omitempty"`
	// ID makes the callback safe to repeat: one to 64 letters, digits, '.', '_' and '-'.
	ID string `json:"id,omitempty"`
}

// CallbackResult is the answer to POST runs/NAME/callback: what is known of the attempt now.
type CallbackResult struct {
	TaskID   string   `json:"taskID"`
	Phase    RunPhase `json:"phase,omitempty"`
	Progress *int64   `json:"progress,omitempty"`
	// Repeated: a callback with this id was stored before, and this one has changed nothing.
	Repeated bool `json:"repeated,omitempty"`
}

// Occurrences is the answer to GET jobs/NAME/schedule.
type Occurrences struct {
	Schedule string `json:"schedule"`
	TimeZone string `json:"timeZone"`
	Suspend  bool   `json:"suspend,omitempty"`
	// Times are the next occurrences, without jitter, in UTC.
	Times []Time `json:"times"`
}

// BackfillPreview is the answer to GET jobs/NAME/backfill: what a Backfill would do if it started now.
type BackfillPreview struct {
	// Spec of the Backfill, with its defaults.
	Spec BackfillSpec `json:"spec"`
	// Schedule and TimeZone whose occurrences they are.
	Schedule string `json:"schedule"`
	TimeZone string `json:"timeZone"`
	// Total is the number of occurrences in the range, Runs how many of them would run, Skipped how many would not, and
	// Waiting how many the Job's schedule has not handled yet: the Backfill would wait for that.
	Total   int64 `json:"total"`
	Runs    int64 `json:"runs"`
	Skipped int64 `json:"skipped"`
	Waiting int64 `json:"waiting"`
	// SkippedFor divides Skipped by reason.
	// +optional
	SkippedFor []BackfillSkipped `json:"skippedFor,omitempty"`
	// Message says what those under Waiting wait for.
	// +optional
	Message string `json:"message,omitempty"`
	// Occurrences that would run, in their order: the first ones, as many as were asked for.
	Occurrences []BackfillOccurrence `json:"occurrences"`
}

// BackfillOccurrence is an occurrence that a Backfill would run.
type BackfillOccurrence struct {
	// ScheduledTime is the occurrence.
	ScheduledTime Time `json:"scheduledTime"`
	// Run is the name of its Run.
	Run string `json:"run"`
}
