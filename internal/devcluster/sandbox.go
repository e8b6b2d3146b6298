package devcluster

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"
)

// sandboxMode is that of a real agent's sandboxes.
const sandboxMode fs.FileMode = 0o750

// dirMode is for directories above sandboxes: nobody else looks into them. As root, tasks of other users pass through.
func dirMode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// makeSandbox creates the sandbox with its stdout and stderr, owned by the task's user.
func (a *Agent) makeSandbox(x *run) (*syscall.Credential, error) {
	name := x.user()
	cred, err := credential(name)
	if err != nil {
		return nil, said(fmt.Sprintf("Failed to chown directory to '%s': %v", name, err))
	}
	if err := os.MkdirAll(filepath.Dir(x.dir), dirMode()); err != nil {
		return nil, err
	}
	if err := os.Mkdir(x.dir, sandboxMode); err != nil {
		return nil, err
	}
	if cred != nil {
		if err := os.Chown(x.dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
	}
	// The fetcher has them before it fetches, so that what it could not fetch can be read.
	for _, name := range []string{"stdout", "stderr"} {
		f, err := openLog(filepath.Join(x.dir, name), cred)
		if err != nil {
			return nil, err
		}
		_ = f.Close()
	}
	a.linkLatest(x)
	return cred, nil
}

// linkLatest points runs/latest to the newest run, as an agent does.
func (a *Agent) linkLatest(x *run) {
	if x.group != nil {
		return
	}
	link := filepath.Join(filepath.Dir(x.dir), "latest")
	_ = os.Remove(link)
	if err := os.Symlink(x.dir, link); err != nil {
		a.c.log.V(1).Info("No link to the latest run", "link", link, "error", err.Error())
	}
}

// removeOldSandboxes keeps the newest Config.Sandboxes of earlier clusters on this work dir.
func (c *Cluster) removeOldSandboxes() {
	// the pattern is valid
	runs, _ := filepath.Glob(filepath.Join(c.dir, "slaves", "*", "frameworks", "*", "executors", "*", "runs", "*-*"))
	age := map[string]time.Time{}
	for _, dir := range runs {
		if s, err := os.Stat(dir); err == nil {
			age[dir] = s.ModTime()
		}
	}
	sort.Slice(runs, func(i, j int) bool { return age[runs[i]].After(age[runs[j]]) })
	for _, dir := range runs[min(c.cfg.Sandboxes, len(runs)):] {
		c.removeSandbox(dir, filepath.Join(c.dir, "slaves"))
	}
}

// collect removes an old sandbox.
func (c *Cluster) collect(dir string) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		// Not above the task's directory: others may be about to make theirs there.
		c.removeSandbox(dir, filepath.Dir(filepath.Dir(filepath.Dir(dir))))
	}()
}

// removeSandbox removes a sandbox, and the directories between it and top that are left empty.
func (c *Cluster) removeSandbox(dir, top string) {
	if err := os.RemoveAll(dir); err != nil {
		c.log.Info("An old sandbox stays", "dir", dir, "error", err.Error())
		return
	}
	runs := filepath.Dir(dir)
	if target, err := os.Readlink(filepath.Join(runs, "latest")); err == nil && target == dir {
		_ = os.Remove(filepath.Join(runs, "latest")) // nothing is lost if it stays
	}
	for up := runs; up != top && os.Remove(up) == nil; up = filepath.Dir(up) {
	}
}
