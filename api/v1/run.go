package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Run is one execution of a Job. It has one or more attempts.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=runs,singular=run
type Run struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   RunSpec   `json:"spec"`
	Status RunStatus `json:"status,omitempty,omitzero"`
}

// RunList is a list of Runs as the API returns it.
//
// +kubebuilder:object:root=true
type RunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Run `json:"items"`
}

// RunSpec is what is to run and why. Everything but Cancel is fixed when the Run is created. It holds all that the run
// controller needs, so an edit of the Job does not change its present Runs.
type RunSpec struct {
	// Job is the name of the Job, in the same namespace.
	Job string `json:"job"`
	// Reason is why the Run was created.
	Reason RunReason `json:"reason"`
	// ScheduledTime is the occurrence that the Run is for, without jitter.
	// +optional
	ScheduledTime *Time `json:"scheduledTime,omitempty"`
	// StartBy is when the first attempt must have started. Otherwise the Run ends as Missed.
	// +optional
	StartBy *Time `json:"startBy,omitempty"`
	// Parents are the Runs that this one follows, a thousand at most.
	// +optional
	Parents []string `json:"parents,omitempty"`
	// OmittedParents is how many further Runs this one follows that Parents does not name.
	// +kubebuilder:validation:Minimum=0
	// +optional
	OmittedParents int32 `json:"omittedParents,omitempty"`
	// NoDependents: the end of this Run starts no Run of a Job that depends on its Job.
	// +optional
	NoDependents bool `json:"noDependents,omitempty"`
	// RetryOf names the ended Run that this one repeats. Only with reason Manual.
	// +optional
	RetryOf string `json:"retryOf,omitempty"`
	// MarkSucceeded makes a Run without a task, which succeeds at once. Only with reason Manual.
	// +optional
	MarkSucceeded bool `json:"markSucceeded,omitempty"`
	// RequestedBy is the user who asked for a Run of reason Manual, if that is known.
	// +optional
	RequestedBy string `json:"requestedBy,omitempty"`
	// Note is what that user wrote about the Run.
	// +optional
	Note string `json:"note,omitempty"`
	// Backfill names the Backfill that made the Run. Only with reason Backfill.
	// +optional
	Backfill string `json:"backfill,omitempty"`
	// Args of a manual trigger replace those of the task.
	// +optional
	Args []string `json:"args,omitempty"`
	// Env of a manual trigger overrides that of the task.
	// +optional
	Env []EnvVar `json:"env,omitempty"`
	// Owner is the Job's owner.
	// +optional
	Owner string `json:"owner,omitempty"`

	RunPolicy `json:",inline"`

	// Task is the Job's task as it was when this Run was made.
	Task TaskSpec `json:"task"`
	// Cancel kills the Run.
	// +optional
	Cancel bool `json:"cancel,omitempty"`
}

