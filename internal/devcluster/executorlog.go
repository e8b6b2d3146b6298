package devcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What Mesos's executors and fetcher log, they log to the sandbox's stderr: recordings/lifecycle, and src/exec/exec.cpp,
// src/launcher/executor.cpp, src/launcher/fetcher.cpp and src/docker/executor.cpp of Mesos 1.11.0, whose lines the places name. Tasks of a
// group have none of an executor's: theirs logs into a sandbox of its own. Left out are what executors say of kills and checks, and the
// fetcher's first line, its input.

// Severities of glog.
const (
	logInfo    = 'I'
	logWarning = 'W'
	logError   = 'E'
)

// openStderr opens what logf writes to. It stays open until the task's end, since a task can put something else in the file's place.
func (x *run) openStderr() error {
	f, err := os.OpenFile(filepath.Join(x.dir, "stderr"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	x.log = f
	return err
}

// logf adds a line to the sandbox's stderr as glog does. A line that cannot be written is lost.
func (x *run) logf(severity rune, place, format string, args ...any) {
	if x.log == nil {
		return
	}
	_, _ = fmt.Fprintf(x.log, "%c%s %5d %s] %s\n", severity, time.Now().Format("20060102 15:04:05.000000"), os.Getpid(), place,
		fmt.Sprintf(format, args...))
}

// byCommandExecutor reports whether the task has an executor that Mesos calls the command executor.
func (x *run) byCommandExecutor() bool { return !x.custom() && x.group == nil && !x.inDocker() }

// logExecutorStart logs what an executor says until it starts the task.
func (x *run) logExecutorStart() {
	switch {
	case x.byCommandExecutor():
		x.logf(logInfo, "exec.cpp:164", "Version: %s", version)
		x.logf(logInfo, "exec.cpp:237", "Executor registered on agent %s", x.agent.id)
		x.logf(logInfo, "executor.cpp:190", "Received SUBSCRIBED event")
		x.logf(logInfo, "executor.cpp:194", "Subscribed executor on %s", x.agent.hostname)
		x.logf(logInfo, "executor.cpp:190", "Received LAUNCH event")
		x.logf(logInfo, "executor.cpp:722", "Starting task %s", x.key.task)
	case x.inDocker() && !x.custom():
		x.logf(logInfo, "exec.cpp:164", "Version: %s", version)
		x.logf(logInfo, "exec.cpp:237", "Executor registered on agent %s", x.agent.id)
		x.logf(logInfo, "executor.cpp:130", "Registered docker executor on %s", x.agent.hostname)
		x.logf(logInfo, "executor.cpp:186", "Starting task %s", x.key.task)
	}
}

// logExecutorEnd logs what an executor says when its task has ended.
func (x *run) logExecutorEnd(message string) {
	switch {
	case x.byCommandExecutor() && x.pgid > 0:
		x.logf(logInfo, "executor.cpp:1041", "%s (pid: %d)", message, x.pgid)
		x.logf(logInfo, "process.cpp:935", "Stopped the socket accept loop")
	case x.inDocker() && !x.custom():
		x.logf(logInfo, "executor.cpp:754", "%s", message)
	}
}
