package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// startTimeout is generous: it ends a test that would hang otherwise, and is never waited for in full.
	startTimeout = 2 * time.Minute
	// stopTimeout is how long a daemon may take to end in order.
	stopTimeout = 2 * time.Minute
	// maxDir keeps the paths of sockets below the 108 bytes that an address of a Unix socket has.
	maxDir = 60
)

// Image is a busybox with a shell and a few commands, and without a command of its own.
const Image = "busybox:1.36"

// Daemon is a Docker daemon that runs until the test ends.
type Daemon struct {
	// Host is where it listens, as for docker -H.
	Host string
	// NoBridge says why it has no network of mode bridge; empty: it has one.
	NoBridge string

	t       testing.TB
	busybox string
}

// Start starts a daemon that has Image, or skips the test.
func Start(t testing.TB) *Daemon {
	t.Helper()
	busybox := needs(t)
	dir := shortDir(t)
	containerd := start(t, dir, "containerd", "--config", write(t, dir, "containerd.toml",
		"version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.internal.v1.opt\"]\n"),
		"--address", dir+"/c.sock", "--root", dir+"/cr", "--state", dir+"/cs")
	d := &Daemon{Host: "unix://" + dir + "/d.sock", t: t, busybox: busybox}
	bridge := d.addBridge()
	dockerd := start(t, dir, "dockerd", "--config-file", write(t, dir, "daemon.json", "{}"), "--host", d.Host, "--containerd",
		dir+"/c.sock",
		"--data-root", dir+"/d", "--exec-root", dir+"/e", "--pidfile", dir+"/p", "--storage-driver", "vfs",
		"--bridge="+bridge, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
	d.await(containerd, dockerd)
	t.Cleanup(func() {
		if left := d.Containers(); len(left) > 0 { // the daemon would give each of them ten seconds to end
			d.Docker(append([]string{"rm", "-f", "-v"}, left...)...)
		}
	})
	if out, err := d.docker(d.rootFS(), "import", "-", Image); err != nil {
		t.Skipf("Docker cannot import an image here: %v: %s", err, out)
	}
	if out, err := d.docker(nil, "run", "--rm", "--net=none", Image, "/bin/true"); err != nil {
		t.Skipf("Docker cannot run a container here: %v: %s", err, out)
	}
	return d
}

// bridgePrefix and the process's id are a bridge's name, of at most 15 characters.
const bridgePrefix = "horaedt"

// addBridge makes a bridge for the daemon alone, docker0 being that of a Docker that may run on the machine. Its addresses are from
// the block that is set apart for benchmarks (RFC 2544), and the process's own.
func (d *Daemon) addBridge() string {
	n := os.Getpid() % 512
	name := fmt.Sprint(bridgePrefix, os.Getpid())
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return err
	}
	left, _ := filepath.Glob("/sys/class/net/" + bridgePrefix + "*") // the pattern is valid
	for _, path := range left {
		if _, err := os.Stat("/proc/" + strings.TrimPrefix(filepath.Base(path), bridgePrefix)); errors.Is(err, fs.ErrNotExist) {
			_ = ip("link", "delete", filepath.Base(path)) // of a test that was killed; another may be about to delete it, too
		}
	}
	err := ip("link", "add", name, "type", "bridge")
	if err == nil {
		d.t.Cleanup(func() {
			if err := ip("link", "delete", name); err != nil {
				d.t.Errorf("remove the bridge: %v", err)
			}
		})
		err = ip("address", "add", fmt.Sprintf("198.%d.%d.1/24", 18+n/256, n%256), "dev", name)
	}
	if err == nil {
		err = ip("link", "set", name, "up")
	}
	if err != nil {
		d.NoBridge = fmt.Sprintf("no bridge can be made here: %v", err)
		return "none"
	}
	return name
}

// needs skips the test unless all that a daemon needs is there. It returns where busybox is.
func needs(t testing.TB) (busybox string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("no Docker daemon: it needs root")
	}
	for _, name := range []string{"dockerd", "containerd", "docker"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no Docker daemon: %s is not installed (Debian: docker.io)", name)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("no image: busybox is not installed (Debian: busybox-static)")
	}
	return busybox
}

