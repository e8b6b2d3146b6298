package offer

import (
	"time"

	v1 "horae/api/v1"
)

// Task is one Mesos task to launch.
type Task struct {
	ID      string
	Name    string
	AgentID string
	// Spec says what runs, overrides applied; its resources are not read: Resources is.
	Spec *v1.TaskSpec
	// Env is the environment, in order.
	Env []v1.EnvVar
	// SecretEnv are further variables. Mesos gets their values as secrets, which its state does not show.
	SecretEnv []v1.EnvVar
	Labels    map[string]string
	// Resources taken from offers of the agent.
	Resources []Resource
	// Ports of the task, in the order of PORT0, PORT1, ...
	Ports []int32
	// Timeout from Running (Mesos's max_completion_time); 0: none.
	Timeout time.Duration
}

// Launch is what one ACCEPT carries: offers of one agent, and the tasks that use them. What the tasks leave of the
// offers is declined for Refuse.
type Launch struct {
	OfferIDs []string
	Tasks    []Task
	Refuse   time.Duration
}

// TaskRef names a task in reconciliation and in a kill. AgentID may be empty.
type TaskRef struct {
	TaskID  string
	AgentID string
}
