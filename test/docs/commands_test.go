package docs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"horae/internal/cli"
)

var (
	target  = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	span    = regexp.MustCompile("`([^`]+)`")
	makes   = regexp.MustCompile(`(?:^|[;&|] *|\$ )make ((?:[A-Za-z0-9_=./-]+ *)+)`)
	suite   = regexp.MustCompile("`make ([a-z0-9-]+)|\\bmake ((?:test|e2e|robustness|perturb|fuzz|bench|verify)(?:-[a-z0-9-]+)?)\\b")
	horae   = regexp.MustCompile(`(?:^|[;&|(] *|\$ )(?:bin/|\./bin/)?horae((?: +[^;&|#)]+)?)`)
	hint    = regexp.MustCompile("[`\"']horae ([a-z][a-z-]*)[^`\"']*[`\"']")
	command = regexp.MustCompile(`^[a-z][a-z-]*$`)
	flag    = regexp.MustCompile(`^--[a-z][a-z-]*`)
)

// code visits what stands on the pages as code: lines of fenced blocks, and spans.
func code(t *testing.T, visit func(where, text string)) {
	t.Helper()
	for _, page := range pages(t) {
		fence := false
		for i, line := range strings.Split(read(t, page), "\n") {
			where := fmt.Sprintf("%s:%d", page, i+1)
			switch {
			case strings.HasPrefix(strings.TrimSpace(line), "```"):
				fence = !fence
			case fence:
				visit(where, strings.TrimSpace(line))
			default:
				for _, m := range span.FindAllStringSubmatch(line, -1) {
					visit(where, m[1])
				}
			}
		}
	}
}

// TestTargetsOfMakeExist: no page, comment or message names a target of make that is not in the Makefile.
func TestTargetsOfMakeExist(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	checked := 0
	check := func(where, name string) {
		if checked++; !targets[name] {
			t.Errorf("%s names `make %s`, which does not exist", where, name)
		}
	}
	code(t, func(where, text string) {
		for _, m := range makes.FindAllStringSubmatch(text, -1) {
			for name := range strings.FieldsSeq(m[1]) {
				if command.MatchString(name) {
					check(where, name)
				}
			}
		}
	})
	for path, text := range textFiles(t) {
		for _, m := range suite.FindAllStringSubmatch(text, -1) {
			check(path, m[1]+m[2])
		}
	}
	if checked < 30 {
		t.Errorf("only %d targets were found", checked)
	}
}

// help is what `horae COMMAND --help` prints, "" where there is no such command.
func help(name string) string {
	var out bytes.Buffer
	streams := cli.IO{In: strings.NewReader(""), Out: &out, Err: io.Discard, Env: func(string) (string, bool) { return "", false }}
	if cli.Main(context.Background(), []string{name, "--help"}, streams) != cli.ExitDone {
		return ""
	}
	return out.String()
}

// TestCommandsExist: no page, comment or message names a command of horae, and no page a flag of one, that does not exist.
func TestCommandsExist(t *testing.T) {
	checked, known := 0, map[string]string{}
	helpOf := func(where, name string) string {
		if _, ok := known[name]; !ok {
			known[name] = help(name)
		}
		if checked++; known[name] == "" {
			t.Errorf("%s names `horae %s`, which does not exist", where, name)
		}
		return known[name]
	}
	code(t, func(where, text string) {
		for _, m := range horae.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			if len(words) == 0 || !command.MatchString(words[0]) {
				continue
			}
			says := helpOf(where, words[0])
			for _, w := range words[1:] {
				if w == "--" {
					break
				}
				if f := flag.FindString(w); f != "" && says != "" && !regexp.MustCompile(f+`\b`).MatchString(says) {
					t.Errorf("%s: horae %s has no flag %s", where, words[0], f)
				}
			}
		}
	})
	for path, text := range textFiles(t) {
		if strings.HasSuffix(path, "_test.go") { // what a test prints or expects is no hint
			continue
		}
		for line := range strings.Lines(text) {
			for _, m := range hint.FindAllStringSubmatch(line, -1) {
				helpOf(path, m[1])
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d commands were found", checked)
	}
}

var cited = regexp.MustCompile(`(?:^|[^\w./-])((?:manifests|hack|test|internal|controllers|cmd|api)/[\w./-]+\.(?:yaml|sh|go))\b`)

// TestFilesThatAreNamedExist: what a page refers to can be found.
func TestFilesThatAreNamedExist(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range cited.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
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
