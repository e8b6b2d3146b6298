package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandsExist: documentation, comments and messages name no command of horae and no target of make that does not exist.
func TestCommandsExist(t *testing.T) {
	commands := map[string]bool{"COMMAND": true}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[a-z].*?) \\|").FindAllStringSubmatch(read(t, "docs/cli.md"), -1) {
		for _, name := range regexp.MustCompile("`([a-z]+)").FindAllStringSubmatch(m[1], -1) {
			commands[name[1]] = true
		}
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	if len(commands) < 10 || len(targets) < 10 {
		t.Fatalf("found the commands %v and the targets %v only", commands, targets)
	}
	uses := regexp.MustCompile("`(horae|make) ([A-Za-z][A-Za-z0-9-]*)[^`\n]*`")
	checked := 0
	for path, text := range textFiles(t) {
		for _, m := range uses.FindAllStringSubmatch(text, -1) {
			checked++
			if known := map[string]map[string]bool{"horae": commands, "make": targets}[m[1]]; !known[m[2]] {
				t.Errorf("%s names `%s %s`, which does not exist", path, m[1], m[2])
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d commands were found", checked)
	}
}

// foreign pages are Mesos's own.
var foreign = map[string]bool{"task-state-reasons.md": true}

// TestPagesThatAreNamedExist: a comment or a page that names a Markdown file names one of the repository.
func TestPagesThatAreNamedExist(t *testing.T) {
	known := map[string]bool{}
	for _, page := range pages(t) {
		known[filepath.Base(page)] = true
	}
	name := regexp.MustCompile(`[A-Za-z0-9_-]+\.md\b`)
	for path, text := range textFiles(t) {
		for _, m := range name.FindAllStringIndex(text, -1) {
			page := text[m[0]:m[1]]
			line := text[strings.LastIndexByte(text[:m[0]], '\n')+1:]
			line, _, _ = strings.Cut(line, "\n")
			if !known[page] && !foreign[page] && !strings.Contains(line, "h.file(") && !strings.Contains(line, "://") {
				t.Errorf("%s names %s, which is not in the repository: %s", path, page, strings.TrimSpace(line))
			}
		}
	}
}

// textFiles are the pages, the Go files and the scripts of the repository, by their paths from its root. This package is left out: it
// is about names that do not exist.
func textFiles(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{"Makefile": read(t, "Makefile")}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch rel = filepath.ToSlash(rel); {
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || rel == "test/docs" || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.IsDir() && (strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, ".md") || strings.HasSuffix(rel, ".sh") || strings.HasSuffix(rel, ".yaml")):
			data, err := os.ReadFile(path)
			found[rel] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
