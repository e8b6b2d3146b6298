package e2e

import (
	"bufio"
	"bytes"
	"context"
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
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"horae/internal/etcdtest"
	"horae/internal/testparallel"
)

// patience ends a test that would otherwise hang; nothing waits for it in full when all is well.
const patience = 2 * time.Minute

// bin is the directory of the binaries under test, built once from the source.
var bin string

func TestMain(m *testing.M) {
	etcdtest.RunMember()
	testparallel.AtLeast(6)
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "horae-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		bin = dir
		build := exec.Command("go", "build", "-o", dir+"/", "horae/cmd/...")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the binaries: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// process is one of the binaries, running.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *logBuffer
	// ready holds the fields of the line that it printed when it was ready: api, etcd, mesos.
	ready     map[string]string
	readyLine chan map[string]string
}

// logBuffer keeps what a process printed.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs a binary and waits for its ready line, `<name> ready key=value ...` on standard output.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, name, args...)
}

// startWith is start with more environment variables, each KEY=value.
func startWith(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := launchWith(t, env, name, args...)
	select {
	case <-p.done:
		t.Fatalf("%s ended before it was ready:\n%s", name, p.log)
	case <-time.After(patience):
		p.kill()
		t.Fatalf("%s was not ready after %s:\n%s", name, patience, p.log)
	case p.ready = <-p.readyLine:
	}
	return p
}

// launch runs a binary without waiting for it.
func launch(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return launchWith(t, nil, name, args...)
}

func launchWith(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(filepath.Join(bin, name), args...), done: make(chan struct{}), log: &logBuffer{}, readyLine: make(chan map[string]string, 1)}
	// A process group of its own, so that a test that is interrupted does not leave it behind, and kills reach it alone.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(io.TeeReader(out, p.log))
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), name+" ready "); ok {
				p.readyLine <- fields(rest)
			}
		}
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s %s printed:\n%s", name, strings.Join(args, " "), tail(p.log.String(), 6000))
		}
	})
	return p
}

func fields(line string) map[string]string {
	m := map[string]string{}
	for _, f := range strings.Fields(line) {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return m
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// kill ends the process as a crash would.
func (p *process) kill() { p.signal(syscall.SIGKILL) }

// stop ends the process in order, and by force if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Errorf("%s did not end on SIGTERM", filepath.Base(p.cmd.Path))
		p.kill()
	}
}

func (p *process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	<-p.done
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s is still running", filepath.Base(p.cmd.Path))
	}
	return p.cmd.ProcessState.ExitCode()
}

// dev starts the whole system in one process, on free ports, with data of its own.
func dev(t *testing.T, args ...string) *process {
	t.Helper()
	return devWith(t, nil, args...)
}

// devWith is dev with more environment variables, each KEY=value.
func devWith(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return startWith(t, env, "manager", append([]string{"--dev", "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0",
		"--devcluster-listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, args...)...)
}

// result is what a command line left behind.
type result struct {
	out, err string
	code     int
}

// horae runs the command line tool against p.
func (p *process) horae(args ...string) result {
	p.t.Helper()
	return p.horaeStdin("", args...)
}

func (p *process) horaeStdin(stdin string, args ...string) result {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "horae"), args...)
	cmd.Env = append(os.Environ(), "HORAE_SERVER="+p.ready["api"])
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("horae %s: %v", strings.Join(args, " "), err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must runs the command line tool and fails the test unless it succeeds.
func (p *process) must(args ...string) string {
	p.t.Helper()
	r := p.horae(args...)
	if r.code != 0 {
		p.t.Fatalf("horae %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// etcd connects to the manager's etcd as another tool would.
func (p *process) etcd() *clientv3.Client {
	p.t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{p.ready["etcd"]}, DialTimeout: patience, Logger: zap.NewNop()})
	if err != nil {
		p.t.Fatalf("connect to etcd: %v", err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits until check answers "", and fails with its last answer otherwise.
func eventually(t *testing.T, what string, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		last := check()
		if last == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s: %s", what, patience, last)
		}
		time.Sleep(100 * time.Millisecond) // between two looks from outside; nothing depends on its length
	}
}
