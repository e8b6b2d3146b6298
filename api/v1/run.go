package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Run is one execution of a Job for one reason, brought to an end in one or more attempts.
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

// RunSpec says what is to run and why. All of it but Cancel is fixed when the Run is made; it holds all that the run
// controller needs, so that a Run goes on by the rules it was made with when its Job is edited.
type RunSpec struct {
	// Job is the name of the Job, in the same namespace.
	Job string `json:"job"`
	// Reason for which the Run was made.
	Reason RunReason `json:"reason"`
	// ScheduledTime is the occurrence that the Run is for, without jitter.
	// +optional
	ScheduledTime *Time `json:"scheduledTime,omitempty"`
	// StartBy: a Run whose first attempt has not started by then is Missed.
	// +optional
	StartBy *Time `json:"startBy,omitempty"`
	// Parents are the Runs that this one follows.
	// +optional
	Parents []string `json:"parents,omitempty"`
	// Args of a manual trigger, in place of the task's.
	// +optional
	Args []string `json:"args,omitempty"`
	// Env of a manual trigger, over the task's.
	// +optional
	Env []EnvVar `json:"env,omitempty"`
	// Owner is the Job's owner.
	// +optional
	Owner string `json:"owner,omitempty"`

	RunPolicy `json:",inline"`

	// Task is the Job's task as it was when this Run was made.
	Task TaskSpec `json:"task"`
	// Cancel: set it and the Run is killed.
	// +optional
	Cancel bool `json:"cancel,omitempty"`
}

// RunStatus is what the run controller saw; users never write it.
type RunStatus struct {
	// Phase is where the Run stands.
	// +optional
	Phase RunPhase `json:"phase,omitempty"`
	// Reason for the phase, in one word.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message says it in words: why it is Pending, why it Failed.
	// +optional
	Message string `json:"message,omitempty"`
	// StartTime is when the first attempt was Running.
	// +optional
	StartTime *Time `json:"startTime,omitempty"`
	// FinishTime is when the Run ended.
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// RetryTime is when the next attempt may be launched.
	// +optional
	RetryTime *Time `json:"retryTime,omitempty"`
	// Attempts in order; each is one Mesos task.
	// +optional
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is one Mesos task of a Run. Its task ID is never used again (I4).
type Attempt struct {
	TaskID   string `json:"taskID"`
	AgentID  string `json:"agentID,omitempty"`
	Hostname string `json:"hostname,omitempty"`
	// AgentURL is where the agent's API answers, as its offer said: http://host:port/slave(1).
	// +optional
	AgentURL string `json:"agentURL,omitempty"`
	// State of the attempt: Launching until Mesos says more, then Running, then one of the ends.
	State RunPhase `json:"state"`
	// LaunchTime is when the intent to launch was stored.
	LaunchTime Time `json:"launchTime"`
	// +optional
	StartTime *Time `json:"startTime,omitempty"`
	// +optional
	FinishTime *Time `json:"finishTime,omitempty"`
	// UnreachableTime is since when the master cannot reach the agent that the attempt runs on; gone when it can again.
	// +optional
	UnreachableTime *Time `json:"unreachableTime,omitempty"`
	// NotStarted: the task never began (its offer was gone, Mesos never got it). It does not count against retries.limit.
	// +optional
	NotStarted bool `json:"notStarted,omitempty"`
	// ExitCode of the command, where Mesos told it.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Reason is Mesos's, without its REASON_ prefix, or Horae's own.
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// ContainerID names the attempt's sandbox.
	// +optional
	ContainerID string `json:"containerID,omitempty"`
	// Sandbox is the directory on the agent that holds stdout and stderr.
	// +optional
	Sandbox string `json:"sandbox,omitempty"`
	// Ports given to the task, in the order of PORT0, PORT1, ...
	// +optional
	Ports []int32 `json:"ports,omitempty"`
}

// RunPhase is where a Run or an attempt stands.
// +kubebuilder:validation:Enum=Pending;Launching;Running;Succeeded;Failed;Killed;Lost;Missed;Skipped
type RunPhase string

// Values of RunPhase. An empty phase means Pending: the run controller has not seen the Run yet.
const (
	// RunPending: no attempt is live; the next one waits for its time or for an offer.
	RunPending RunPhase = "Pending"
	// RunLaunching: the intent is stored; Mesos has not said Running yet.
	RunLaunching RunPhase = "Launching"
	RunRunning   RunPhase = "Running"
	RunSucceeded RunPhase = "Succeeded"
	RunFailed    RunPhase = "Failed"
	RunKilled    RunPhase = "Killed"
	RunLost      RunPhase = "Lost"
	RunMissed    RunPhase = "Missed"
	RunSkipped   RunPhase = "Skipped"
)

// Terminal reports whether the phase is an end: nothing changes it any more (I7).
func (p RunPhase) Terminal() bool {
	switch p {
	case RunSucceeded, RunFailed, RunKilled, RunLost, RunMissed, RunSkipped:
		return true
	}
	return false
}

// RunReason is why a Run was made.
// +kubebuilder:validation:Enum=Schedule;Dependency;Manual;Backfill
type RunReason string

// Values of RunReason.
const (
	ReasonSchedule   RunReason = "Schedule"
	ReasonDependency RunReason = "Dependency"
	ReasonManual     RunReason = "Manual"
	ReasonBackfill   RunReason = "Backfill"
)
