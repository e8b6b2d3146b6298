package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

func TestLogsTail(t *testing.T) {
	h := build(t)
	h.apply(hello)
	for _, line := range []string{"short", strings.Repeat("a longer line ", 1000)} { // the second log needs several reads
		for _, end := range []string{"", "\n"} {
			var lines []string
			for i := range 100 {
				lines = append(lines, fmt.Sprintf("%d %s\n", i, line))
			}
			lines[99] = strings.TrimSuffix(lines[99], "\n") + end
			h.logs.log = func(w io.Writer, _ v1.Attempt, _ string) error {
				_, err := io.WriteString(w, strings.Join(lines, ""))
				return err
			}
			name := h.created("hello", now)
			h.setRun(name, func(s *v1.RunStatus) {
				s.Phase, s.Attempts = v1.RunSucceeded, []v1.Attempt{{TaskID: "1", AgentID: "S0", AgentURL: "http://agent:5051", State: v1.RunSucceeded}}
			})
			for _, follow := range []string{"", " -f"} {
				for _, n := range []int{0, 1, 40, 99, 100, 101, -1} {
					want := strings.Join(lines[100-min(max(n, 0), 100):], "")
					if n < 0 {
						want = strings.Join(lines, "")
					}
					if got := h.ok(fmt.Sprintf("logs %s --tail %d%s", name, n, follow)); got != want {
						t.Errorf("--tail %d%s of %q: %d bytes, want %d", n, follow, line[:5], len(got), len(want))
					}
				}
			}
			h.ok("delete run " + name)
		}
	}
}

func TestLogsOfLabels(t *testing.T) {
	h := build(t)
	h.apply(hello)
	var names []string
	for i := range 3 {
		name := h.created("hello", now.AddDate(0, 0, i))
		names = append(names, name)
		if i < 2 {
			h.setRun(name, func(s *v1.RunStatus) {
				s.Phase, s.Attempts = v1.RunSucceeded, []v1.Attempt{{TaskID: fmt.Sprint(i), AgentID: "S0", AgentURL: "http://agent:5051", State: v1.RunSucceeded}}
			})
		}
	}
	h.logs.log = func(w io.Writer, at v1.Attempt, file string) error {
		_, err := fmt.Fprintf(w, "first\n%s of %s\n", file, at.TaskID)
		return err
	}
	want := fmt.Sprintf("==> run.horae/%s <==\nstdout of 0\n==> run.horae/%s <==\nstdout of 1\n", names[0], names[1])
	if got := h.ok("logs -l horae/job=hello --tail 1"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if r := h.run("logs -l horae/job=none"); r.code != ExitDone || !strings.Contains(r.err, "have begun") {
		t.Errorf("none: exit %d %s", r.code, r.err)
	}
	for _, line := range []string{"logs", "logs a b", "logs a -l x=y", "logs -l x=y -f", "logs -l x=y --attempt 1", "logs a --tail -2"} {
		if r := h.run(line); r.code != ExitUsage {
			t.Errorf("%s: exit %d", line, r.code)
		}
	}
}
