package docs

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestNumbersAreThoseOfTheCode: a number of the code that a page repeats changes together with the page. Each row is a
// constant, its value as the code has it, and what a page says about it.
func TestNumbersAreThoseOfTheCode(t *testing.T) {
	for _, row := range []struct{ file, name, value, page, says string }{
		{"controllers/run/outcome.go", "freeAborts", "5", "docs/jobs.md", "The last is free five times in a Run"},
		{"controllers/run/times.go", "unstartedMin", "250 * time.Millisecond", "docs/jobs.md", "(250 ms, doubling to 1 minute)"},
		{"controllers/run/times.go", "unstartedMax", "time.Minute", "docs/jobs.md", "(250 ms, doubling to 1 minute)"},
		{"controllers/run/times.go", "unstartedMin", "250 * time.Millisecond", "docs/failures.md", "The next attempt starts after 250 ms"},
		{"controllers/run/times.go", "killPause", "5 * time.Second", "docs/failures.md", "it kills again after 5 s, then with back-off up to 5 min"},
		{"controllers/run/times.go", "repeatMax", "5 * time.Minute", "docs/failures.md", "it kills again after 5 s, then with back-off up to 5 min"},
		{"controllers/run/times.go", "askPause", "10 * time.Second", "docs/failures.md", "asks about a Launching attempt from 10 s on"},
		{"controllers/run/placement/window.go", "TimeoutGrace", "15 * time.Second", "docs/jobs.md", "Horae kills it 15 seconds later"},
		{"controllers/run/placement/explain.go", "reasonEvery", "10 * time.Second", "docs/placement.md", "after ten seconds at the earliest"},
		{"controllers/run/placement/explain.go", "numbersEvery", "5 * time.Minute", "docs/placement.md", "changed numbers after five minutes"},
		{"controllers/job/notrun.go", "maxNotRun", "10", "docs/jobs.md", "lists the ten latest entries"},
		{"controllers/job/counters.go", "maxActive", "100", "docs/jobs.md", "the names of up to a hundred of them"},
		{"internal/schedule/schedule.go", "MaxExpressions", "64", "docs/jobs.md", "64 lines"},
		{"internal/schedule/schedule.go", "MaxExpressions", "64", "docs/schedule.md", "more than 64 lines"},
		{"api/v1/defaults.go", "DefaultRetryLimit", "2", "docs/jobs.md", "| 2, after 60s |"},
		{"api/v1/defaults.go", "DefaultRetryDelay", "60 * time.Second", "docs/jobs.md", "| 2, after 60s |"},
		{"api/v1/mistakes.go", "maxListed", "50", "docs/http.md", "lists the first 50 mistakes"},
		{"api/error.go", "MaxMistakes", "50", "docs/http.md", "lists the first 50 mistakes"},
		{"api/v1/validate_exec.go", "MaxArgument", "128<<10 - 1", "docs/tasks.md", "| one variable, as `NAME=value` | 128 KiB |"},
		{"api/v1/validate_exec.go", "maxExecution", "2<<20 - 256<<10", "docs/tasks.md", "| 1.75 MiB |"},
		{"internal/server/limits.go", "maxBody", "1 << 20", "docs/http.md", "| body, headers | 1 MiB, 64 KiB |"},
		{"internal/server/limits.go", "maxHeader", "64 << 10", "docs/http.md", "| body, headers | 1 MiB, 64 KiB |"},
		{"internal/server/limits.go", "maxStreams", "128", "docs/http.md", "| requests on one HTTP/2 connection | 128 |"},
		{"internal/server/limits.go", "answerTimeout", "5 * time.Minute", "docs/http.md", "| 5 minutes in all |"},
		{"internal/server/limits.go", "waitForCache", "5 * time.Second", "docs/http.md", "at most five seconds, then 504"},
		{"internal/server/patch.go", "maxCopied", "256 << 10", "docs/http.md", "copies (256 KiB)"},
		{"internal/store/writer.go", "maxOps", "128", "docs/etcd.md", "at most 128 operations"},
		{"internal/store/writer.go", "maxBytes", "1 << 20", "docs/etcd.md", "about 1 MiB"},
		{"internal/cache/cache.go", "lookEvery", "5 * time.Second", "docs/etcd.md", "notices within five seconds"},
		{"internal/cache/cache.go", "lookEvery", "5 * time.Second", "docs/failures.md", "it notices within five seconds"},
		{"internal/cli/lastapplied.go", "maxLastApplied", "32 << 10", "docs/cli.md", "Of a document above 32 KiB"},
	} {
		if got := constant(t, row.file, row.name); got != row.value {
			t.Errorf("%s: %s is %q, not %q: see whether %s still is right in saying %q", row.file, row.name, got, row.value, row.page, row.says)
		}
		if text := strings.Join(strings.Fields(read(t, row.page)), " "); !strings.Contains(text, row.says) {
			t.Errorf("%s does not say %q any more: change the row of %s", row.page, row.says, row.name)
		}
	}
}

// constant returns the expression of a constant as the code has it, "" if there is none of that name.
func constant(t *testing.T, file, name string) string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, filepath.Join(root, filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && spec.Names[0].Name == name {
			if err := printer.Fprint(&out, fset, spec.Values[0]); err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	return out.String()
}