// shortDir is a directory that is removed when the test ends.
func shortDir(t testing.TB) string {
	t.Helper()
	parent := os.TempDir()
	if len(parent) > maxDir-20 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "dockertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountBelow(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove what the Docker daemon left: %v", err)
		}
	})
	return dir
}

// unmountBelow undoes the mounts that a daemon that was killed left.
func unmountBelow(t testing.TB, dir string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Errorf("read the mounts: %v", err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			_ = exec.Command("umount", "-l", f[4]).Run() // if it stays, so does the directory, and that is logged
		}
	}
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a daemon of the test's own.
type process struct {
	name string
	done chan struct{} // closed when it has ended
	log  string        // the file that it writes
}

// start starts a daemon that is stopped when the test ends, or when the test's process dies.
func start(t testing.TB, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{name: name, done: make(chan struct{}), log: filepath.Join(dir, name+".log")}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the death that Pdeathsig means is this thread's
		defer close(p.done)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter
		}
	}()
	if err := <-started; err != nil {
		t.Skipf("no Docker daemon: start %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(stopTimeout):
			t.Errorf("%s did not end on SIGTERM", name)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-p.done
		}
	})
	return p
}

// await waits until the daemon answers; it skips the test if one of the processes ends before.
func (d *Daemon) await(processes ...*process) {
	d.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		if _, err := d.docker(nil, "version"); err == nil {
			return
		}
		for _, p := range processes {
			select {
			case <-p.done:
				d.t.Skipf("no Docker daemon: %s does not run here: %s", p.name, lastLines(p.log))
			default:
			}
		}
		if time.Now().After(deadline) {
			d.t.Skipf("no Docker daemon: not ready after %s: %s", startTimeout, lastLines(processes[len(processes)-1].log))
		}
		time.Sleep(50 * time.Millisecond) // between two looks at another program; nothing depends on its length
	}
}

func lastLines(path string) string {
	text, _ := os.ReadFile(path) // empty if it cannot be read
	if n := len(text); n > 1000 {
		text = text[n-1000:]
	}
	return string(text)
}

// docker calls the CLI.
func (d *Daemon) docker(stdin io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", append([]string{"-H", d.Host}, args...)...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Docker calls the CLI and fails the test if the call does. It returns what was printed.
func (d *Daemon) Docker(args ...string) string {
	d.t.Helper()
	out, err := d.docker(nil, args...)
	if err != nil {
		d.t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// Import makes an image of busybox with changes as in a Dockerfile, such as `CMD ["/bin/true"]`.
func (d *Daemon) Import(name string, changes ...string) {
	d.t.Helper()
	args := []string{"import"}
	for _, c := range changes {
		args = append(args, "--change", c)
	}
	if out, err := d.docker(d.rootFS(), append(args, "-", name)...); err != nil {
		d.t.Fatalf("make image %s: %v: %s", name, err, out)
	}
}

// Containers lists the names of all containers, running or not.
func (d *Daemon) Containers() []string {
	d.t.Helper()
	return strings.Fields(d.Docker("ps", "-a", "--format", "{{.Names}}"))
}

// commands of busybox that images have.
var commands = []string{
	"sh", "cat", "date", "echo", "env", "false", "hostname", "httpd", "id", "kill", "ls", "mkdir",
	"nc", "sleep", "test", "touch", "true", "wc", "wget",
}

// rootFS is the image's file system as a tar archive.
func (d *Daemon) rootFS() io.Reader {
	d.t.Helper()
	program, err := os.ReadFile(d.busybox)
	if err != nil {
		d.t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			d.t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			d.t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o777}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	for _, name := range commands {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644},
		fmt.Appendf(nil, "root:x:0:0::/:/bin/sh\nsomebody:x:1000:1000::/:/bin/sh\n"))
	if err := w.Close(); err != nil {
		d.t.Fatal(err)
	}
	return &out
}
