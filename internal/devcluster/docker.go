package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// NoDocker as Config.DockerHost makes the agents refuse Docker containers, daemon or not.
const NoDocker = "none"

const (
	// dockerAnswerTimeout is how long the daemon may take to say that it is there, and for each short question.
	dockerAnswerTimeout = 10 * time.Second
	// dockerRemoveTimeout is how long the removal of a container may take, dockerStopTimeout its stop beyond the grace period.
	dockerRemoveTimeout = time.Minute
	dockerStopTimeout   = time.Minute
	// dockerLabel marks the containers of a cluster with its work dir, so that its successor finds them after a kill -9.
	dockerLabel = "devcluster"
	// mappedSandbox is where a container finds the sandbox: mesos-agent --sandbox_directory.
	mappedSandbox = "/mnt/mesos/sandbox"
)

// docker is a daemon, reached by the docker CLI as by Mesos's Docker containerizer.
type docker struct {
	host string // for -H; empty: the CLI's own, by DOCKER_HOST or its context
}

// command is a call of the CLI.
func (d docker) command(ctx context.Context, args ...string) *exec.Cmd {
	if d.host != "" {
		args = append([]string{"-H", d.host}, args...)
	}
	return exec.CommandContext(ctx, "docker", args...)
}

// answers reports whether the daemon is there. A real agent finds out when it starts; here the daemon may come and go.
func (d docker) answers(ctx context.Context) bool {
	if d.host == NoDocker {
		return false
	}
	_, err := d.ask(ctx, dockerAnswerTimeout, "version", "--format", "{{.Server.Version}}")
	return err == nil
}

// ask calls the CLI and answers what it prints; an error holds what it said.
func (d docker) ask(ctx context.Context, timeout time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return answer(d.command(ctx, args...))
}

// answer runs a call of the CLI; errors are worded as Mesos's.
func answer(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf( //nolint:staticcheck // Mesos's words
			"Failed to run '%s': %s; stderr='%s'",
			strings.Join(cmd.Args, " "), howEnded(exit.ProcessState), strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// pull sees to it that the image is there: it asks the registry if it is not, or always with force. Credentials come from the
// sandbox, if they were fetched into it.
func (d docker) pull(ctx context.Context, image string, force bool, sandbox string) error {
	if !force {
		if _, err := d.ask(ctx, dockerAnswerTimeout, "inspect", "--type=image", image); err == nil {
			return nil
		}
	}
	if name := image[strings.LastIndex(image, "/")+1:]; !strings.ContainsAny(name, ":@") {
		image += ":latest"
	}
	cmd := d.command(ctx, "pull", image)
	for _, credentials := range []string{".docker/config.json", ".dockercfg"} {
		if _, err := os.Stat(filepath.Join(sandbox, credentials)); err == nil {
			cmd.Env = append(os.Environ(), "HOME="+sandbox)
		}
	}
	_, err := answer(cmd)
	return err
}

// container is what docker inspect says of a container.
type container struct {
	pid            int
	ip             string
	started, ended time.Time // ended is zero while it runs
}

// inspect answers nil until the container has started, and what it last was once it has ended.
func (d docker) inspect(ctx context.Context, name string) *container {
	out, err := d.ask(ctx, dockerAnswerTimeout, "inspect", "--type=container", "--format",
		"{{.State.StartedAt}} {{.State.FinishedAt}} {{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", name)
	parts := strings.Fields(out)
	if err != nil || len(parts) < 3 || strings.HasPrefix(parts[0], "0001-") {
		return nil
	}
	c := &container{}
	c.started, _ = time.Parse(time.RFC3339Nano, parts[0]) // the zero time says that it is not known
	c.ended, _ = time.Parse(time.RFC3339Nano, parts[1])
	c.pid, _ = strconv.Atoi(parts[2])
	if len(parts) > 3 && parts[3] != "invalid" {
		c.ip = parts[3]
	}
	return c
}

// stop asks a container to end, and kills it after the grace period, of which Docker, as Mesos, counts whole seconds.
func (d docker) stop(name string, grace time.Duration) error {
	_, err := d.ask(context.Background(), grace+dockerStopTimeout, "stop", "-t", strconv.Itoa(int(grace.Seconds())), name)
	return err
}

// remove removes a container with its anonymous volumes, if it is there, whether it runs or not.
func (d docker) remove(name string) error {
	_, err := d.ask(context.Background(), dockerRemoveTimeout, "rm", "-f", "-v", name)
	return err
}

// removeAll removes the containers that have a label, and says how many there were.
func (d docker) removeAll(label string) (int, error) {
	out, err := d.ask(context.Background(), dockerAnswerTimeout, "ps", "-aq", "--filter", "label="+label)
	names := strings.Fields(out)
	if err != nil || len(names) == 0 {
		return 0, err
	}
	_, err = d.ask(context.Background(), dockerRemoveTimeout, append([]string{"rm", "-f", "-v"}, names...)...)
	return len(names), err
}

// containerInfo is the container of the task, or of its executor.
func (x *run) containerInfo() *mesos.ContainerInfo {
	if x.custom() {
		return x.info.Executor.Container
	}
	return x.info.Container
}

func (x *run) inDocker() bool {
	c := x.containerInfo()
	return c != nil && c.GetType() == mesos.ContainerInfo_DOCKER // of nil, too
}
