package devcluster

import (
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/master"
)

// serveOperator answers the master's operator API /api/v1, of which it has what tests and people look at, and what
// takes agents away from frameworks.
func (m *Master) serveOperator(w http.ResponseWriter, r *http.Request) {
	var call master.Call
	if err := decodeOperatorCall(r, &call, master.Call_Type_value); err != nil {
		reply(w, err)
		return
	}
	answer, err := m.operate(&call)
	switch {
	case err != nil:
		reply(w, err)
	case answer == nil:
		w.WriteHeader(http.StatusOK)
	default:
		writeAnswer(w, r, answer)
	}
}

// operate does what an operator asks for; an answer of nil means done.
func (m *Master) operate(call *master.Call) (*master.Response, error) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if !m.up {
		panic(http.ErrAbortHandler)
	}
	switch call.Type {
	case master.Call_GET_HEALTH:
		return &master.Response{Type: master.Response_GET_HEALTH, GetHealth: &master.Response_GetHealth{Healthy: true}}, nil
	case master.Call_GET_VERSION:
		return &master.Response{Type: master.Response_GET_VERSION, GetVersion: &master.Response_GetVersion{VersionInfo: versionInfo()}}, nil
	case master.Call_GET_TASKS:
		return &master.Response{Type: master.Response_GET_TASKS, GetTasks: m.getTasks()}, nil
	case master.Call_GET_AGENTS:
		return &master.Response{Type: master.Response_GET_AGENTS, GetAgents: m.getAgents()}, nil
	case master.Call_GET_MAINTENANCE_STATUS:
		return &master.Response{Type: master.Response_GET_MAINTENANCE_STATUS, GetMaintenanceStatus: &master.Response_GetMaintenanceStatus{
			Status: m.maintenanceStatus(),
		}}, nil
	case master.Call_GET_MAINTENANCE_SCHEDULE:
		return &master.Response{Type: master.Response_GET_MAINTENANCE_SCHEDULE,
			GetMaintenanceSchedule: &master.Response_GetMaintenanceSchedule{
				Schedule: m.maintenance.schedule,
			}}, nil
	case master.Call_TEARDOWN:
		if call.Teardown == nil || m.frameworks[call.Teardown.FrameworkID.Value] == nil {
			return nil, badRequest("No framework found with specified ID")
		}
		m.removeFramework(m.frameworks[call.Teardown.FrameworkID.Value])
		return nil, nil
	}
	if done, err := m.operateAgents(call); done {
		return nil, err
	}
	return nil, &httpError{http.StatusNotImplemented, call.Type.String() + " is not supported by the dev cluster"}
}

// operateAgents does the calls that take agents away and give them back.
func (m *Master) operateAgents(call *master.Call) (done bool, err error) {
	switch {
	case call.DrainAgent != nil:
		return true, m.startDrain(call.DrainAgent)
	case call.DeactivateAgent != nil:
		return true, m.withAgent(call.DeactivateAgent.AgentID, func(n *node) {
			n.drain = &drain{}
			m.rescindAll(n)
		})
	case call.ReactivateAgent != nil:
		return true, m.withAgent(call.ReactivateAgent.AgentID, func(n *node) { n.drain = nil })
	case call.UpdateMaintenanceSchedule != nil:
		return true, m.updateMaintenance(call.UpdateMaintenanceSchedule.Schedule)
	case call.StartMaintenance != nil:
		return true, m.setDown(call.StartMaintenance.Machines, true)
	case call.StopMaintenance != nil:
		return true, m.setDown(call.StopMaintenance.Machines, false)
	}
	return false, nil
}

func (m *Master) withAgent(id mesos.AgentID, f func(*node)) error {
	n := m.agents[id.Value]
	if n == nil {
		return badRequest("Unknown agent")
	}
	f(n)
	return nil
}

func versionInfo() mesos.VersionInfo {
	v := version
	return mesos.VersionInfo{Version: v, GitTag: &v}
}

