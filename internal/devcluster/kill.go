package devcluster

import (
	"runtime"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
)

// timedOutGrace stands for none: Mesos's executors give a task that exceeded its time no grace, but what they do after SIGTERM
// takes a moment (recordings/max_completion_time: "terminated with signal Terminated").
const timedOutGrace = 100 * time.Millisecond

// kill stops a task; policy overrides the task's own, why becomes the reason of its last updates. Cluster.mu must be
// held.
func (a *Agent) kill(key taskKey, policy *mesos.KillPolicy, why *mesos.TaskStatus_Reason) {
	x := a.runs[key]
	if x == nil || !a.reached() || terminal(x.state) || x.killing {
		return
	}
	if x.stream != nil {
		x.stream.push(&executor.Event{Type: executor.Event_KILL, Kill: &executor.Event_Kill{TaskID: x.info.TaskID, KillPolicy: policy}})
		return // the executor does it, and reports it
	}
	x.killing, x.killReason = true, why
	if x.custom() && x.pgid > 0 {
		a.terminate(x, x.gracePeriod(policy)) // it has not registered: awaitExecutor reports its end
		return
	}
	switch {
	case x.state == mesos.TASK_STAGING && a.c.cfg.Simulate:
		a.startupFailed(x, nil)
		return
	case x.state == mesos.TASK_STAGING:
		x.cancel() // execute notices, and reports the end
		return
	}
	if x.client.killingState {
		s := x.status(mesos.TASK_KILLING)
		s.Reason = why
		a.emit(x, s)
	}
	if a.c.cfg.Simulate {
		a.finishKilled(x, "Command terminated with signal Terminated")
		return
	}
	a.terminate(x, x.gracePeriod(policy))
}

func (a *Agent) finishKilled(x *run, message string) {
	s := x.status(mesos.TASK_KILLED)
	s.Message, s.Reason = &message, x.killReason
	if x.unhealthy {
		s.Healthy = new(bool)
	}
	a.emit(x, s)
}

// startDeadline starts max_completion_time.
func (a *Agent) startDeadline(x *run) {
	if x.info.MaxCompletionTime == nil {
		return
	}
	x.deadline = a.c.after(time.Duration(x.info.MaxCompletionTime.Nanoseconds), func() {
		if terminal(x.state) || x.killing {
			return
		}
		x.timedOut, x.killing = true, true
		if a.c.cfg.Simulate {
			a.c.stop(x.ending)
			a.finishTimedOut(x, "Command terminated with signal Terminated")
			return
		}
		a.terminate(x, timedOutGrace)
	})
}

func (a *Agent) finishTimedOut(x *run, message string) {
	s := x.status(mesos.TASK_FAILED)
	s.Message, s.Reason = &message, mesos.REASON_MAX_COMPLETION_TIME_REACHED.Enum()
	a.emit(x, s)
}

// terminate sends SIGTERM to the task's processes, also to those in sessions of their own, and SIGKILL after grace to those that are left,
// whether or not the first one is; a container is stopped. Cluster.mu must be held.
func (a *Agent) terminate(x *run, grace time.Duration) {
	if x.pgid == 0 || x.exited {
		return
	}
	if x.docker != nil {
		a.stopContainer(x, grace)
		return
	}
	_ = syscall.Kill(-x.pgid, syscall.SIGTERM)
	a.signalStrays(x, syscall.SIGTERM)
	x.grace = a.c.after(grace, func() {
		if !x.exited {
			_ = syscall.Kill(-x.pgid, syscall.SIGKILL)
		}
		a.signalStrays(x, syscall.SIGKILL)
	})
}

// gracePending reports whether processes that ignore SIGTERM still have time after the first one has ended. Without /proc nobody would
// find them later. Cluster.mu must be held.
func (a *Agent) gracePending(x *run) bool {
	return x.killing && !x.timedOut && x.grace != nil && x.grace.pos >= 0 && runtime.GOOS == "linux"
}

// signalStrays signals, without waiting, every process of x outside of its group, or, once the first one has ended, every one: the number
// of the group may be another's by then. Cluster.mu must be held.
func (a *Agent) signalStrays(x *run, s syscall.Signal) {
	group := x.pgid
	if x.exited {
		group = 0
	}
	a.c.wg.Add(1)
	go func() {
		defer a.c.wg.Done()
		for _, pid := range processesIn(x.dir) {
			if own, err := syscall.Getpgid(pid); err == nil && (group == 0 || own != group) {
				_ = syscall.Kill(pid, s) // ESRCH if it has ended by itself
			}
		}
	}()
}
