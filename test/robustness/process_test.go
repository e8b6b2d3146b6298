package robustness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// process is one of the binaries, which is killed, stopped and started again in the course of a run.
type process struct {
	t      *testing.T
	name   string // among the processes of a site
	binary string
	args   []string
	log    *os.File

	mu      sync.Mutex
	cmd     *exec.Cmd     // nil while it does not run; guarded by mu, as all that follows
	done    chan struct{} // closed when it has ended
	ready   map[string]string
	isReady chan struct{} // closed when it is ready
	asked   bool          // to end: else its end is its own
	died    []string      // how it ended by itself, each time
}

// newProcess prepares a process; its log, of all of its lives, goes into dir.
func newProcess(t *testing.T, dir, name, binary string, args ...string) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, binary: binary, args: args, log: log}
	t.Cleanup(func() {
		p.kill()
		_ = log.Close()
	})
	return p
}

// start starts it, unless it runs, and does not wait until it is ready.
func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return
	}
	cmd := exec.Command(filepath.Join(bin, p.binary), p.args...)
	// A process group of its own, so that signals of a terminal do not reach it; and an end with ours.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Errorf("start %s: %v", p.name, err)
		return
	}
	if err := cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.name, err)
		return
	}
	p.cmd, p.asked, p.ready = cmd, false, nil
	p.done, p.isReady = make(chan struct{}), make(chan struct{})
	go p.follow(cmd, out)
}

// follow reads what the process prints until it ends.
func (p *process) follow(cmd *exec.Cmd, out io.Reader) {
	lines := bufio.NewScanner(io.TeeReader(out, p.log))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), p.binary+" ready ")
		if !ok {
			continue
		}
		ready := map[string]string{}
		for _, f := range strings.Fields(rest) {
			k, v, _ := strings.Cut(f, "=")
			ready[k] = v
		}
		p.mu.Lock()
		p.ready = ready
		close(p.isReady)
		p.mu.Unlock()
	}
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.asked {
		p.died = append(p.died, fmt.Sprint(err))
	}
	p.cmd = nil
	close(p.done)
}

// value of the line that it printed when it was ready; "" while it is not.
func (p *process) value(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready[key]
}

// waitReady waits until it is ready.
func (p *process) waitReady() error {
	p.mu.Lock()
	done, isReady := p.done, p.isReady
	p.mu.Unlock()
	select {
	case <-isReady:
		return nil
	case <-done:
		return fmt.Errorf("%s ended before it was ready", p.name)
	case <-patient():
		return fmt.Errorf("%s was not ready after %s", p.name, patience)
	}
}

// kill ends it as a crash does.
func (p *process) kill() { p.end(syscall.SIGKILL) }

// stop ends it in order; by force if it does not.
func (p *process) stop() { p.end(syscall.SIGTERM) }

func (p *process) end(s syscall.Signal) {
	p.mu.Lock()
	if p.cmd == nil {
		p.mu.Unlock()
		return
	}
	p.asked, p.ready = true, nil
	process, done := p.cmd.Process, p.done
	p.mu.Unlock()
	_ = process.Signal(s)
	_ = process.Signal(syscall.SIGCONT) // else a halted one would not hear of it
	select {
	case <-done:
	case <-patient():
		p.t.Errorf("%s did not end on %s", p.name, s)
		_ = process.Kill()
		<-done
	}
}

// signal sends a signal; an error says that it does not run.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return errors.New(p.name + " does not run")
	}
	return p.cmd.Process.Signal(s)
}

// ended reports whether it has ended without having been asked to.
func (p *process) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd == nil && !p.asked
}
