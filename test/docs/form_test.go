package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns keeps pages readable as text: in an editor, in a review, in a terminal.
const maxColumns = 140

// TestLinesAreShort also covers tables: what needs a longer row needs a section behind the table.
func TestLinesAreShort(t *testing.T) {
	for _, page := range pages(t) {
		for i, line := range strings.Split(read(t, page), "\n") {
			if n := utf8.RuneCountInString(line); n > maxColumns {
				t.Errorf("%s:%d: %d columns, at most %d", page, i+1, n, maxColumns)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// TestLinksLeadSomewhere: to a file of the repository and, with a fragment, to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	checked := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			checked++
			file, fragment, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: link to %s: there is no such file", page, m[1])
				continue
			}
			if fragment != "" && !hasHeading(read(t, target), fragment) {
				t.Errorf("%s: link to %s: there is no such heading", page, m[1])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// hasHeading compares as GitHub makes fragments of headings: in small letters, without punctuation, blanks as dashes.
func hasHeading(text, fragment string) bool {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		slug := strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), ""), " ", "-")
		if slug == fragment {
			return true
		}
	}
	return false
}

// TestREADMEListsEveryPage of docs, but not each decision.
func TestREADMEListsEveryPage(t *testing.T) {
	readme := read(t, "README.md")
	for _, page := range pages(t) {
		if path.Dir(page) == "docs" && !strings.Contains(readme, "("+page+")") {
			t.Errorf("README.md does not link to %s", page)
		}
	}
}

// TestPathsExist: what a page names as a file or a folder of the repository is there.
func TestPathsExist(t *testing.T) {
	member := regexp.MustCompile(`\.[A-Z]\w*$`) // as in controllers/job.Plan
	quoted := regexp.MustCompile("`((?:api|cmd|config|controllers|docs|hack|internal|manifests|test)/[A-Za-z0-9_./-]*)[` ]")
	checked := 0
	for _, page := range pages(t) {
		for _, m := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
			checked++
			named := member.ReplaceAllString(m[1], "")
			if strings.Contains(named, "/thing") { // docs/adding-a-kind.md adds one of that name.
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(named))); err != nil {
				t.Errorf("%s names %s, which does not exist", page, named)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d paths were found", checked)
	}
}

// TestTestsThatAreNamedExist: a promise that names its test is worth what the test is.
func TestTestsThatAreNamedExist(t *testing.T) {
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
	for file, text := range textFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			for _, m := range function.FindAllStringSubmatch(text, -1) {
				known[m[1]] = true
			}
		}
	}
	name := regexp.MustCompile(`\bTest[A-Z]\w+`)
	checked := 0
	for _, page := range pages(t) {
		for _, test := range name.FindAllString(read(t, page), -1) {
			checked++
			if !known[test] {
				t.Errorf("%s names %s, which does not exist", page, test)
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d tests were found", checked)
	}
}
