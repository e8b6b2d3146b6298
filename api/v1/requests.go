package v1

// Trigger is the document of POST jobs/NAME/trigger: what a person may say who starts a Run by hand.
type Trigger struct {
	// Args in place of the task's.
	Args []string `json:"args,omitempty"`
	// Env over the task's.
	Env []EnvVar `json:"env,omitempty"`
	// Force starts the Run although others of the Job are active, whatever spec.concurrencyPolicy says.
	Force bool `json:"force,omitempty"`
	// ID makes the trigger safe to repeat: while there is a Run for it, another trigger of the Job with the same ID returns that Run.
	// It becomes part of the Run's name: one to eight lower-case letters and digits. Empty: the manager draws one.
	ID string `json:"id,omitempty"`
}

// Occurrences is the answer to GET jobs/NAME/schedule.
type Occurrences struct {
	Schedule string `json:"schedule"`
	TimeZone string `json:"timeZone"`
	Suspend  bool   `json:"suspend,omitempty"`
	// Times are the next occurrences, without jitter, in UTC.
	Times []Time `json:"times"`
}
