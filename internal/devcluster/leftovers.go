package devcluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// lockDir keeps a second cluster off the work dir: it would take this one's tasks for leftovers.
func (c *Cluster) lockDir() error {
	meta := filepath.Join(c.dir, "meta")
	if err := os.MkdirAll(meta, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", meta, err)
	}
	f, err := os.OpenFile(filepath.Join(meta, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the work dir: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("the work dir %s is in use by another devcluster: stop it or choose another with --work-dir: %w", c.dir, err)
	}
	c.lock = f
	return nil
}

// killLeftovers ends the tasks of an earlier cluster on this work dir that was killed: nobody could reach them any
// more. They and their children are known by their environment, which says in whose sandbox they began. It looks
// again until there are none, since processes may have forked meanwhile.
func (c *Cluster) killLeftovers() {
	for range 5 {
		found := leftovers(c.dir)
		for _, pid := range found {
			c.log.Info("Killing a process that a task has left", "pid", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL) // ESRCH if it has ended by itself
		}
		if len(found) == 0 {
			return
		}
	}
}

// leftovers lists processes that began in a sandbox under dir. The lock makes sure that no living cluster owns them.
func leftovers(dir string) []int { return processesIn(dir + "/slaves/") }

// processesIn lists processes that began in a sandbox whose path begins so, in whatever session and group they are. Without /proc it
// finds nothing.
func processesIn(sandbox string) []int {
	mark := []byte("MESOS_DIRECTORY=" + sandbox)
	paths, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is valid
	var pids []int
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		environ, err := os.ReadFile(path) // fails for processes that end, and for other users' unless we are root
		if err == nil && (bytes.HasPrefix(environ, mark) || bytes.Contains(environ, append([]byte{0}, mark...))) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// markDocker notes that there may be containers to remove after a kill -9.
func (c *Cluster) markDocker() {
	if c.temporary {
		return // no later cluster gets this work dir
	}
	if err := os.WriteFile(c.dockerMark(), []byte(c.docker.host), 0o600); err != nil {
		c.log.Info("Containers would stay after a kill -9", "error", err.Error())
	}
}

func (c *Cluster) dockerMark() string { return filepath.Join(c.dir, "meta", "docker") }

// removeLeftContainers removes the containers of an earlier cluster on this work dir that was killed. It asks a Docker daemon only
// if that cluster had used one.
func (c *Cluster) removeLeftContainers() {
	host, err := os.ReadFile(c.dockerMark())
	if err != nil {
		return
	}
	switch n, err := (docker{string(host)}).removeAll(dockerLabel + "=" + c.dir); {
	case err != nil:
		c.log.Info("Containers of an earlier cluster may be left", "error", err.Error())
		return
	case n > 0:
		c.log.Info("Removed containers of an earlier cluster", "containers", n)
	}
	_ = os.Remove(c.dockerMark()) // asked once more next time if it stays
}
