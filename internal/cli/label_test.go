package cli

import (
	"maps"
	"strings"
	"testing"
)

func TestLabelAndAnnotate(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.apply(strings.ReplaceAll(hello, "name: hello", "name: other"))
	for _, tc := range []struct {
		line, out, err string
		code           int
	}{
		{line: "label job hello tier=gold", out: "job.horae/hello labeled\n"},
		{line: "label job hello tier=gold", out: "job.horae/hello not labeled\n"},
		{line: "label job/hello tier=lead", code: ExitFailed, err: "error: job.horae/hello: \"tier\" already has a value (gold), and --overwrite is false\n"},
		{line: "label job/hello tier=lead --overwrite --dry-run=server", out: "job.horae/hello labeled (server dry run)\n"},
		{line: "label job/hello tier=lead --overwrite --dry-run=client", out: "job.horae/hello labeled (dry run)\n"},
		{line: "label job/hello tier=lead --overwrite", out: "job.horae/hello labeled\n"},
		{line: "label jobs --all site=a", out: "job.horae/hello labeled\njob.horae/other labeled\n"},
		{line: "label jobs -l tier=lead site-", out: "job.horae/hello unlabeled\n"},
		{line: "label jobs site-", code: ExitUsage, err: "error: which jobs must be given: either names, or -l LABELS or --all\n"},
		{line: "label job hello", code: ExitUsage, err: "error: what to set must be given: KEY=VALUE, or KEY- to remove\n"},
		{line: "label job hello a=b other", code: ExitUsage, err: "error: \"other\": must be KEY=VALUE or KEY-\n"},
		{line: "label job hello a=b a-", code: ExitUsage, err: "error: \"a\" is given twice\n"},
		{line: "annotate job hello example.com/runbook=https://example.com/?a=b", out: "job.horae/hello annotated\n"},
		{line: "annotate job hello none-", out: "job.horae/hello not annotated\n"},
	} {
		if r := h.run(tc.line); r.code != tc.code || r.out != tc.out || r.err != tc.err {
			t.Errorf("%s: exit %d %q %q", tc.line, r.code, r.out, r.err)
		}
	}
	if r := h.run("label job hello -bad=x"); r.code != ExitUsage {
		t.Errorf("a flag: exit %d", r.code)
	}
	if r := h.run("label job hello b~d=x"); r.code != ExitFailed || !strings.Contains(r.err, "metadata.labels") {
		t.Errorf("a key that is none: exit %d %s", r.code, r.err)
	}
	j := h.cache.Job("default", "hello").Object
	if want := map[string]string{"team": "data", "tier": "lead"}; !maps.Equal(j.Labels, want) {
		t.Errorf("labels %v, want %v", j.Labels, want)
	}
	if got := j.Annotations["example.com/runbook"]; got != "https://example.com/?a=b" {
		t.Errorf("annotation %q", got)
	}
}
