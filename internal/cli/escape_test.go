package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode"

	v1 "horae/api/v1"
)

func TestEscaper(t *testing.T) {
	for in, want := range map[string]string{
		"plain, ü, €, 🚀\n\ttabs stay": "plain, ü, €, 🚀\n\ttabs stay",
		"\x1b[31mred\x07\r\x00\x7f":   `\u001b[31mred\u0007\u000d\u0000\u007f`,
		"\u009b31m of C1, \u00a0":     `\u009b31m of C1, ` + "\u00a0",
		"not UTF-8: \xff\xc2":         "not UTF-8: \xff",
	} {
		var whole, bytewise bytes.Buffer
		_, _ = io.WriteString(&escaper{w: &whole}, in)
		one := &escaper{w: &bytewise}
		for _, b := range []byte(in) {
			_, _ = one.Write([]byte{b})
		}
		if whole.String() != want {
			t.Errorf("%q: got %q, want %q", in, whole.String(), want)
		}
		if got := strings.ToValidUTF8(bytewise.String(), "?"); got != strings.ToValidUTF8(want, "?") {
			t.Errorf("%q byte by byte: got %q, want %q", in, got, want)
		}
	}
}

// TestControlCharactersOfOthers: what tasks and manifests say does not speak to the terminal.
func TestControlCharactersOfOthers(t *testing.T) {
	const bad = "a\x1b]0;title\x07\u009b31mz"
	h := build(t)
	manifest := map[string]any{
		"apiVersion": "horae/v1", "kind": "Job", "metadata": map[string]any{"name": "hello", "annotations": map[string]any{"note": bad}},
		"spec": map[string]any{"description": bad, "task": map[string]any{"command": []string{"echo"}, "args": []string{bad}}},
	}
	doc, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if r := h.apply(strings.ReplaceAll(string(doc), "\u009b", `\u009b`)); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	h.ok("trigger hello")
	h.setRun(firstRun, func(s *v1.RunStatus) {
		phaseWith(v1.RunFailed, attempt("1", v1.RunFailed, 1))(s)
		s.Reason, s.Message, s.Attempts[0].Hostname, s.Attempts[0].Message = bad, bad, bad, bad
	})
	for _, line := range []string{
		"describe job hello", "describe run " + firstRun, "get runs", "get runs -o wide", "get job hello -o json", "get job hello -o yaml",
		"get run " + firstRun + " -o yaml", "get run " + firstRun + " -o json", "delete job " + bad, "get job " + bad,
	} {
		r := h.run(line)
		if i := strings.IndexFunc(r.out+r.err, func(c rune) bool { return unicode.IsControl(c) && c != '\n' }); i >= 0 {
			t.Errorf("horae %s writes %q", line, (r.out + r.err)[max(0, i-10):min(len(r.out+r.err), i+10)])
		}
		if !strings.Contains(r.out+r.err, "title") {
			t.Errorf("horae %s: the text is missing: %s%s", line, r.out, r.err)
		}
	}
	var job v1.Job
	if err := json.Unmarshal([]byte(h.ok("get job hello -o json")), &job); err != nil || job.Spec.Description != bad {
		t.Errorf("as JSON it is another text: %q, %v", job.Spec.Description, err)
	}
	if got := h.ok("get job hello -o jsonpath={.spec.description}"); got != bad {
		t.Errorf("a template for a script: %q", got)
	}
	h.logs.log = func(w io.Writer, _ v1.Attempt, _ string) error {
		_, err := io.WriteString(w, bad)
		return err
	}
	if got := h.ok("logs hello"); got != bad {
		t.Errorf("a log: %q", got)
	}
}
