package cli

import (
	"strings"
	"testing"
)

func TestCustomColumns(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.apply(strings.ReplaceAll(strings.ReplaceAll(hello, "name: hello", "name: a-longer-name"), "labels: {team: data}", "labels: {team: web}"))
	file := h.file("columns", "NAME            ZONE\n{.metadata.name} .spec.timeZone\n")
	for _, tc := range []struct{ line, want string }{
		{"get jobs -o custom-columns=NAME:.metadata.name,TEAM:.metadata.labels.team,NONE:.spec.nothing",
			"NAME           TEAM   NONE\na-longer-name  web    <none>\nhello          data   <none>\n"},
		{"get job hello -o custom-columns=NAME:metadata.name --no-headers", "hello\n"},
		{"get job hello -o custom-columns-file=" + file, "NAME    ZONE\nhello   Europe/Berlin\n"},
	} {
		if got := h.ok(tc.line); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(tc.want), " ") {
			t.Errorf("%s:\n%s", tc.line, got)
		}
	}
	for line, want := range map[string]string{
		"get jobs -o custom-columns=NAME":                 "must be HEADER:PATH",
		"get jobs -o custom-columns=":                     "must be HEADER:PATH",
		"get jobs -o custom-columns=NAME:{.metadata":      "unclosed action",
		"get jobs -o custom-columns-file=/does/not/exist": "no such file",
	} {
		if r := h.run(line); r.code != ExitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit %d %s", line, r.code, r.err)
		}
	}
}