// RunStatus is what the run controller observed. Users never write it.
type RunStatus struct {
	// Phase is the state of the Run.
	// +optional
	Phase RunPhase `json:"phase,omitempty"`
	// Reason for the phase, in one word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message explains the reason: why the Run is Pending, or why it Failed.
	// +optional
	Message string `json:"message,omitempty"`
	// StartTime is when the first attempt became Running.
	// +optional
	StartTime *Time `json:"startTime,omitempty"`
	// FinishTime is when the Run ended.
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// RetryTime is when the next attempt may be launched.
	// +optional
	RetryTime *Time `json:"retryTime,omitempty"`
	// Progress is what callbacks of the last attempt have reported: the number of elements processed so far.
	// +optional
	Progress *int64 `json:"progress,omitempty"`
	// Attempts in order. Each is one Mesos task.
	// +optional
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is one Mesos task of a Run. Its task ID is never used again (I4).
type Attempt struct {
	TaskID   string `json:"taskID"`
	AgentID  string `json:"agentID,omitempty"`
	Hostname string `json:"hostname,omitempty"`
	// AgentURL is the address of the agent's API, from its offer: http://host:port/slave(1).
	// +optional
	AgentURL string `json:"agentURL,omitempty"`
	// State of the attempt: Launching, Running, then one of the ends.
	State RunPhase `json:"state"`
	// LaunchTime is when the intent to launch was stored.
	LaunchTime Time `json:"launchTime"`
	// +optional
	StartTime *Time `json:"startTime,omitempty"`
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// TaskFinishTime is when the task of an asynchronous attempt ended well. The attempt goes on until its callback comes.
	// +optional
	TaskFinishTime *Time `json:"taskFinishTime,omitempty"`
	// Callback is how the attempt ended according to its callback, which decides the attempt's outcome.
	// +optional
	Callback *CallbackOutcome `json:"callback,omitempty"`
	// UnreachableTime is when the master lost contact to the attempt's agent. It is removed when the contact is back.
	// +optional
	UnreachableTime *Time `json:"unreachableTime,omitempty"`
	// NotStarted means that the task never began: its offer was gone, or Mesos never got it. Such an attempt does not
	// count against retries.limit.
	// +optional
	NotStarted bool `json:"notStarted,omitempty"`
	// ExitCode of the command, if Mesos reported one.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Reason is that of Mesos, without its prefix REASON_, or Horae's own.
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// ContainerID identifies the sandbox of the attempt.
	// +optional
	ContainerID string `json:"containerID,omitempty"`
	// Sandbox is the directory on the agent that holds stdout and stderr.
	// +optional
	Sandbox string `json:"sandbox,omitempty"`
	// Ports of the task, in the order of PORT0, PORT1, ...
	// +optional
	Ports []int32 `json:"ports,omitempty"`
}

// TaskEnded reports whether the attempt has no task any more. That of an asynchronous Job may wait for its callback then.
func (a *Attempt) TaskEnded() bool { return a.State.Terminal() || a.TaskFinishTime != nil }

// CallbackOutcome is what a callback reported as the end of an asynchronous attempt.
type CallbackOutcome struct {
	// Phase is Succeeded or Failed.
	Phase RunPhase `json:"phase"`
	// +optional
	Message string `json:"message,omitempty"`
	// Time is when the callback was stored.
	Time Time `json:"time"`
	// ID of the callback, if it had one.
	// +optional
	ID string `json:"id,omitempty"`
}

// RunPhase is the state of a Run or of an attempt.
// +kubebuilder:validation:Enum=Pending;Launching;Running;Succeeded;Failed;Killed;Lost;Missed;Skipped
type RunPhase string

// Values of RunPhase. An empty phase means Pending: the run controller has not yet seen the Run.
const (
	// RunPending: no attempt is alive. The next one waits for its time or for an offer.
	RunPending RunPhase = "Pending"
	// RunLaunching: the intent is stored. Mesos has not yet reported the task as running.
	RunLaunching RunPhase = "Launching"
	RunRunning   RunPhase = "Running"
	RunSucceeded RunPhase = "Succeeded"
	RunFailed    RunPhase = "Failed"
	RunKilled    RunPhase = "Killed"
	RunLost      RunPhase = "Lost"
	RunMissed    RunPhase = "Missed"
	RunSkipped   RunPhase = "Skipped"
)

// Terminal reports whether the phase is an end, which nothing changes any more (I7).
func (p RunPhase) Terminal() bool {
	switch p {
	case RunSucceeded, RunFailed, RunKilled, RunLost, RunMissed, RunSkipped:
		return true
	}
	return false
}

// RunReason is why a Run was created.
// +kubebuilder:validation:Enum=Schedule;Dependency;Manual;Backfill
type RunReason string

// Values of RunReason.
const (
	ReasonSchedule   RunReason = "Schedule"
	ReasonDependency RunReason = "Dependency"
	ReasonManual     RunReason = "Manual"
	ReasonBackfill   RunReason = "Backfill"
)
