package cli

import (
	"strings"
	"testing"
)

func TestCreate(t *testing.T) {
	h := build(t)
	for _, tc := range []struct {
		line, out, err string
		code           int
	}{
		{line: "create -f - --dry-run=client", out: "job.horae/hello created (dry run)\n"},
		{line: "create -f - --dry-run=server", out: "job.horae/hello created (server dry run)\n"},
		{line: "create -f - -o name", out: "job.horae/hello\n"},
		{line: "create -f -", code: ExitFailed, err: `STDIN: Error from server (AlreadyExists): jobs.horae "hello" already exists` + "\n"},
		{line: "apply -f - --dry-run=client", out: "job.horae/hello configured (dry run)\n",
			err: "Warning: job.horae/hello was not made by apply: what it has and the file has not stays\n"},
		{line: "delete -f - --dry-run=client", out: "job.horae \"hello\" deleted (dry run)\n"},
		{line: "trigger hello --dry-run=client", code: ExitUsage,
			err: "error: --dry-run=client: only the server knows what Run it would be: give --dry-run=server\n"},
		{line: "suspend hello --dry-run=client", out: "job.horae/hello suspended (dry run)\n"},
	} {
		if r := h.runWith(t.Context(), hello, strings.Fields(tc.line)...); r.code != tc.code || r.out != tc.out || r.err != tc.err {
			t.Errorf("%s: exit %d %q %q", tc.line, r.code, r.out, r.err)
		}
	}
	if j := h.cache.Job("default", "hello").Object; j.Generation != 1 || j.Annotations != nil {
		t.Errorf("a dry run wrote something: %+v", j.ObjectMeta)
	}
	if got := h.ok("apply --dry-run=client -o jsonpath={.spec.task.shell} -f", h.file("x.yaml", strings.ReplaceAll(hello, "echo hello", "echo x"))); got != "echo x" {
		t.Errorf("the merged object: %q", got)
	}
}
