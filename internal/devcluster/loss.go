package devcluster

import (
	"maps"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Partition cuts the agent off from the master: no message arrives in either direction, until Heal, or until the pings
// have timed out and the master declares the agent unreachable. Its tasks go on.
func (a *Agent) Partition() {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if !a.partitioned {
		a.partitioned = true
		a.watch()
	}
}

// Heal ends Partition. An agent that had been declared unreachable registers again after Config.ReregisterDelay.
func (a *Agent) Heal() {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if !a.partitioned {
		return
	}
	a.partitioned = false
	delayed := a.delayed
	a.delayed = nil
	if !a.reached() {
		a.comeBack()
		return
	}
	a.c.stop(a.silentTimer)
	for id := range a.frameworks {
		a.resume(id)
	}
	for _, message := range delayed {
		message()
	}
}

// Crash ends the agent process at once, as kill -9 does: its endpoints are gone, its tasks go on, and executors that have not registered
// yet end with it, so that their tasks never run. The master notices the broken connection and rescinds the agent's offers; once the
// pings have timed out it is unreachable.
func (a *Agent) Crash() {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if a.crashed {
		return
	}
	a.crashed = true
	a.killStartingExecutors()
	for _, x := range a.runs {
		a.c.stop(x.retry)
		if x.stream != nil {
			x.stream.close(streamCut)
		}
	}
	if a.node.state == nodeActive {
		a.node.state = nodeDisconnected
		a.c.master.rescindAll(a.node)
	}
	a.watch()
}

// Restart starts the agent process again after Crash, on its checkpointed state: tasks that still run are taken up again; tasks that
// ended meanwhile, or never started, are TASK_FAILED with REASON_EXECUTOR_TERMINATED: recordings/agent_crash.
func (a *Agent) Restart() {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if !a.crashed {
		return
	}
	a.crashed = false
	a.started = time.Now()
	a.comeBack()
}

// watch declares the agent unreachable unless it is back before the pings have timed out. Cluster.mu must be held.
func (a *Agent) watch() {
	cfg := a.c.cfg
	a.c.stop(a.returnTimer)
	a.c.stop(a.silentTimer)
	a.silentTimer = a.c.after(time.Duration(cfg.MaxAgentPingTimeouts)*cfg.AgentPingTimeout, func() {
		if a.c.master.up && (a.node.state == nodeActive || a.node.state == nodeDisconnected) {
			a.c.master.unreachable(a.node)
		}
	})
}

// comeBack has the agent register again if it has to. Cluster.mu must be held.
func (a *Agent) comeBack() {
	if a.partitioned || a.crashed {
		return
	}
	a.c.stop(a.silentTimer)
	a.c.stop(a.returnTimer)
	a.returnTimer = a.c.after(a.c.cfg.ReregisterDelay, func() {
		if a.partitioned || a.crashed || !a.c.master.up || a.node.state == nodeActive || a.node.down {
			return
		}
		for _, x := range a.sortedRuns() {
			if x.exitedInCrash {
				x.exitedInCrash = false
				a.emit(x, x.executorTerminated())
				a.endedInGroup(x, false)
			}
		}
		a.c.master.reregister(a)
	})
}

// unreachable marks an agent whose pings have timed out, and everything on it. Cluster.mu must be held.
func (m *Master) unreachable(n *node) {
	m.c.log.Info("Agent is unreachable", "agent", n.id)
	n.agent.delayed = nil
	n.state, n.gone = nodeUnreachable, time.Now()
	since := &mesos.TimeInfo{Nanoseconds: n.gone.UnixNano()}
	for _, t := range sortedTasks(n.tasks) {
		m.release(t)
		f := m.frameworks[t.key.framework]
		delete(n.tasks, t.key)
		if f == nil {
			continue
		}
		delete(f.tasks, t.key.task)
		t.lostTime = since
		f.lost[t.key.task] = t
		s := verdict(t.key.task, n.id, mesos.TASK_UNREACHABLE, mesos.REASON_AGENT_REMOVED, "health check timed out")
		s.UnreachableTime = since
		m.sendStatus(f, s)
	}
	m.rescindAll(n)
	for _, f := range m.frameworks {
		f.failure(n.id, "", 0)
	}
}

// reregister takes an agent back with the tasks that it has. Cluster.mu must be held.
func (m *Master) reregister(a *Agent) {
	n := a.node
	before := n.state
	n.state, n.since = nodeActive, time.Now()
	m.c.log.Info("Agent registered again", "agent", n.id)
	if before == nodeUnreachable || before == nodeRecovered {
		n.used, n.tasks = nil, map[taskKey]*task{}
	}
	for _, x := range a.sortedRuns() {
		if x.settled || m.removed[x.key.framework] {
			continue // nobody wants it any more, or it is shut down below
		}
		m.retake(n, x, before)
	}
	// What it had not heard of before it was lost, it does not know: reconciliation says TASK_GONE from now on.
	for _, f := range m.frameworks {
		maps.DeleteFunc(f.lost, func(_ string, t *task) bool { return t.node == n })
	}
	for id := range m.removed {
		a.shutdownFramework(id)
	}
	// The agent sends what is unacknowledged when it registers, and again when the master informs it of the
	// frameworks: recordings/agent_crash and recordings/master_restart have it twice.
	for id := range a.frameworks {
		if f := m.frameworks[id]; f != nil && f.stream != nil {
			a.frameworks[id].info = f.info
			a.resume(id)
			a.resume(id)
		}
	}
	for key := range n.kills {
		delete(n.kills, key)
		a.kill(key, nil, nil)
	}
	m.allocate([]*node{n})
}

// retake books a task that an agent has brought back.
func (m *Master) retake(n *node, x *run, before nodeState) {
	f := m.frameworks[x.key.framework]
	if f == nil {
		// A restarted master learns of the framework by its tasks; it has failover_timeout to subscribe.
		f = m.addFramework(x.key.framework)
		f.configure(x.client.info, nil)
		m.detach(f)
	}
	t := f.lost[x.key.task]
	delete(f.lost, x.key.task)
	known := f.tasks[x.key.task]
	switch {
	case known != nil:
		known.state = x.state
		if terminal(x.state) {
			m.release(known)
		}
		return
	case t == nil:
		t = &task{key: x.key, info: x.info, role: x.role, uses: x.uses, executor: x.info.GetExecutor().GetExecutorID().Value}
		if x.containerStatus != nil {
			t.status = x.status(x.state)
			t.status.UUID = nil
		}
	}
	t.node, t.state, t.lostTime = n, x.state, nil
	f.tasks[x.key.task], n.tasks[x.key] = t, t
	if !terminal(x.state) {
		t.counted = true
		n.used = n.used.plus(t.uses)
		f.allocated = f.allocated.plus(t.uses)
	}
	if before == nodeUnreachable {
		s := verdict(x.key.task, n.id, x.state, mesos.REASON_AGENT_REREGISTERED, "Unreachable agent re-reregistered")
		t.describe(&s)
		m.sendStatus(f, s)
	}
}
