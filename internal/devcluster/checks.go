package devcluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Defaults of checks and health checks, of mesos.proto.
const (
	checkDelay    = 15 * time.Second
	checkInterval = 10 * time.Second
	checkTimeout  = 20 * time.Second
	healthGrace   = 10 * time.Second
	healthFailing = 3
)

func seconds(v *float64, otherwise time.Duration) time.Duration {
	if v == nil {
		return otherwise
	}
	return time.Duration(*v * float64(time.Second))
}

// startChecks runs the task's health check and check until ctx ends; the result waits for them.
func (a *Agent) startChecks(ctx context.Context, x *run) *sync.WaitGroup {
	var wg sync.WaitGroup
	if x.info.HealthCheck != nil {
		wg.Go(func() { a.checkHealth(ctx, x, x.info.HealthCheck) })
	}
	if x.info.Check != nil {
		wg.Go(func() { a.check(ctx, x, x.info.Check) })
	}
	return &wg
}

// checkHealth reports when the task becomes healthy, and each failure; after so many in a row it kills the task.
// Failures within the grace period do not count until the first success: recordings/health_checks.
func (a *Agent) checkHealth(ctx context.Context, x *run, h *mesos.HealthCheck) {
	started := time.Now()
	grace := seconds(h.GracePeriodSeconds, healthGrace)
	limit := healthFailing
	if h.ConsecutiveFailures != nil {
		limit = int(*h.ConsecutiveFailures)
	}
	failures, known, healthy := 0, false, false
	probe := func() {
		ctx, cancel := context.WithTimeout(ctx, positive(seconds(h.TimeoutSeconds, checkTimeout)))
		defer cancel()
		ok := a.probe(ctx, x, h) == nil
		if errors.Is(ctx.Err(), context.Canceled) {
			return
		}
		switch {
		case ok:
			failures = 0
			if !known || !healthy {
				a.reportHealth(x, true, false)
			}
			known, healthy = true, true
		case !known && time.Since(started) < grace:
		default:
			failures++
			known, healthy = true, false
			a.reportHealth(x, false, failures >= limit)
		}
	}
	every(ctx, seconds(h.DelaySeconds, checkDelay), seconds(h.IntervalSeconds, checkInterval), probe)
}

// every calls f after delay and then at each interval, until ctx ends.
func every(ctx context.Context, delay, interval time.Duration, f func()) {
	for wait := delay; ; wait = interval {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			f()
		}
	}
}

// positive makes "no timeout", which Mesos writes 0, a long one.
func positive(d time.Duration) time.Duration {
	if d <= 0 {
		return 24 * time.Hour
	}
	return d
}

// reportHealth emits the result of a health check, and kills a task that has failed too often.
func (a *Agent) reportHealth(x *run, healthy, kill bool) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if x.exited || x.killing || terminal(x.state) || a.crashed {
		return
	}
	s := x.status(x.state)
	s.Reason, s.Healthy = mesos.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED.Enum(), &healthy
	a.emit(x, s)
	if kill {
		x.unhealthy, x.killing = true, true
		if x.client.killingState {
			a.emit(x, x.status(mesos.TASK_KILLING))
		}
		a.terminate(x, x.gracePeriod(nil))
	}
}

func (a *Agent) probe(ctx context.Context, x *run, h *mesos.HealthCheck) error {
	switch h.Type {
	case mesos.HealthCheck_COMMAND:
		_, err := a.runCheck(ctx, x, h.Command)
		return err
	case mesos.HealthCheck_HTTP:
		code, err := getStatus(ctx, x.dial(), h.HTTP.GetScheme(), int(h.HTTP.Port), h.HTTP.GetPath())
		if err == nil && (code < 200 || code >= 400) {
			err = fmt.Errorf("unexpected HTTP status %d", code)
		}
		return err
	default:
		return connect(ctx, x.dial(), int(h.TCP.Port))
	}
}

// check reports each change of a check's result. Unlike a health check it changes nothing else.
func (a *Agent) check(ctx context.Context, x *run, c *mesos.CheckInfo) {
	reported := false
	var last mesos.CheckStatusInfo
	probe := func() {
		ctx, cancel := context.WithTimeout(ctx, positive(seconds(c.TimeoutSeconds, checkTimeout)))
		defer cancel()
		result := a.checkOnce(ctx, x, c)
		if errors.Is(ctx.Err(), context.Canceled) || reported && last.Equal(result) {
			return
		}
		reported, last = true, *result
		a.c.mu.Lock()
		defer a.c.mu.Unlock()
		if x.exited || x.killing || terminal(x.state) || a.crashed {
			return
		}
		x.checkStatus = result
		s := x.status(x.state)
		s.Reason = mesos.REASON_TASK_CHECK_STATUS_UPDATED.Enum()
		a.emit(x, s)
	}
	every(ctx, seconds(c.DelaySeconds, checkDelay), seconds(c.IntervalSeconds, checkInterval), probe)
}

