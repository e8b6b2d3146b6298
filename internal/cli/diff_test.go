package cli

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	h := build(t)
	if r := h.runWith(t.Context(), hello, "diff", "-f", "-"); r.code != ExitFailed || r.err != "" ||
		!strings.Contains(r.out, "--- live/default/job.horae/hello\n+++ merged/default/job.horae/hello\n") || !strings.Contains(r.out, "\n+    shell: echo hello\n") {
		t.Errorf("of a new object: exit %d\n%s%s", r.code, r.out, r.err)
	}
	if h.cache.Job("default", "hello") != nil {
		t.Fatal("diff has created it")
	}
	h.apply(hello)
	before := h.cache.Job("default", "hello").Rev
	if r := h.runWith(t.Context(), hello, "diff", "-f", "-"); r.code != ExitDone || r.out+r.err != "" {
		t.Errorf("of the same: exit %d\n%s%s", r.code, r.out, r.err)
	}
	other := strings.ReplaceAll(strings.ReplaceAll(hello, "echo hello", "echo bye"), "  timeZone: Europe/Berlin\n", "")
	r := h.runWith(t.Context(), other, "diff", "-f", "-")
	if r.code != ExitFailed || r.err != "" {
		t.Errorf("exit %d %s", r.code, r.err)
	}
	golden(t, "diff", r.out)
	if h.cache.Job("default", "hello").Rev != before {
		t.Error("diff has written")
	}
	if r := h.runWith(t.Context(), strings.ReplaceAll(hello, "shell:", "shel:"), "diff", "-f", "-"); r.code != exitTrouble || !strings.Contains(r.err, "shel") {
		t.Errorf("of a mistake: exit %d\n%s", r.code, r.err)
	}
	if r := h.run("diff"); r.code != ExitUsage {
		t.Errorf("without -f: exit %d", r.code)
	}
}
