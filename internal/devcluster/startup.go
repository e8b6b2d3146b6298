package devcluster

import (
	"context"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// A real agent starts an executor for each task, and that executor starts the task once it has registered with the agent. Until then
// there is no TASK_STARTING, and the executor can die, alone or with its agent: then the agent reports TASK_FAILED with
// REASON_EXECUTOR_TERMINATED for a task that never ran. This file is that start-up. An executor of the framework's own registers by
// itself (custom.go).

// HoldExecutors keeps executors from registering, so that their tasks stay in TASK_STAGING, until it is called with false. Executors that
// have registered before go on.
func (a *Agent) HoldExecutors(on bool) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	a.holdExecutors = on
	if on {
		return
	}
	for _, x := range a.sortedRuns() {
		if x.heldBack {
			a.executorRegistered(x)
		}
	}
}

// KillStartingExecutors ends the executors that have not registered yet, and returns how many there were. Their tasks never run.
func (a *Agent) KillStartingExecutors() int {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return a.killStartingExecutors()
}

// killStartingExecutors is KillStartingExecutors, and what a crash of the agent does. Cluster.mu must be held.
func (a *Agent) killStartingExecutors() int {
	n := 0
	for _, x := range a.sortedRuns() {
		if x.state != mesos.TASK_STAGING || x.executorDied || x.custom() && x.pgid > 0 {
			continue
		}
		n++
		x.executorDied = true
		if a.c.cfg.Simulate {
			a.startupFailed(x, x.executorTerminated())
		} else {
			x.cancel() // execute notices
		}
	}
	return n
}

// startExecutor has the executor of x register after Config.ExecutorStartup. Cluster.mu must be held.
func (a *Agent) startExecutor(x *run) {
	if a.c.cfg.ExecutorStartup == 0 {
		a.executorRegistered(x)
		return
	}
	x.startup = a.c.after(a.c.cfg.ExecutorStartup, func() { a.executorRegistered(x) })
}

// executorRegistered lets the task of x start. Cluster.mu must be held.
func (a *Agent) executorRegistered(x *run) {
	switch {
	case x.executorDied || terminal(x.state):
	case a.holdExecutors:
		x.heldBack = true
	case a.c.cfg.Simulate:
		x.heldBack = false
		a.startSimulated(x)
	default:
		x.heldBack = false
		close(x.registered)
	}
}

// awaitExecutorStart starts the executor of x and reports whether it has registered: not if ctx ends before.
func (a *Agent) awaitExecutorStart(ctx context.Context, x *run) bool {
	a.c.mu.Lock()
	x.registered = make(chan struct{})
	a.startExecutor(x)
	a.c.mu.Unlock()
	select {
	case <-x.registered:
		return true
	case <-ctx.Done():
		return false
	}
}

// startupFailed ends a task that never ran: with s, or as killed if a KILL came first. What ends while the agent is down, the agent finds
// out when it is back. Cluster.mu must be held.
func (a *Agent) startupFailed(x *run, s *mesos.TaskStatus) {
	a.c.stop(x.startup)
	switch {
	case x.orphan:
		a.archive(x)
		return
	case a.crashed:
		x.exitedInCrash = true
		return
	case x.killing:
		s = x.agentStatus(mesos.TASK_KILLED, mesos.REASON_TASK_KILLED_DURING_LAUNCH, "Killed before delivery to the executor")
	case x.executorDied:
		s = x.executorTerminated()
	}
	a.emit(x, s)
	a.endedInGroup(x, false)
}

// executorTerminated is the status of a task whose executor has ended before it.
func (x *run) executorTerminated() *mesos.TaskStatus {
	return x.agentStatus(mesos.TASK_FAILED, mesos.REASON_EXECUTOR_TERMINATED, "Executor terminated")
}
