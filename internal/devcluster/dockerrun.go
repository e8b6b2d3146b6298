package devcluster

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Pauses between two looks at a container that is about to start. Mesos's Docker executor looks every 500 ms.
const (
	inspectPauseMin = 50 * time.Millisecond
	inspectPauseMax = 500 * time.Millisecond
)

// dockerRun is the container of a run. Guarded by Cluster.mu, but for name and daemon, which do not change.
type dockerRun struct {
	name   string
	daemon docker
	// started is what the container was when it had started; nil before.
	started *container
	// launched is when its start was announced, running when it started, ended when it ended, by the daemon's account.
	launched, running, ended time.Time
	// stop is the grace period of a stop that waits until there is something to stop.
	stop *time.Duration
}

// executeInDocker pulls the image and runs the container to its end, as Mesos's Docker containerizer and its executor do.
func (a *Agent) executeInDocker(ctx context.Context, x *run, cred *syscall.Credential) {
	daemon, d := a.c.docker, &dockerRun{name: "mesos-" + x.container, daemon: a.c.docker}
	info := x.containerInfo().GetDocker()
	// 1. The image.
	if err := daemon.pull(ctx, info.GetImage(), info.GetForcePullImage(), x.dir); err != nil {
		a.refuse(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED, "Failed to launch container: "+err.Error()))
		return
	}
	// 2. The command line.
	args, err := a.dockerArgs(x, d.name)
	if err != nil {
		s := x.status(mesos.TASK_FAILED)
		s.Message = text("Failed to create docker run options: " + err.Error())
		a.refuse(x, s)
		return
	}
	cmd := daemon.command(context.Background(), args...) // it ends with its container, which is stopped by name
	cmd.Env = append(os.Environ(), "MESOS_DIRECTORY="+x.dir)
	cmd.Dir = x.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	files, err := openLogs(cmd, x, cred)
	if err != nil {
		a.refuse(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_CONTAINER_LAUNCH_FAILED, "Failed to launch container: "+err.Error()))
		return
	}
	a.c.markDocker()
	a.c.mu.Lock()
	x.docker = d
	a.c.mu.Unlock()
	defer func() {
		if err := daemon.remove(d.name); err != nil && !strings.Contains(err.Error(), "No such container") {
			a.c.log.Info("A container stays", "container", d.name, "error", err.Error())
		}
	}()
	// 3. The container.
	x.logExecutorStart()
	started := a.startProcess(x, cmd)
	for _, f := range files {
		_ = f.Close()
	}
	if !started {
		return
	}
	var watching sync.WaitGroup
	watching.Go(func() { a.watchContainer(ctx, x) })
	if x.custom() {
		a.awaitExecutor(x, cmd)
		x.cancel()
		watching.Wait()
		return
	}
	_ = cmd.Wait() // what matters of the error is in ProcessState
	x.cancel()
	watching.Wait()
	last := daemon.inspect(context.Background(), d.name)
	a.containerStarted(x, last) // if it was over before anybody had looked
	a.containerEnded(x, last)
	a.exited(x, "Container "+howEnded(cmd.ProcessState), cmd.ProcessState.Success())
}

// watchContainer waits until the container has started, reports it, and runs the task's checks.
func (a *Agent) watchContainer(ctx context.Context, x *run) {
	pause := inspectPauseMin
	for {
		if c := x.docker.daemon.inspect(ctx, x.docker.name); c != nil {
			a.containerStarted(x, c)
			if !x.custom() {
				a.startChecks(ctx, x).Wait()
			}
			return
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		pause = min(2*pause, inspectPauseMax)
	}
}

// containerStarted reports that the task runs, the first time, and stops a container that is to stop. c may be nil: it has not
// started.
func (a *Agent) containerStarted(x *run, c *container) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	d := x.docker
	if c == nil || d.started != nil {
		return
	}
	d.started = c
	d.running = within(c.started, d.launched, time.Now())
	if c.ip != "" && x.containerStatus != nil {
		x.containerStatus.NetworkInfos = []mesos.NetworkInfo{
			{IPAddresses: []mesos.NetworkInfo_IPAddress{{Protocol: mesos.IPv4.Enum(), IPAddress: &c.ip}}}}
	}
	if !x.custom() && !x.killing && !terminal(x.state) {
		s := x.status(mesos.TASK_RUNNING)
		s.Timestamp = timestamp(d.running)
		a.emit(x, s)
		a.startDeadline(x)
	}
	if d.stop != nil {
		a.stopContainer(x, *d.stop)
	}
}

// containerEnded notes when the container ended: the last update of the task says so. c may be nil: it is not known.
func (a *Agent) containerEnded(x *run, c *container) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if d := x.docker; c != nil && d.started != nil {
		d.ended = within(c.ended, d.running, time.Now())
	}
}

// within is a time by the daemon's clock, which may differ: not before what has preceded it, and not after now. A time that is not known is
// now.
func within(at, from, now time.Time) time.Time {
	switch {
	case at.Year() <= 1, at.After(now):
		return now
	case at.Before(from):
		return from
	}
	return at
}

// stopContainer stops a container as soon as it has started: before, the daemon may not know it yet. Cluster.mu must be held.
func (a *Agent) stopContainer(x *run, grace time.Duration) {
	if x.docker.started == nil {
		x.docker.stop = &grace
		return
	}
	d := x.docker
	a.c.wg.Add(1)
	go func() {
		defer a.c.wg.Done()
		if err := d.daemon.stop(d.name, grace); err != nil && !strings.Contains(err.Error(), "No such container") {
			a.c.log.Info("Container was not stopped", "container", d.name, "error", err.Error())
		}
	}()
}

// dial is how checks reach the task: from inside of its container's network, if it has one of its own.
func (x *run) dial() dialFunc {
	if x.docker == nil {
		return (&net.Dialer{}).DialContext
	}
	return dialIn(x.docker.started) // checks begin after it has started
}

// dialOutside dials a container's own address, or the host's if it has none.
func dialOutside(ctx context.Context, c *container, network, address string) (net.Conn, error) {
	if _, port, err := net.SplitHostPort(address); err == nil && c.ip != "" {
		address = net.JoinHostPort(c.ip, port)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