func (m *Master) getTasks() *master.Response_GetTasks {
	out := &master.Response_GetTasks{}
	for _, f := range m.frameworks {
		for _, t := range sortedTasks(f.tasks) {
			out.Tasks = append(out.Tasks, t.wire())
		}
		for _, t := range sortedTasks(f.lost) {
			out.UnreachableTasks = append(out.UnreachableTasks, t.wire())
		}
		for _, t := range f.ended {
			out.CompletedTasks = append(out.CompletedTasks, t.wire())
		}
	}
	for _, f := range m.completed {
		for _, t := range f.ended {
			out.CompletedTasks = append(out.CompletedTasks, t.wire())
		}
	}
	return out
}

func (t *task) wire() mesos.Task {
	out := mesos.Task{
		Name: t.info.Name, TaskID: t.info.TaskID, FrameworkID: mesos.FrameworkID{Value: t.key.framework},
		AgentID: mesos.AgentID{Value: t.node.id}, State: t.state.Enum(), Resources: t.info.Resources,
		Labels: t.info.Labels, KillPolicy: t.info.KillPolicy, HealthCheck: t.info.HealthCheck,
	}
	for _, s := range t.history {
		out.Statuses = append(out.Statuses, *s)
	}
	if t.executor != "" {
		out.ExecutorID = &mesos.ExecutorID{Value: t.executor}
	}
	if t.status != nil {
		out.StatusUpdateState, out.StatusUpdateUUID = t.status.State, t.status.UUID
	}
	return out
}

func (m *Master) getAgents() *master.Response_GetAgents {
	out := &master.Response_GetAgents{}
	for _, n := range m.order {
		port := int32(n.agent.port)
		info := mesos.AgentInfo{
			ID: &mesos.AgentID{Value: n.id}, Hostname: n.agent.hostname, Port: &port,
			Resources: n.total.toMesos("", true), Attributes: m.c.attributes,
		}
		if n.state == nodeRecovered {
			out.RecoveredAgents = append(out.RecoveredAgents, info)
			continue
		}
		if n.state == nodeUnreachable || n.state == nodeRemoved {
			continue
		}
		out.Agents = append(out.Agents, n.wire(info))
	}
	return out
}

func (n *node) wire(info mesos.AgentInfo) master.Response_GetAgents_Agent {
	pid, deactivated := n.agent.pid(), n.drain != nil
	out := master.Response_GetAgents_Agent{
		AgentInfo: info, Active: n.state == nodeActive, Deactivated: &deactivated, Version: version, PID: &pid,
		RegisteredTime:     &mesos.TimeInfo{Nanoseconds: n.since.UnixNano()},
		TotalResources:     n.total.toMesos("", false),
		AllocatedResources: n.used.toMesos("", false),
	}
	for _, o := range sortedOffers(n.offers) {
		out.OfferedResources = append(out.OfferedResources, o.resources.toMesos(o.role, false)...)
	}
	for _, c := range agentCapabilities {
		out.Capabilities = append(out.Capabilities, mesos.AgentInfo_Capability{Type: c})
	}
	return out
}

// drain is the state of an agent that gets no tasks: it is deactivated, or drained.
type drain struct{}

// startDrain kills what runs on an agent, with at most the grace period that is given, and makes no offers of it until
// it is activated again: recordings/drain_agent.
func (m *Master) startDrain(call *master.Call_DrainAgent) error {
	if call.GetMarkGone() {
		return badRequest("mark_gone is not supported by the dev cluster")
	}
	return m.withAgent(call.AgentID, func(n *node) {
		n.drain = &drain{}
		m.rescindAll(n)
		for _, t := range sortedTasks(n.tasks) {
			grace := time.Duration(-1)
			if g := call.MaxGracePeriod; g != nil {
				grace = time.Duration(g.Seconds)*time.Second + time.Duration(g.Nanos)
			}
			n.agent.kill(t.key, n.agent.drainPolicy(t.key, grace), mesos.REASON_AGENT_DRAINING.Enum())
		}
	})
}

// drainPolicy is the task's own grace period, but no longer than the drain allows.
func (a *Agent) drainPolicy(key taskKey, limit time.Duration) *mesos.KillPolicy {
	x := a.runs[key]
	if x == nil || limit < 0 || x.gracePeriod(nil) <= limit {
		return nil
	}
	return &mesos.KillPolicy{GracePeriod: &mesos.DurationInfo{Nanoseconds: int64(limit)}}
}
