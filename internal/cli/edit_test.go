package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// editor makes a program that the command runs as the editor: a script, with the file as $1. It has a folder of its own in $TMPDIR.
func (h *house) editor(script string) {
	h.t.Helper()
	path := h.file("editor.sh", "#!/bin/sh\n"+script)
	if err := os.Chmod(path, 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.env["EDITOR"] = path
}

func TestEdit(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h := build(t)
	h.apply(hello)
	h.editor(`sed -i 's/echo hello/echo edited/; s/  timeZone: .*//' "$1"`)
	if got, want := h.ok("edit job hello"), "job.horae/hello edited\n"; got != want {
		t.Errorf("got %q", got)
	}
	j := h.cache.Job("default", "hello").Object
	if j.Spec.Task.Shell != "echo edited" || j.Spec.TimeZone != "Etc/UTC" || j.Spec.Schedule != "0 2 * * *" || j.Annotations[lastApplied] == "" {
		t.Errorf("saved %+v", j)
	}
	h.editor(`cp "$1" "` + h.env["HOME"] + `/shown"`)
	if r := h.run("edit job/hello"); r.code != ExitDone || r.err != "Edit cancelled, no changes made.\n" {
		t.Errorf("without a change: exit %d %q", r.code, r.err)
	}
	shown, err := os.ReadFile(h.env["HOME"] + "/shown")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "edit", string(shown))
	h.editor(`: > "$1"`)
	if r := h.run("edit job/hello"); r.code != ExitDone || r.err != "Edit cancelled, no changes made.\n" {
		t.Errorf("an empty file: exit %d %q", r.code, r.err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
}

// The editor opens again with the reasons and the person's text, and what cannot be saved is kept.
func TestEditThatIsRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, tc := range map[string]struct{ break1, shows string }{
		"a value that is wrong":    {`s/0 2 \* \* \*/0 25 * * */`, "spec.schedule"},
		"a field that is not one":  {`s/shell:/shel:/`, "shel"},
		"what is no YAML":          {`s/^spec:/spec/`, "line"},
		"another name":             {`s/name: hello/name: other/`, "cannot be changed"},
		"a list in place of text":  {`s/shell: .*/shell: []/`, "shell"},
		"a manifest without kinds": {`s/^kind: .*//`, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t)
			h.apply(hello)
			first := h.env["HOME"] + "/first"
			h.editor(fmt.Sprintf(`if [ -e %[1]s ]; then cp "$1" %[1]s.again; sed -i '/^#/d' "$1"; else touch %[1]s; sed -i '%[2]s' "$1"; fi`, first, tc.break1))
			r := h.run("edit job hello")
			if r.code != ExitFailed || !strings.Contains(r.err, "your file is kept in ") {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
			again, err := os.ReadFile(first + ".again")
			if err != nil {
				t.Fatal(err)
			}
			head, text, _ := strings.Cut(string(again), "\n#\n# ")
			if !strings.Contains(head+text, tc.shows) {
				t.Errorf("it does not show %q:\n%s", tc.shows, again)
			}
			_, file, _ := strings.Cut(strings.TrimSpace(r.err), "kept in ")
			if kept, err := os.ReadFile(file); err != nil || len(kept) == 0 {
				t.Errorf("the file is not kept: %v", err)
			}
			if j := h.cache.Job("default", "hello").Object; j.Generation != 1 {
				t.Error("something was written")
			}
		})
	}
}
