package manager

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
)

func TestSecretsAreReadAgainWhenTheyChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if _, err := newRotatedSecret("mesos.tokenFile", path, testr.New(t)); err == nil || !strings.Contains(err.Error(), "mesos.tokenFile") {
		t.Fatalf("a file that is not there: %v", err)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	s, err := newRotatedSecret("mesos.tokenFile", path, testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	want := func(want string) {
		t.Helper()
		if got, err := s.get(t.Context()); got != want || err != nil {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	want("first")
	write("again") // as long as before, and within the resolution of some file systems' times
	want("again")

	write("") // in the middle of being written
	want("again")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("again")
	write("third")
	want("third")

	// What has been still for a while is not read again; what has not is.
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	want("third")
	if err := os.WriteFile(path, []byte("xxxxx"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	want("third") // only the time has changed, and it was put back

	// Replaced by a rename, as by a tool or through a symbolic link.
	next := path + ".next"
	if err := os.WriteFile(next, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(next, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	want("other")
}
