package arch

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"horae/internal/cli"
)

// root of the repository.
const root = "../.."

// texts visits every file of the repository that people read and that has one of the endings, line by line. File names count from the
// root, line numbers from 1.
func texts(t *testing.T, visit func(file string, number int, line string), endings ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(name, root), "/"))
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == "testdata" || rel == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		for _, e := range endings {
			if !strings.HasSuffix(rel, e) || strings.HasPrefix(d.Name(), "zz_generated") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			files++
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				visit(rel, number, strings.TrimRight(line, "\n"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatalf("no files with the endings %v: the rule has lost its subject", endings)
	}
}

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)[^)]*\)`)
	heading = regexp.MustCompile(`^#+ +(.*)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	cited   = regexp.MustCompile(`(?:^|[^\w./-])((?:docs|manifests|hack|test|internal|controllers|cmd|api)/[\w./-]+\.(?:md|yaml|sh|go))\b`)
	page    = regexp.MustCompile(`(?:^|[^\w./-])(docs/[\w./-]+\.md)\b`)
)

// anchors are what a link can name in a page: its headings, as GitHub spells them.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	found, fenced := map[string]bool{}, false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if m := heading.FindStringSubmatch(strings.TrimSpace(line)); m != nil && !fenced {
			title := link.ReplaceAllStringFunc(m[1], func(l string) string { return l[1:strings.Index(l, "]")] })
			found[strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(title), ""), " ", "-")] = true
		}
	}
	return found
}

// TestLinksLead: every link within the repository leads to a file that is there, and to a heading that is there.
func TestLinksLead(t *testing.T) {
	followed := 0
	outside(t, func(file string, number int, line string) {
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			u, err := url.Parse(m[1])
			if err != nil || u.Scheme != "" {
				continue
			}
			followed++
			target := file
			if u.Path != "" {
				target = path.Join(path.Dir(file), u.Path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s:%d: a link to %s, which is not there", file, number, m[1])
				continue
			}
			if u.Fragment != "" && strings.HasSuffix(target, ".md") && !anchors(t, target)[u.Fragment] {
				t.Errorf("%s:%d: a link to %s: the page has no such heading", file, number, m[1])
			}
		}
	})
	if followed == 0 {
		t.Error("no link was followed")
	}
}

// outside visits the lines of Markdown that are not within a code block.
func outside(t *testing.T, visit func(file string, number int, line string)) {
	t.Helper()
	fenced := false
	texts(t, func(file string, number int, line string) {
		switch {
		case number == 1:
			fenced = strings.HasPrefix(line, "```")
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		}
		if !fenced {
			visit(file, number, line)
		}
	}, ".md")
}

// TestCitedFilesAreThere: what a page, a comment or a message refers to can be found.
func TestCitedFilesAreThere(t *testing.T) {
	check := func(pattern *regexp.Regexp) func(string, int, string) {
		return func(file string, number int, line string) {
			for _, m := range pattern.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
					t.Errorf("%s:%d: %s is not there", file, number, m[1])
				}
			}
		}
	}
	texts(t, check(cited), ".md")
	texts(t, check(page), ".go", ".sh", ".yaml", "Makefile")
}

var (
	target  = regexp.MustCompile(`^([a-z0-9-]+):`)
	span    = regexp.MustCompile("`([^`]+)`")
	makes   = regexp.MustCompile(`(?:^|[;&|] *|\$ )make ((?:[A-Za-z0-9_=./-]+ *)+)`)
	suite   = regexp.MustCompile("(?:`make ([a-z0-9-]+)|\\bmake ((?:test|e2e|robustness|perturb|fuzz|bench|verify)(?:-[a-z0-9-]+)?)\\b)")
	horae   = regexp.MustCompile(`(?:^|[;&|(] *|\$ )(?:bin/|\./bin/)?horae((?: +[^;&|#)]+)?)`)
	hint    = regexp.MustCompile("[`\"']horae ([a-z][a-z-]*)[^`\"']*[`\"']")
	command = regexp.MustCompile(`^[a-z][a-z-]*$`)
	flag    = regexp.MustCompile(`^--[a-z][a-z-]*`)
)

// code visits what stands in Markdown as code: lines of code blocks, and spans.
func code(t *testing.T, visit func(file string, number int, text string)) {
	t.Helper()
	fenced := false
	texts(t, func(file string, number int, line string) {
		if number == 1 {
			fenced = false
		}
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		case fenced:
			visit(file, number, strings.TrimSpace(line))
		default:
			for _, m := range span.FindAllStringSubmatch(line, -1) {
				visit(file, number, m[1])
			}
		}
	}, ".md")
}

// TestTargetsOfMakeAreThere: no page, comment or message names a target of make that is not in the Makefile.
func TestTargetsOfMakeAreThere(t *testing.T) {
	targets := map[string]bool{}
	texts(t, func(_ string, _ int, line string) {
		if m := target.FindStringSubmatch(line); m != nil {
			targets[m[1]] = true
		}
	}, "Makefile")
	named := 0
	check := func(file string, number int, name string) {
		if named++; !targets[name] {
			t.Errorf("%s:%d: the Makefile has no target %s", file, number, name)
		}
	}
	code(t, func(file string, number int, text string) {
		for _, m := range makes.FindAllStringSubmatch(text, -1) {
			for name := range strings.FieldsSeq(m[1]) {
				if command.MatchString(name) {
					check(file, number, name)
				}
			}
		}
	})
	texts(t, func(file string, number int, line string) {
		for _, m := range suite.FindAllStringSubmatch(line, -1) {
			check(file, number, m[1]+m[2])
		}
	}, ".go", ".sh", ".yaml", ".ci/run")
	if named == 0 {
		t.Error("nobody names a target of make")
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

// TestCommandsOfHoraeAreThere: no page, comment or message names a command of horae, and no page a flag, that does not exist.
func TestCommandsOfHoraeAreThere(t *testing.T) {
	named, known := 0, map[string]string{}
	helpOf := func(file string, number int, name string) string {
		if _, ok := known[name]; !ok {
			known[name] = help(name)
		}
		if named++; known[name] == "" {
			t.Errorf("%s:%d: there is no command horae %s", file, number, name)
		}
		return known[name]
	}
	code(t, func(file string, number int, text string) {
		for _, m := range horae.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			if len(words) == 0 || !command.MatchString(words[0]) {
				continue
			}
			says := helpOf(file, number, words[0])
			for _, w := range words[1:] {
				if w == "--" {
					break
				}
				if f := flag.FindString(w); f != "" && says != "" && !regexp.MustCompile(f+`\b`).MatchString(says) {
					t.Errorf("%s:%d: horae %s has no flag %s", file, number, words[0], f)
				}
			}
		}
	})
	texts(t, func(file string, number int, line string) {
		if strings.HasSuffix(file, "_test.go") { // what a test prints or expects is no hint
			return
		}
		for _, m := range hint.FindAllStringSubmatch(line, -1) {
			helpOf(file, number, m[1])
		}
	}, ".go", ".sh", ".yaml")
	if named == 0 {
		t.Error("nobody names a command of horae")
	}
}
