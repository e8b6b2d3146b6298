package devcluster

import (
	"fmt"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// accept launches tasks on the offers, all of which must be of one agent, and takes the rest back. Without
// operations it is a decline.
func (m *Master) accept(f *framework, a *scheduler.Call_Accept) error {
	for _, op := range a.Operations {
		if op.Type != mesos.Offer_Operation_LAUNCH && op.Type != mesos.Offer_Operation_LAUNCH_GROUP {
			return badRequest("Failed to validate scheduler::Call: %s operations are not supported by the dev cluster", op.Type)
		}
	}
	// 1. The offers: one that is no longer valid drops every task.
	offers, problem := m.usable(f, a.OfferIDs)
	refuse := refusal(a.Filters)
	if problem != "" {
		for _, o := range offers {
			m.removeOffer(o, 0)
		}
		m.dropTasks(f, a.Operations, "Task launched with invalid offers: "+problem)
		return nil
	}
	if len(offers) == 0 {
		return nil
	}
	node, role := offers[0].node, offers[0].role
	var free resources
	for _, o := range offers {
		free = free.plus(o.resources)
		m.removeOffer(o, 0)
	}
	// 2. The tasks, in order: each takes from what the ones before have left.
	for i := range a.Operations {
		op := &a.Operations[i]
		if op.Type == mesos.Offer_Operation_LAUNCH_GROUP {
			free = m.launchGroup(f, node, role, op.LaunchGroup, free)
			continue
		}
		if op.Launch == nil {
			continue
		}
		for j := range op.Launch.TaskInfos {
			free = m.launch(f, node, role, &op.Launch.TaskInfos[j], free)
		}
	}
	// 3. The rest is free again, but for as long as the framework said not to this framework.
	m.refuseFor(f, role, node, free, refuse)
	return nil
}

// usable finds the offers, and says why they cannot be used together.
func (m *Master) usable(f *framework, ids []mesos.OfferID) (offers []*offer, problem string) {
	seen := map[string]bool{}
	for _, id := range ids {
		o := m.offers[id.Value]
		switch {
		case seen[id.Value]:
			problem = fmt.Sprintf("Duplicate offer %s in offer list", id.Value)
			continue
		case o == nil || o.framework != f:
			problem = fmt.Sprintf("Offer %s is no longer valid", id.Value)
			continue
		case len(offers) > 0 && offers[0].node != o.node:
			problem = fmt.Sprintf("Aggregated offers must belong to one single agent. Offer %s uses agent %s and agent %s",
				id.Value, o.node.id, offers[0].node.id)
		case len(offers) > 0 && offers[0].role != o.role:
			problem = fmt.Sprintf("Aggregated offers must be allocated to the same role. Offer %s uses role %s but "+
				"another is using role %s",
				id.Value, o.role, offers[0].role)
		}
		seen[id.Value] = true
		offers = append(offers, o)
	}
	return offers, problem
}

// dropTasks answers every task of an ACCEPT whose offers are gone.
func (m *Master) dropTasks(f *framework, ops []mesos.Offer_Operation, why string) {
	drop := func(tasks []mesos.TaskInfo) {
		for i := range tasks {
			m.sendStatus(f, verdict(tasks[i].TaskID.Value, tasks[i].AgentID.Value, mesos.TASK_DROPPED, mesos.REASON_INVALID_OFFERS, why))
		}
	}
	for _, op := range ops {
		if op.Launch != nil {
			drop(op.Launch.TaskInfos)
		}
		if op.LaunchGroup != nil {
			drop(op.LaunchGroup.TaskGroup.Tasks)
		}
	}
}

// launch sends one task to the agent if it is valid, and returns what is left of free.
func (m *Master) launch(f *framework, n *node, role string, info *mesos.TaskInfo, free resources) resources {
	uses, problem := m.validateTask(f, n, info, role, free)
	if problem == "" && m.c.cfg.Simulate {
		if _, err := parseOutcome(info); err != nil {
			problem = err.Error()
		}
	}
	if problem != "" {
		m.sendStatus(f, verdict(info.TaskID.Value, info.AgentID.Value, mesos.TASK_ERROR, mesos.REASON_TASK_INVALID, problem))
		return free
	}
	m.addTask(f, n, role, info, uses, info.GetExecutor().GetExecutorID().Value)
	n.agent.deliver(func() { n.agent.launch(f, info) })
	return free.minus(uses)
}

// addTask books a task.
func (m *Master) addTask(f *framework, n *node, role string, info *mesos.TaskInfo, uses resources, executor string) {
	t := &task{
		key: taskKey{f.id, info.TaskID.Value}, node: n, info: info, role: role, executor: executor,
		uses: uses, counted: true, state: mesos.TASK_STAGING,
	}
	f.tasks[t.key.task] = t
	n.tasks[t.key] = t
	n.used = n.used.plus(uses)
	f.allocated = f.allocated.plus(uses)
	m.c.log.V(1).Info("Launched task", "task", t.key.task, "agent", n.id)
}

// launchGroup launches all tasks of a group on one default executor, or none.
func (m *Master) launchGroup(f *framework, n *node, role string, g *mesos.Offer_Operation_LaunchGroup, free resources) resources {
	if g == nil {
		return free
	}
	problem := ""
	switch {
	case g.Executor.Type != mesos.ExecutorInfo_DEFAULT:
		problem = "Task groups on custom executors are not supported by the dev cluster"
	case m.c.cfg.Simulate:
		problem = "Task groups are not supported in simulated mode"
	}
	rest := free
	uses := make([]resources, len(g.TaskGroup.Tasks))
	for i := range g.TaskGroup.Tasks {
		if problem != "" {
			break
		}
		info := &g.TaskGroup.Tasks[i]
		uses[i], problem = m.validateTask(f, n, info, role, rest)
		if i == 0 && problem == "" {
			executor, err := fromMesos(g.Executor.Resources)
			if err != nil {
				problem = err.Error()
			}
			uses[i] = uses[i].plus(executor)
		}
		if problem == "" && !rest.contains(uses[i]) {
			problem = tooMuch(uses[i], rest, role)
		}
		rest = rest.minus(uses[i])
	}
	if problem != "" {
		for i := range g.TaskGroup.Tasks {
			info := &g.TaskGroup.Tasks[i]
			m.sendStatus(f, verdict(info.TaskID.Value, info.AgentID.Value, mesos.TASK_ERROR, mesos.REASON_TASK_GROUP_INVALID, problem))
		}
		return free
	}
	for i := range g.TaskGroup.Tasks {
		m.addTask(f, n, role, &g.TaskGroup.Tasks[i], uses[i], g.Executor.ExecutorID.Value)
	}
	n.agent.deliver(func() { n.agent.launchGroup(f, g) })
	return rest
}
