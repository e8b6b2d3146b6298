package devcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// defaultPath is the PATH that an agent gives to executors.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execute runs a task's process from its sandbox's making to its last update. It returns when the process is gone.
func (a *Agent) execute(ctx context.Context, x *run) {
	// 1. What this agent has no isolator for is refused.
	if s := a.unsupported(ctx, x); s != nil {
		a.refuse(x, s)
		return
	}
	// 2. The sandbox.
	cred, err := a.makeSandbox(x)
	if err != nil {
		a.refuse(x, x.agentStatus(x.droppedState(), mesos.REASON_EXECUTOR_TERMINATED,
			fmt.Sprintf("Failed to create executor directory '%s': %v", x.dir, err)))
		return
	}
	if err := x.openStderr(); err == nil {
		defer x.log.Close()
	}
	// 3. Its files.
	if err := a.fetchAll(ctx, x, cred); err != nil {
		a.refuse(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED,
			fmt.Sprintf("Failed to launch container: Failed to fetch all URIs for container '%s': exited with status 1", x.container)))
		return
	}
	// 4. Its executor, unless it is of the framework's own: that one is the process.
	if !x.custom() && !a.awaitExecutorStart(ctx, x) {
		a.refuse(x, x.executorTerminated())
		return
	}
	// 5. The process.
	if x.inDocker() {
		a.executeInDocker(ctx, x, cred)
		return
	}
	x.logExecutorStart()
	cmd, files, err := a.command(x, cred)
	if err != nil {
		a.refuse(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED, "Failed to launch container: "+err.Error()))
		return
	}
	started := a.startProcess(x, cmd)
	for _, f := range files {
		_ = f.Close()
	}
	if !started {
		return
	}
	if x.custom() {
		a.awaitExecutor(x, cmd)
		return
	}
	checks := a.startChecks(ctx, x)
	_ = cmd.Wait() // what matters of the error is in ProcessState
	x.cancel()
	checks.Wait()
	a.exited(x, exitMessage(cmd.ProcessState), cmd.ProcessState.Success())
}

// custom reports whether x is a task for an executor of the framework's.
func (x *run) custom() bool { return x.info.Executor != nil && x.group == nil }

// refuse ends a task that has no process: with s, unless something else has ended it meanwhile.
func (a *Agent) refuse(x *run, s *mesos.TaskStatus) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	a.startupFailed(x, s)
}

// droppedState is TASK_DROPPED, or what frameworks without partition awareness read in its place.
func (x *run) droppedState() mesos.TaskState {
	if x.partitionAware {
		return mesos.TASK_DROPPED
	}
	return mesos.TASK_LOST
}

// startProcess starts cmd in a process group of its own and reports the task's start. It ends cmd again if the task was killed meanwhile,
// if its executor died, or if the cluster closes.
func (a *Agent) startProcess(x *run, cmd *exec.Cmd) bool {
	err := cmd.Start()
	pid := os.Getpid()
	if err == nil {
		pid = cmd.Process.Pid
	}
	a.c.mu.Lock()
	if err == nil {
		x.pgid = pid
		if x.byCommandExecutor() {
			x.logf(logInfo, "executor.cpp:740", "Forked command at %d", pid)
		}
	}
	unwanted := x.killing || x.executorDied || a.c.closing
	if !unwanted {
		a.announce(x, pid)
	}
	a.c.mu.Unlock()
	switch {
	case unwanted && err == nil:
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		fallthrough
	case unwanted:
		a.refuse(x, x.executorTerminated())
		return false
	case err == nil:
		return true
	}
	// The command executor starts its child by a helper, which exits with 1 if there is no such program:
	// recordings/lifecycle, task nosuch.
	_, _ = fmt.Fprintf(cmd.Stderr.(*os.File), "Failed to execute '%s': %v\n", cmd.Path, err)
	a.exited(x, "Command exited with status 1", false)
	return false
}

// announce reports that the task runs. Cluster.mu must be held.
func (a *Agent) announce(x *run, pid int) {
	x.describeContainer(pid)
	if x.custom() {
		return // its executor would, if it knew of the task
	}
	if x.info.Check != nil {
		x.checkStatus = emptyCheckStatus(x.info.Check)
	}
	a.emit(x, x.status(mesos.TASK_STARTING))
	if x.docker != nil { // it has yet to start
		x.docker.launched = time.Now()
	} else {
		a.emit(x, x.status(mesos.TASK_RUNNING))
		a.startDeadline(x)
	}
}

// exited sends the last update of a task whose process has ended.
func (a *Agent) exited(x *run, message string, success bool) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	x.exited = true
	if x.pgid > 0 && !a.gracePending(x) {
		_ = syscall.Kill(-x.pgid, syscall.SIGKILL) // what it left behind; ESRCH if nothing
		a.c.stop(x.grace)
		if x.killing {
			a.signalStrays(x, syscall.SIGKILL)
		}
	}
	x.logExecutorEnd(message)
	a.c.stop(x.deadline)
	if x.checkStatus != nil {
		x.checkStatus = emptyCheckStatus(x.info.Check)
	}
	switch {
	case x.orphan:
		a.archive(x)
		return
	case a.crashed:
		x.exitedInCrash = true
		return
	case x.timedOut:
		a.finishTimedOut(x, message)
	case x.killing:
		a.finishKilled(x, message)
	case success:
		a.finish(x, mesos.TASK_FINISHED, message)
	default:
		a.finish(x, mesos.TASK_FAILED, message)
	}
	a.endedInGroup(x, success)
}

// endedInGroup kills the other tasks of a group if one has failed, and reports whether the executor is done.
func (a *Agent) endedInGroup(x *run, success bool) {
	g := x.group
	if g == nil {
		return
	}
	g.ended++
	if g.ended == len(g.runs) {
		a.executorGone(x, 0)
		return
	}
	if !success {
		for _, other := range g.runs {
			a.kill(other.key, nil, nil)
		}
	}
}

// exitMessage words the end of a command's process as Mesos does.
func exitMessage(s *os.ProcessState) string { return "Command " + howEnded(s) }

// howEnded is what Mesos says of the end of a process.
func howEnded(s *os.ProcessState) string {
	status, ok := s.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return fmt.Sprintf("exited with status %d", s.ExitCode())
	}
	name := status.Signal().String()
	return "terminated with signal " + strings.ToUpper(name[:1]) + name[1:]
}

// commandInfo is the task's command, or its executor's.
func (x *run) commandInfo() *mesos.CommandInfo {
	if x.custom() {
		return x.info.Executor.Command
	}
	return x.info.Command
}
