package devcluster

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// unsupported refuses what an agent without the isolators for images, volumes, networks and devices cannot run, and Docker
// containers where no daemon answers, in the words of an agent without the Docker containerizer
// (recordings/containers_without_isolators). It returns nil for all else.
func (a *Agent) unsupported(ctx context.Context, x *run) *mesos.TaskStatus {
	launchFailed := func(why string) *mesos.TaskStatus {
		return x.agentStatus(mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED, "Failed to launch container: "+why)
	}
	if c := x.containerInfo(); c != nil {
		switch {
		case x.inDocker() && a.c.docker.answers(ctx):
			return nil
		case x.inDocker():
			return x.agentStatus(mesos.TASK_FAILED, mesos.REASON_EXECUTOR_TERMINATED, "Abnormal executor termination: unknown container")
		case c.GetMesos().GetImage() != nil:
			return launchFailed("Unsupported container image type: " + c.Mesos.Image.GetType().String())
		case len(c.Volumes) > 0:
			return launchFailed("Volumes in ContainerInfo is not supported")
		case cniNetwork(c) != "":
			return launchFailed("Unknown CNI network '" + cniNetwork(c) + "'")
		case c.LinuxInfo != nil:
			return launchFailed("LinuxInfo in ContainerInfo is not supported")
		case c.RlimitInfo != nil:
			return launchFailed("RLimitInfo in ContainerInfo is not supported")
		case c.TTYInfo != nil:
			return launchFailed("TTYInfo in ContainerInfo is not supported")
		}
	}
	if err := a.resolveSecrets(x); err != nil {
		return launchFailed("Collect failed: " + err.Error())
	}
	if x.info.Command != nil && !x.info.Command.GetShell() && x.info.Command.GetValue() == "" {
		return launchFailed("Command of an image's entrypoint without an image")
	}
	return nil
}

// cniNetwork is the network that a container is to join, "" for the host's. An agent always has the isolator for them, and knows
// none unless some are configured (MesosContainerizer::create, and src/slave/containerizer/mesos/isolators/network/cni/cni.cpp).
func cniNetwork(c *mesos.ContainerInfo) string {
	for i := range c.NetworkInfos {
		if name := c.NetworkInfos[i].GetName(); name != "" {
			return name
		}
	}
	return ""
}

// command makes the process of x; files are to be closed once it has started.
func (a *Agent) command(x *run, cred *syscall.Credential) (*exec.Cmd, []*os.File, error) {
	info := x.commandInfo()
	cmd := &exec.Cmd{
		Dir:         x.dir,
		Env:         a.environment(x, info),
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: cred},
	}
	if info.Shell == nil || *info.Shell {
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", info.GetValue()}
	} else {
		cmd.Path, cmd.Args = lookPath(info.GetValue()), info.Arguments
		if len(cmd.Args) == 0 {
			cmd.Args = []string{info.GetValue()}
		}
	}
	files, err := openLogs(cmd, x, cred)
	return cmd, files, err
}

// openLogs has a process write into the sandbox's stdout and stderr, which are to be closed once it has started.
func openLogs(cmd *exec.Cmd, x *run, cred *syscall.Credential) ([]*os.File, error) {
	var files []*os.File
	for _, name := range []string{"stdout", "stderr"} {
		f, err := openLog(filepath.Join(x.dir, name), cred)
		if err != nil {
			for _, open := range files {
				_ = open.Close()
			}
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		files = append(files, f)
	}
	cmd.Stdout, cmd.Stderr = files[0], files[1]
	return files, nil
}

// openLog opens a task's stdout or stderr for appending, owned by its user.
func openLog(path string, cred *syscall.Credential) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil && cred != nil {
		err = f.Chown(int(cred.Uid), int(cred.Gid))
	}
	return f, err
}

// lookPath finds a program by the PATH that tasks get; a name with a slash, or one that is not found, stays as it is.
func lookPath(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(defaultPath) {
		path := filepath.Join(dir, name)
		if s, err := os.Stat(path); err == nil && s.Mode().IsRegular() && s.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

// environment is what an agent gives to a task: its own variables, then the task's, which win
// (recordings/lifecycle, task env).
func (a *Agent) environment(x *run, info *mesos.CommandInfo) []string {
	own := a.agentEnvironment(x)
	env := make([]string, 0, len(own))
	for _, k := range slices.Sorted(maps.Keys(own)) {
		env = append(env, k+"="+own[k])
	}
	for _, v := range info.GetEnvironment().GetVariables() {
		value := v.GetValue()
		switch {
		case v.Secret.GetValue() != nil:
			value = string(v.Secret.Value.Data)
		case v.Secret.GetReference() != nil:
			value = x.secrets[secretPath(v.Secret.Reference)]
		}
		env = append(env, v.Name+"="+value)
	}
	return env
}

// agentEnvironment are the variables that the agent gives to every executor, and so to every command.
func (a *Agent) agentEnvironment(x *run) map[string]string {
	env := map[string]string{
		"LIBPROCESS_IP":                        a.c.host,
		"LIBPROCESS_PORT":                      "0",
		"MESOS_AGENT_ENDPOINT":                 a.address(),
		"MESOS_ALLOCATION_ROLE":                x.role,
		"MESOS_DIRECTORY":                      x.dir,
		"MESOS_EXECUTOR_ID":                    x.executor,
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
		"MESOS_FRAMEWORK_ID":                   x.key.framework,
		"MESOS_HTTP_COMMAND_EXECUTOR":          "0",
		"MESOS_SANDBOX":                        x.dir,
		"MESOS_SLAVE_ID":                       a.id,
		"MESOS_SLAVE_PID":                      a.pid(),
		"PATH":                                 defaultPath,
		"PWD":                                  x.dir,
	}
	if a.c.cfg.AgentTLS != nil {
		env["LIBPROCESS_SSL_ENABLED"] = "1"
	}
	if x.framework.GetCheckpoint() {
		env["MESOS_CHECKPOINT"], env["MESOS_RECOVERY_TIMEOUT"], env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = "1", "15mins", "2secs"
	}
	return env
}
