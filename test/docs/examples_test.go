package docs

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// TestEveryFieldIsDescribed: docs/jobs.md names each field of a Job and of a Run, docs/tasks.md each of a task.
func TestEveryFieldIsDescribed(t *testing.T) {
	task := reflect.TypeFor[v1.TaskSpec]()
	for _, tc := range []struct {
		page string
		of   reflect.Type
		but  []reflect.Type // described elsewhere, or no structs to a reader
	}{
		{"docs/jobs.md", reflect.TypeFor[v1.JobSpec](), []reflect.Type{
			task, reflect.TypeFor[v1.Duration](),
			reflect.TypeFor[v1.Dependency](), reflect.TypeFor[v1.NotifyRoute](), // not supported yet
		}},
		{"docs/jobs.md", reflect.TypeFor[v1.JobStatus](), []reflect.Type{
			reflect.TypeFor[metav1.Condition](), reflect.TypeFor[v1.Time](), reflect.TypeFor[v1.Completions](), reflect.TypeFor[v1.ParentStatus](),
		}},
		{"docs/dependencies.md", reflect.TypeFor[v1.Completions](), []reflect.Type{reflect.TypeFor[v1.Time]()}},
		{"docs/dependencies.md", reflect.TypeFor[v1.ParentStatus](), []reflect.Type{reflect.TypeFor[v1.Time]()}},
		{"docs/jobs.md", reflect.TypeFor[v1.RunSpec](), []reflect.Type{
			task, reflect.TypeFor[v1.Duration](), reflect.TypeFor[v1.Time](), reflect.TypeFor[v1.EnvVar](),
		}},
		{"docs/jobs.md", reflect.TypeFor[v1.RunStatus](), []reflect.Type{reflect.TypeFor[v1.Time]()}},
		{"docs/tasks.md", task, []reflect.Type{
			reflect.TypeFor[v1.Duration](), reflect.TypeFor[resource.Quantity](), reflect.TypeFor[v1.Container](),
		}},
	} {
		text := read(t, tc.page)
		for _, name := range fieldsOf(tc.of, tc.but) {
			named := regexp.MustCompile("`([a-zA-Z]+\\.)*" + name + "[`.:]") // `retries`, `exitCodes.never`, `hostPort: 0`
			if !named.MatchString(text) {
				t.Errorf("%s does not describe the field %s", tc.page, name)
			}
		}
	}
}

// fieldsOf are the names of all fields of a struct and of the structs in it, but for some types.
func fieldsOf(at reflect.Type, but []reflect.Type) []string {
	for at.Kind() == reflect.Pointer || at.Kind() == reflect.Slice {
		at = at.Elem()
	}
	if at.Kind() != reflect.Struct || slices.Contains(but, at) {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(at) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue // embedded: its fields are among the visible ones
		}
		names = append(append(names, name), fieldsOf(f.Type, but)...)
	}
	return names
}

// TestEveryReasonIsDescribed: docs/jobs.md explains each condition of a Job, and each reason of those and of status.notRun.
func TestEveryReasonIsDescribed(t *testing.T) {
	page := read(t, "docs/jobs.md")
	value := regexp.MustCompile(`(?m)^\t(?:Job|Reason)\w+\s+= "(\w+)"`)
	found := value.FindAllStringSubmatch(read(t, "api/v1/job_status.go"), -1)
	for _, m := range found {
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("docs/jobs.md does not explain %s", m[1])
		}
	}
	if len(found) < 20 {
		t.Errorf("found only %d constants", len(found))
	}
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
