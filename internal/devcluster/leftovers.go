package devcluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// leftover is what is written down of a running process group, so that the next cluster on the same work dir can end
// what one that was killed has left: nobody could reach those tasks any more.
type leftover struct {
	Pgid    int
	Started string // the leader's start time from /proc, since process ids are used again
}

func (c *Cluster) leftoverDir() string { return filepath.Join(c.dir, "meta", "running") }

// remember writes a process group down.
func (c *Cluster) remember(x *run, pgid int) {
	if c.temporary {
		return // no other cluster will ever look
	}
	body, err := json.Marshal(leftover{pgid, startTime(pgid)})
	if err == nil {
		err = os.MkdirAll(c.leftoverDir(), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(c.leftoverDir(), x.container), body, 0o644)
	}
	if err != nil {
		c.log.Error(err, "Task is not written down", "task", x.key.task)
	}
}

// forget forgets it again.
func (c *Cluster) forget(x *run) {
	if !c.temporary {
		_ = os.Remove(filepath.Join(c.leftoverDir(), x.container))
	}
}

// lockDir keeps a second cluster off the work dir: it would take this one's tasks for leftovers.
func (c *Cluster) lockDir() error {
	meta := filepath.Join(c.dir, "meta")
	if err := os.MkdirAll(meta, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", meta, err)
	}
	f, err := os.OpenFile(filepath.Join(meta, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
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

// killLeftovers ends the tasks of an earlier cluster on this work dir that was killed.
func (c *Cluster) killLeftovers() error {
	entries, err := os.ReadDir(c.leftoverDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for tasks of an earlier cluster: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(c.leftoverDir(), e.Name())
		var l leftover
		body, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(body, &l) == nil && l.Pgid > 1 && l.Started != "" && startTime(l.Pgid) == l.Started {
			c.log.Info("Killed a task of an earlier cluster", "pgid", l.Pgid)
			_ = syscall.Kill(-l.Pgid, syscall.SIGKILL)
		}
		_ = os.Remove(path)
	}
	return nil
}

// startTime is when a process started, in clock ticks since boot; empty where there is no /proc or no such process.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses and may hold anything; starttime is field 22.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}
