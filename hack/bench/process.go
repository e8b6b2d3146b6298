package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is the manager under measurement.
type process struct {
	cmd   *exec.Cmd
	ready map[string]string
	done  chan error
}

// startManager starts the binary and waits until it says that it is ready.
func startManager(ctx context.Context, binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, binary, args...), ready: map[string]string{}, done: make(chan error, 1)}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (make build builds it)", binary, err)
	}
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			rest, ok := strings.CutPrefix(lines.Text(), "manager ready ")
			if !ok {
				continue
			}
			for _, f := range strings.Fields(rest) {
				k, v, _ := strings.Cut(f, "=")
				p.ready[k] = v
			}
			close(ready)
		}
		p.done <- p.cmd.Wait()
	}()
	select {
	case <-ready:
		return p, nil
	case err := <-p.done:
		return nil, fmt.Errorf("%s ended before it was ready: %w", binary, err)
	}
}

// stop ends the manager in order.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return <-p.done
}

// usage is what a process has used so far.
type usage struct {
	cpu time.Duration
	rss int64 // bytes, resident now
}

// clockTick is the unit of times in /proc/<pid>/stat: 100 Hz on every Linux that Go supports (USER_HZ).
const clockTick = 10 * time.Millisecond

func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The command may hold spaces; the fields after its closing parenthesis do not. See proc(5).
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	if len(f) < 22 {
		return usage{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	var n [3]int64
	for i, field := range []int{11, 12, 21} { // utime, stime, rss
		if n[i], err = strconv.ParseInt(f[field], 10, 64); err != nil {
			return usage{}, err
		}
	}
	return usage{cpu: time.Duration(n[0]+n[1]) * clockTick, rss: n[2] * int64(os.Getpagesize())}, nil
}
