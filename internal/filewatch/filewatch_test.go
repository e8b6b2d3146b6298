package filewatch

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follow reads a file that must not be bad, and counts in refused how often it was.
func follow(t *testing.T, path string, refused *atomic.Int32) *Current[string] {
	t.Helper()
	w, err := New(testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Follow(w, "option", func() (string, error) {
		data, err := os.ReadFile(path)
		if err == nil && string(data) == "bad" {
			refused.Add(1)
			err = errors.New("it is bad")
		}
		return string(data), err
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, c *Current[string], want string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); c.Get() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is %q, want %q", c.Get(), want)
		}
	}
}

func TestAFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "one")
	var refused atomic.Int32
	c := follow(t, path, &refused)
	eventually(t, c, "one")
	write(t, path, "two")
	eventually(t, c, "two")

	write(t, path, "bad")
	for deadline := time.Now().Add(30 * time.Second); refused.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the bad content is not read")
		}
	}
	if got := c.Get(); got != "two" {
		t.Errorf("with bad content it is %q, want the last good one", got)
	}
	next := path + ".new"
	write(t, next, "three")
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "three")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "four")
	eventually(t, c, "four")
}

// TestALinkIsReplaced: Kubernetes mounts secrets as links to a link, ..data, which it replaces.
func TestALinkIsReplaced(t *testing.T) {
	dir := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "file"), version)
	}
	link("v1", "..data")
	link("..data/file", "file")
	c := follow(t, filepath.Join(dir, "file"), new(atomic.Int32))
	eventually(t, c, "v1")
	link("v2", "..tmp")
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "v2")
}

func TestWhatCannotBeReadAtFirstIsAnError(t *testing.T) {
	w, err := New(testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	path := filepath.Join(t.TempDir(), "none", "file")
	if _, err := Follow(w, "option", func() (string, error) { return "", nil }, path); err == nil {
		t.Error("a directory that is not there is followed")
	}
}
