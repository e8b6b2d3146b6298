package dockertest

import (
	"os"
	"strings"
	"testing"
)

// TestStartLeavesNothingBehind: neither processes nor mounts nor files.
func TestStartLeavesNothingBehind(t *testing.T) {
	var dir string
	t.Run("a daemon with a container that still runs", func(t *testing.T) {
		d := Start(t)
		dir = strings.TrimSuffix(strings.TrimPrefix(d.Host, "unix://"), "/d.sock")
		d.Docker("run", "-d", "--net=host", "--name=left", Image, "/bin/sleep", "60")
		if got := d.Containers(); len(got) != 1 || got[0] != "left" {
			t.Errorf("containers %v", got)
		}
	})
	if dir == "" {
		t.Skip("there was no daemon")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left: %v", err)
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if line, err := os.ReadFile("/proc/" + p.Name() + "/cmdline"); err == nil && strings.Contains(string(line), dir) {
			t.Errorf("process %s is left: %q", p.Name(), line)
		}
	}
}
