package manager

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestEtcdsQuotaLooksAtTheDisk(t *testing.T) {
	for name, tt := range map[string]struct{ has, free, want int64 }{
		"a large disk":                 {has: 0, free: 1 << 40, want: 8 << 30},
		"a small one":                  {has: 0, free: 1 << 30, want: 512 << 20},
		"a small one, and it has some": {has: 1 << 30, free: 1 << 30, want: 1 << 30},
		"a disk that is full":          {has: 0, free: 0, want: 64 << 20},
		"full of etcd":                 {has: 4 << 30, free: 0, want: 2 << 30},
	} {
		if got := quotaFor(tt.has, tt.free); got != tt.want {
			t.Errorf("%s: %d MiB, want %d MiB", name, got>>20, tt.want>>20)
		}
	}
	if got, err := etcdQuota(t.TempDir() + "/etcd"); err != nil || got < minQuota || got > maxQuota {
		t.Errorf("of this disk: %d, %v", got, err)
	}
}

// TestAPortThatIsTakenIsNamedOnce: and what to do about it.
func TestAPortThatIsTakenIsNamedOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	_, err = net.Listen("tcp", addr)
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatal(err)
	}
	got := portClash(err, "serve the API", addr, "--listen", "or use the manager that runs there").Error()
	if strings.Count(got, addr) != 1 || strings.Contains(got, "in use") || !strings.Contains(got, "--listen") {
		t.Error(got)
	}
	other := portClash(fmt.Errorf("listen tcp %s: bind: permission denied", addr), "serve the API", addr, "--listen", "").Error()
	if want := "serve the API: listen tcp " + addr + ": bind: permission denied"; other != want {
		t.Errorf("%q, want %q", other, want)
	}
}
