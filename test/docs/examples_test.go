package docs

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"horae/api"
	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/calendar"
)

// root is the repository, as seen from this package.
const root = "../.."

// pagesWithExamples hold YAML documents that users copy. Each page must have one at least: a page without any is a page whose
// blocks this test does not recognise.
var pagesWithExamples = []string{"README.md", "docs/jobs.md", "docs/tasks.md", "docs/calendars.md", "docs/etcd.md"}

// TestExamplesAreValid: every document in the documentation decodes and is valid, as the server would have it. Blocks without
// a kind are fragments of a document.
func TestExamplesAreValid(t *testing.T) {
	for _, page := range pages(t) {
		checked := 0
		for _, block := range documents(read(t, page)) {
			checked++
			if strings.Contains(block.text, "limits: 3") { // docs/etcd.md shows what a mistake leads to.
				continue
			}
			objects, err := api.Parse([]byte(block.text))
			if err != nil {
				t.Errorf("%s:%d: %v", page, block.line, err)
				continue
			}
			for _, object := range objects {
				api.SetDefaults(object)
				var err error
				switch o := object.(type) {
				case *v1.Job:
					o.Name = "example"
					err = job.Validate(o).ToAggregate()
				case *v1.Calendar:
					err = calendar.Validate(o).ToAggregate()
				}
				if err != nil {
					t.Errorf("%s:%d: %v", page, block.line, err)
				}
			}
		}
		for _, want := range pagesWithExamples {
			if page == want && checked == 0 {
				t.Errorf("%s: no example was found", page)
			}
		}
	}
}

// TestJobsPageHasEveryField: docs/jobs.md names each field of a Job's spec that is not described on a page of its own.
func TestJobsPageHasEveryField(t *testing.T) {
	text := read(t, "docs/jobs.md")
	var check func(at reflect.Type)
	check = func(at reflect.Type) {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		switch at {
		case reflect.TypeFor[v1.TaskSpec](), reflect.TypeFor[v1.Duration]():
			return
		}
		if at.Kind() != reflect.Struct {
			return
		}
		for _, f := range reflect.VisibleFields(at) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				continue // embedded: its fields are among the visible ones
			}
			named := regexp.MustCompile("`([a-zA-Z]+\\.)*" + name + "[`.]") // `retries`, `exitCodes.never`
			if !named.MatchString(text) {
				t.Errorf("docs/jobs.md does not describe the field %s of %s", name, at.Name())
			}
			check(f.Type)
		}
	}
	check(reflect.TypeFor[v1.JobSpec]())
}

// block is a fenced block of a page, from its line on.
type block struct {
	line int
	text string
}

// documents are the YAML documents of a page: blocks of YAML, and here-documents within blocks of shell commands.
func documents(text string) []block {
	var found []block
	var fence, end string
	var current *block
	for i, line := range strings.Split(text, "\n") {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "```"):
			if fence == "" {
				fence = strings.TrimPrefix(trimmed, "```") + " "
				if fence == "yaml " {
					current = &block{line: i + 1}
				}
			} else {
				found, current, fence = keep(found, current), nil, ""
			}
		case current != nil && end != "" && line == end:
			found, current, end = keep(found, current), nil, ""
		case current != nil:
			current.text += line + "\n"
		case fence != "" && strings.Contains(line, "<<'"):
			_, end, _ = strings.Cut(line, "<<'")
			end, _, _ = strings.Cut(end, "'")
			current = &block{line: i + 1}
		}
	}
	return found
}

// keep adds a block that holds a document.
func keep(found []block, b *block) []block {
	if b == nil || !strings.Contains("\n"+b.text, "\nkind:") {
		return found
	}
	return append(found, *b)
}

// pages are the Markdown files of the repository, by their paths from its root.
func pages(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && rel != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			list = append(list, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("found %d pages only: %v", len(list), list)
	}
	return list
}

func read(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
