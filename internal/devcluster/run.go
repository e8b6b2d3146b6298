package devcluster

import (
	"context"
	"os"
	"sort"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// run is one task on an agent. Guarded by Cluster.mu, but for what execute alone uses.
type run struct {
	agent    *Agent
	client   *client
	key      taskKey
	info     *mesos.TaskInfo
	executor string
	role     string
	uses     resources

	framework      *mesos.FrameworkInfo // as it was at the launch; never changed
	partitionAware bool

	container, parent string
	dir               string
	group             *group
	cancel            context.CancelFunc // ends fetching and checking

	state   mesos.TaskState
	updates []*mesos.TaskStatus // not acknowledged; the first one has been sent
	retry   *timer
	backoff time.Duration

	containerStatus *mesos.ContainerStatus
	checkStatus     *mesos.CheckStatusInfo
	pgid            int               // the process group, once there is one
	docker          *dockerRun        // if it runs in Docker, once it is about to start
	log             *os.File          // the sandbox's stderr; execute alone uses it
	secrets         map[string]string // by secretPath; set before the process starts
	exited          bool              // its leader has been waited for: pgid may not be signalled any more
	killing         bool
	killReason      *mesos.TaskStatus_Reason
	timedOut        bool
	unhealthy       bool // killed for its health
	orphan          bool // its framework was removed
	exitedInCrash   bool
	registered      chan struct{} // closed when its executor has registered
	heldBack        bool          // its executor would register, but for Agent.HoldExecutors
	executorDied    bool          // before it had registered
	settled         bool          // its last update was acknowledged
	stream          *stream       // to its custom executor, while that is subscribed
	subscribed      bool          // its custom executor has subscribed once

	startup, ending, deadline, grace *timer
}

// group is the tasks of one LAUNCH_GROUP.
type group struct {
	executor, container string
	runs                []*run
	ended               int
}

// status makes an update of the executor's in this state.
func (x *run) status(state mesos.TaskState) *mesos.TaskStatus {
	at := time.Now()
	if x.docker != nil && terminal(state) && !x.docker.ended.IsZero() {
		at = x.docker.ended
	}
	return &mesos.TaskStatus{
		TaskID:          x.info.TaskID,
		State:           state.Enum(),
		Source:          mesos.SOURCE_EXECUTOR.Enum(),
		AgentID:         &mesos.AgentID{Value: x.agent.id},
		ExecutorID:      &mesos.ExecutorID{Value: x.executor},
		Timestamp:       timestamp(at),
		UUID:            newUUIDBytes(),
		ContainerStatus: x.containerStatus,
		CheckStatus:     x.checkStatus,
	}
}

// agentStatus makes an update of the agent's: the container is no more, or never was.
func (x *run) agentStatus(state mesos.TaskState, reason mesos.TaskStatus_Reason, message string) *mesos.TaskStatus {
	s := x.status(state)
	s.Source, s.Reason, s.Message = mesos.SOURCE_AGENT.Enum(), reason.Enum(), &message
	s.ContainerStatus, s.CheckStatus = nil, nil
	return s
}

// Grace periods of tasks that have none of their own: the command executor's (CommandExecutor::kill in src/launcher/executor.cpp), and
// mesos-agent --executor_shutdown_grace_period, which is also the Docker executor's (src/docker/executor.cpp).
const (
	commandGrace  = 3 * time.Second
	executorGrace = 5 * time.Second
)

// gracePeriod is the time between SIGTERM and SIGKILL: of the call, of the task, or the default.
func (x *run) gracePeriod(policy *mesos.KillPolicy) time.Duration {
	for _, p := range []*mesos.KillPolicy{policy, x.info.KillPolicy} {
		if p.GetGracePeriod() != nil {
			return time.Duration(p.GracePeriod.Nanoseconds)
		}
	}
	switch {
	case x.agent.c.cfg.KillGrace > 0:
		return x.agent.c.cfg.KillGrace
	case x.custom(), x.inDocker():
		return executorGrace
	}
	return commandGrace
}

// describeContainer fills in what updates say of the container.
func (x *run) describeContainer(pid int) {
	id := mesos.ContainerID{Value: x.container}
	if x.parent != "" {
		id.Parent = &mesos.ContainerID{Value: x.parent}
	}
	host, executor := x.agent.c.host, uint32(pid)
	x.containerStatus = &mesos.ContainerStatus{
		ContainerID: &id,
		NetworkInfos: []mesos.NetworkInfo{{
			IPAddresses: []mesos.NetworkInfo_IPAddress{{Protocol: mesos.IPv4.Enum(), IPAddress: &host}},
		}},
		ExecutorPID: &executor,
	}
}

func (a *Agent) sortedRuns() []*run {
	out := make([]*run, 0, len(a.runs))
	for _, x := range a.runs {
		out = append(out, x)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key.task < out[j].key.task })
	return out
}
