package devcluster

import (
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// agentCapabilities are those of a Mesos 1.11 agent.
var agentCapabilities = []mesos.AgentInfo_Capability_Type{
	mesos.AgentInfo_Capability_MULTI_ROLE, mesos.AgentInfo_Capability_HIERARCHICAL_ROLE,
	mesos.AgentInfo_Capability_RESERVATION_REFINEMENT, mesos.AgentInfo_Capability_RESOURCE_PROVIDER,
	mesos.AgentInfo_Capability_RESIZE_VOLUME, mesos.AgentInfo_Capability_AGENT_OPERATION_FEEDBACK,
	mesos.AgentInfo_Capability_AGENT_DRAINING, mesos.AgentInfo_Capability_TASK_RESOURCE_LIMITS,
}

type object = map[string]any

// state is the answer of /state: of a real agent's answer the part that leads to the sandboxes, and the resources.
func (a *Agent) state() object {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	names := make([]string, len(agentCapabilities))
	for i, c := range agentCapabilities {
		names[i] = c.String()
	}
	free := resources{}
	reserved := object{}
	for _, r := range a.c.total {
		if r.role == unreserved {
			free = append(free, r)
		} else {
			reserved[r.role] = summary(a.c.total.onlyRole(r.role))
		}
	}
	frameworks, completed := a.frameworkStates()
	return object{
		"version": version, "git_tag": version, "id": a.id, "pid": a.pid(), "hostname": a.hostname,
		"start_time": *timestamp(a.started), "capabilities": names,
		"resources": summary(a.c.total), "reserved_resources": reserved, "unreserved_resources": summary(free),
		"unreserved_resources_full": free.toMesos("", false),
		"attributes":                a.attributes(), "master_hostname": a.c.host,
		"flags":      object{"work_dir": a.dir, "attributes": a.c.cfg.Attributes, "resources": a.c.cfg.Resources},
		"frameworks": frameworks, "completed_frameworks": completed,
	}
}

func (rs resources) onlyRole(role string) resources {
	var out resources
	for _, r := range rs {
		if r.role == role {
			out = append(out, r)
		}
	}
	return out
}

// summary is resources as endpoints write them: numbers by name, ranges as text.
func summary(rs resources) object {
	out := object{"cpus": 0.0, "mem": 0.0, "disk": 0.0, "gpus": 0.0}
	for _, r := range rs {
		if r.kind == mesos.SCALAR {
			out[r.name] = float64(rs.amount(r.name)) / 1000
		} else {
			out[r.name] = r.value()
		}
	}
	return out
}

func (a *Agent) attributes() object {
	out := object{}
	for _, x := range a.c.attributes {
		switch {
		case x.Scalar != nil:
			out[x.Name] = x.Scalar.Value
		case x.Text != nil:
			out[x.Name] = x.Text.Value
		case x.Ranges != nil:
			r := resource{kind: mesos.RANGES}
			for _, s := range x.Ranges.Range {
				r.ranges = append(r.ranges, span{s.Begin, s.End})
			}
			out[x.Name] = r.value()
		case x.Set != nil:
			out[x.Name] = resource{kind: mesos.SET, items: x.Set.Item}.value()
		}
	}
	return out
}

// frameworkStates lists what runs and what has run, by framework; a framework with nothing running is completed.
func (a *Agent) frameworkStates() (active, completed []object) {
	active, completed = []object{}, []object{}
	running, ended := map[string][]object{}, map[string][]object{}
	clients := map[string]*client{}
	for _, x := range a.sortedRuns() {
		clients[x.key.framework] = x.client
		running[x.key.framework] = append(running[x.key.framework], x.executorState(false))
	}
	for _, x := range a.ended {
		clients[x.key.framework] = x.client
		ended[x.key.framework] = append(ended[x.key.framework], x.executorState(true))
	}
	for id, cl := range clients {
		o := object{
			"id": id, "name": cl.info.Name, "user": cl.info.User, "checkpoint": cl.info.GetCheckpoint(),
			"failover_timeout": cl.info.GetFailoverTimeout(), "roles": cl.info.Roles, "hostname": cl.info.GetHostname(),
			"executors": orEmpty(running[id]), "completed_executors": orEmpty(ended[id]),
		}
		if len(running[id]) > 0 {
			active = append(active, o)
		} else {
			completed = append(completed, o)
		}
	}
	return active, completed
}

func orEmpty(list []object) []object {
	if list == nil {
		return []object{}
	}
	return list
}

func (x *run) executorState(ended bool) object {
	uses, _ := fromMesos(x.info.Resources) // it was launched, so it was valid
	t := object{
		"id": x.key.task, "name": x.info.Name, "framework_id": x.key.framework, "executor_id": "", "slave_id": x.agent.id,
		"state": x.state.String(), "resources": summary(uses), "role": x.role,
	}
	if x.executor != x.key.task {
		t["executor_id"] = x.executor
	}
	running, completed := []object{t}, []object{}
	if ended {
		running, completed = completed, running
	}
	return object{
		"id": x.executor, "name": "Command Executor (Task: " + x.key.task + ")", "source": x.key.task,
		"container": x.container, "directory": x.dir, "resources": summary(uses), "role": x.role,
		"tasks": running, "queued_tasks": []object{}, "completed_tasks": completed,
	}
}
