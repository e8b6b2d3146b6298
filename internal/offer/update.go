package offer

import "time"

// State of a task, by Mesos's name.
type State string

// The states of Mesos 1.11.
const (
	TaskStaging        State = "TASK_STAGING"
	TaskStarting       State = "TASK_STARTING"
	TaskRunning        State = "TASK_RUNNING"
	TaskKilling        State = "TASK_KILLING"
	TaskFinished       State = "TASK_FINISHED"
	TaskFailed         State = "TASK_FAILED"
	TaskKilled         State = "TASK_KILLED"
	TaskError          State = "TASK_ERROR"
	TaskLost           State = "TASK_LOST"
	TaskDropped        State = "TASK_DROPPED"
	TaskUnreachable    State = "TASK_UNREACHABLE"
	TaskGone           State = "TASK_GONE"
	TaskGoneByOperator State = "TASK_GONE_BY_OPERATOR"
	TaskUnknown        State = "TASK_UNKNOWN"
)

// States are all of them.
var States = [...]State{
	TaskStaging, TaskStarting, TaskRunning, TaskKilling, TaskFinished, TaskFailed, TaskKilled, TaskError, TaskLost, TaskDropped,
	TaskUnreachable, TaskGone, TaskGoneByOperator, TaskUnknown,
}

// Update is a task's status as the master reported it.
type Update struct {
	TaskID  string
	AgentID string
	State   State
	// Reason without its REASON_ prefix, as in RECONCILIATION, or empty.
	Reason  string
	Message string
	// Source without its SOURCE_ prefix: MASTER, AGENT, EXECUTOR.
	Source string
	// UUID is set when Mesos wants an acknowledgement.
	UUID      []byte
	Timestamp time.Time
	// UnreachableTime is when the master lost an agent that it cannot reach; zero for any other.
	UnreachableTime time.Time
	// ExitCode of the command, if the message contains it.
	ExitCode    *int32
	Healthy     *bool
	ContainerID string
	ExecutorID  string
}

// WantsAck reports whether the update must be acknowledged.
func (u Update) WantsAck() bool { return len(u.UUID) > 0 }
