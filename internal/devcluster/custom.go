package devcluster

import (
	"os/exec"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// awaitExecutor waits for an executor of the framework's own. It is started as an agent starts it, but the dev
// cluster does not speak the executor API: the task ends when the executor does, as that of an executor that never
// registers (recordings/fetch_and_executors, task custom).
func (a *Agent) awaitExecutor(x *run, cmd *exec.Cmd) {
	_ = cmd.Wait() // what matters of the error is in ProcessState
	a.c.mu.Lock()
	a.executorGone(x, int32(cmd.ProcessState.ExitCode()))
	a.c.mu.Unlock()
	a.exitedExecutor(x)
}

func (a *Agent) exitedExecutor(x *run) {
	a.c.mu.Lock()
	x.exited = true
	if x.pgid > 0 {
		_ = syscall.Kill(-x.pgid, syscall.SIGKILL) // what it left behind
	}
	a.c.stop(x.grace)
	crashed := a.crashed
	x.exitedInCrash = crashed
	a.c.mu.Unlock()
	if !crashed {
		a.refuse(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_EXECUTOR_TERMINATED, "Executor terminated"))
	}
}