// emptyCheckStatus is what updates say before the first result, and after the task.
func emptyCheckStatus(c *mesos.CheckInfo) *mesos.CheckStatusInfo {
	s := &mesos.CheckStatusInfo{Type: c.Type.Enum()}
	switch c.Type {
	case mesos.CheckInfo_COMMAND:
		s.Command = &mesos.CheckStatusInfo_Command{}
	case mesos.CheckInfo_HTTP:
		s.HTTP = &mesos.CheckStatusInfo_Http{}
	default:
		s.TCP = &mesos.CheckStatusInfo_Tcp{}
	}
	return s
}

func (a *Agent) checkOnce(ctx context.Context, x *run, c *mesos.CheckInfo) *mesos.CheckStatusInfo {
	s := emptyCheckStatus(c)
	switch c.Type {
	case mesos.CheckInfo_COMMAND:
		if code, err := a.runCheck(ctx, x, &c.Command.Command); err == nil || code > 0 {
			s.Command.ExitCode = &code
		}
	case mesos.CheckInfo_HTTP:
		if code, err := getStatus(ctx, x.dial(), "http", int(c.HTTP.Port), c.HTTP.GetPath()); err == nil {
			status := uint32(code)
			s.HTTP.StatusCode = &status
		}
	default:
		ok := connect(ctx, x.dial(), int(c.TCP.Port)) == nil
		s.TCP.Succeeded = &ok
	}
	return s
}

// runCheck runs a check's command where the task runs, with its environment, its output going to the task's standard
// error. The code is -1 if the command did not come to an end of its own.
func (a *Agent) runCheck(ctx context.Context, x *run, info *mesos.CommandInfo) (int32, error) {
	cred, err := credential(x.user())
	if err != nil {
		return -1, err
	}
	cmd := a.checkCommand(ctx, x, info)
	cmd.Dir = x.dir
	killAsGroup(cmd)
	if x.docker == nil {
		cmd.Env = append(a.environment(x, x.commandInfo()), a.environment(x, info)...)
		cmd.SysProcAttr.Credential = cred
	}
	out, err := openLog(filepath.Join(x.dir, "stderr"), cred)
	if err != nil {
		return -1, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return -1, err
	}
	return int32(cmd.ProcessState.ExitCode()), err
}

// killAsGroup has a command that is cancelled killed with all that it has started.
func killAsGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// checkCommand is a check's command line; in a container it is run by docker exec.
func (a *Agent) checkCommand(ctx context.Context, x *run, info *mesos.CommandInfo) *exec.Cmd {
	shell := info.Shell == nil || *info.Shell
	switch {
	case x.docker != nil && shell:
		return x.docker.daemon.command(ctx, "exec", x.docker.name, "sh", "-c", info.GetValue())
	case x.docker != nil:
		args := []string{"exec", x.docker.name}
		if info.Value != nil {
			args = append(args, info.GetValue())
		}
		return x.docker.daemon.command(ctx, append(args, info.Arguments...)...)
	case shell:
		return exec.CommandContext(ctx, "/bin/sh", "-c", info.GetValue())
	}
	cmd := exec.CommandContext(ctx, lookPath(info.GetValue()))
	if len(info.Arguments) > 0 {
		cmd.Args = info.Arguments
	}
	return cmd
}

// dialFunc makes connections from where a task runs.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// checkHost is where HTTP and TCP checks look: a task's own loopback interface, wherever the cluster listens.
const checkHost = "127.0.0.1"

// getStatus asks for a path as Mesos's curl does: it follows redirects and takes any certificate.
func getStatus(ctx context.Context, dial dialFunc, scheme string, port int, path string) (int, error) {
	if scheme == "" {
		scheme = "http"
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(checkHost, fmt.Sprint(port)), path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // as Mesos: curl -k
	}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func connect(ctx context.Context, dial dialFunc, port int) error {
	conn, err := dial(ctx, "tcp", net.JoinHostPort(checkHost, fmt.Sprint(port)))
	if err != nil {
		return err
	}
	return conn.Close()
}
