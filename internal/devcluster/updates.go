package devcluster

import (
	"sort"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// update takes a status update from an agent: latest is the state that the task has reached on the agent meanwhile,
// which may be further than the update, since the agent sends one at a time. Cluster.mu must be held.
func (m *Master) update(n *node, key taskKey, status *mesos.TaskStatus, latest mesos.TaskState) {
	f := m.frameworks[key.framework]
	if f == nil {
		n.agent.shutdownFramework(key.framework)
		return
	}
	if t := f.tasks[key.task]; t != nil {
		t.state = latest
		if t.status == nil || string(t.status.UUID) != string(status.UUID) {
			t.history = append(t.history, status)
		}
		t.status = status
		if terminal(latest) {
			m.release(t)
		}
	}
	if f.stream == nil || !m.passUpdate(status) {
		return
	}
	f.send(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: *status}})
	m.c.log.V(1).Info("Forwarded update", "task", key.task, "state", status.State.String())
}

// sendStatus sends a status of the master's own: without uuid, so it wants no acknowledgement. A framework that is not
// partition-aware reads TASK_LOST for the states that it does not know.
func (m *Master) sendStatus(f *framework, s mesos.TaskStatus) {
	if !f.partitionAware {
		switch *s.State {
		case mesos.TASK_DROPPED, mesos.TASK_UNREACHABLE, mesos.TASK_GONE, mesos.TASK_GONE_BY_OPERATOR, mesos.TASK_UNKNOWN:
			s.State = mesos.TASK_LOST.Enum()
		}
	}
	s.Source = mesos.SOURCE_MASTER.Enum()
	s.Timestamp = timestamp(time.Now())
	f.send(&scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: s}})
}

// verdict makes the status by which the master judges a task.
func verdict(taskID, agentID string, state mesos.TaskState, reason mesos.TaskStatus_Reason, message string) mesos.TaskStatus {
	s := mesos.TaskStatus{
		TaskID:  mesos.TaskID{Value: taskID},
		State:   state.Enum(),
		Reason:  reason.Enum(),
		Message: &message,
	}
	if agentID != "" {
		s.AgentID = &mesos.AgentID{Value: agentID}
	}
	return s
}

// reconcile answers RECONCILE: without tasks for all that live, else for each one named. It is silent about tasks of
// agents that a restarted master waits for.
func (m *Master) reconcile(f *framework, asked []scheduler.Call_Reconcile_Task) {
	if len(asked) == 0 {
		for _, t := range sortedTasks(f.tasks) {
			m.sendStatus(f, t.reconciled())
		}
		return
	}
	for _, q := range asked {
		id, agent := q.TaskID.Value, q.GetAgentID().GetValue()
		if t := f.tasks[id]; t != nil && (agent == "" || agent == t.node.id) {
			m.sendStatus(f, t.reconciled())
			continue
		}
		if t := f.lost[id]; t != nil {
			s := verdict(id, t.node.id, mesos.TASK_UNREACHABLE, mesos.REASON_RECONCILIATION, "Reconciliation: Task is unreachable")
			s.UnreachableTime = t.lostTime
			m.sendStatus(f, s)
			continue
		}
		n := m.agents[agent]
		switch {
		case n == nil || n.state == nodeRemoved:
			m.sendStatus(f, verdict(id, agent, mesos.TASK_UNKNOWN, mesos.REASON_RECONCILIATION, "Reconciliation: Task is unknown"))
		case n.state == nodeRecovered:
		case n.state == nodeUnreachable:
			s := verdict(id, agent, mesos.TASK_UNREACHABLE, mesos.REASON_RECONCILIATION, "Reconciliation: Task is unreachable")
			s.UnreachableTime = &mesos.TimeInfo{Nanoseconds: n.gone.UnixNano()}
			m.sendStatus(f, s)
		default:
			why := "Reconciliation: Task is unknown to the agent"
			m.sendStatus(f, verdict(id, agent, mesos.TASK_GONE, mesos.REASON_RECONCILIATION, why))
		}
	}
}

// reconciled is the status that reconciliation gives of a task that the master knows.
func (t *task) reconciled() mesos.TaskStatus {
	state := mesos.TASK_STAGING
	if t.status != nil {
		state = *t.status.State
	} else if t.state != mesos.TASK_STAGING {
		state = t.state
	}
	s := verdict(t.key.task, t.node.id, state, mesos.REASON_RECONCILIATION, "Reconciliation: Latest task state")
	t.describe(&s)
	return s
}

// describe adds what the last update said of health and container.
func (t *task) describe(s *mesos.TaskStatus) {
	if t.status != nil {
		s.ContainerStatus, s.Healthy, s.CheckStatus = t.status.ContainerStatus, t.status.Healthy, t.status.CheckStatus
	}
}

func sortedTasks[K comparable](tasks map[K]*task) []*task {
	out := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].key.task < out[j].key.task })
	return out
}

func timestamp(t time.Time) *float64 {
	seconds := float64(t.UnixNano()) / 1e9
	return &seconds
}

// failure queues a FAILURE event: of an executor, or of an agent if executor is empty.
func (f *framework) failure(agentID, executor string, status int32) {
	e := &scheduler.Event_Failure{AgentID: &mesos.AgentID{Value: agentID}}
	if executor != "" {
		e.ExecutorID, e.Status = &mesos.ExecutorID{Value: executor}, &status
	}
	f.send(&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: e})
}
