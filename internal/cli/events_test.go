package cli

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	v1 "horae/api/v1"
)

func TestEvents(t *testing.T) {
	h := build(t)
	h.populate()
	golden(t, "events", h.ok("events"))
	golden(t, "events-of-a-job", h.ok("events hello --types Warning -o wide"))
	if out := h.ok("events run/hello-20261121t133000z"); strings.Count(out, "\n") < 4 || strings.Contains(out, "job/") {
		t.Errorf("of a Run: %s", out)
	}
	if out := h.ok("events hello-20261121t133000z --no-headers"); strings.HasPrefix(out, "LAST SEEN") || !strings.Contains(out, "AttemptLost") {
		t.Errorf("of a Run by its name: %s", out)
	}
	if out := h.ok("events -A -o name"); !strings.Contains(out, "event/cleanup.") {
		t.Errorf("of all namespaces: %s", out)
	}
	if out := h.ok("get ns -o name"); out != "namespace/default\nnamespace/other\n" {
		t.Errorf("namespaces: %q", out)
	}
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"events nothing", `there is neither a Job nor a Run "nothing" in namespace default`, ExitFailed},
		{"events hello -A", "a name is of one namespace", ExitUsage},
		{"events --types odd", "--types=odd: must be Normal, Warning or both", ExitUsage},
		{"events a b", `"b" is too much`, ExitUsage},
		{"describe events a", `there is no resource type "events"`, ExitUsage},
		{"delete namespaces default", `there is no resource type "namespaces"`, ExitUsage},
	} {
		if r := h.run(tt.args); r.code != tt.code || !strings.Contains(r.err, tt.want) {
			t.Errorf("%s: %+v", tt.args, r)
		}
	}
}

// The watch shows what comes and changes; what goes, because its Run is pruned, is no news.
func TestEventsWatch(t *testing.T) {
	h := build(t)
	h.ok("apply -f", h.file("hello.yaml", hello))
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		Main(ctx, strings.Fields("events hello -w --no-headers"), h.io(strings.NewReader(""), write, io.Discard))
		write.Close()
	})
	lines := bufio.NewScanner(read)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("got %q, want %s", lines.Text(), want)
		}
	}
	expect("the Job was created")
	first := strings.TrimPrefix(strings.Fields(h.ok("trigger hello"))[0], "run.horae/")
	expect("triggered by hand")
	h.setRun(first, func(s *v1.RunStatus) { s.Reason, s.Message = "NoOffers", "Mesos has offered nothing yet" })
	expect("NoOffers")
	h.ok("delete run " + first)
	h.ok("trigger hello")
	expect("triggered by hand")
	cancel()
	read.Close()
	running.Wait()
}
