package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var metricName = regexp.MustCompile(`^horae_[a-z_]+$`)

// TestMetricsPageIsComplete compares the tables of docs/metrics.md with every metric that the code names: a scrape would not do,
// because a vector without a sample is not shown.
func TestMetricsPageIsComplete(t *testing.T) {
	documented := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `(horae_[a-z_]+)` \\| (\\w+) \\| ?(.*?) ?\\|$")
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		documented[m[1]] = m[2] + " " + strings.ReplaceAll(m[3], "`", "")
	}
	metrics := metricsOfTheCode(t)
	for name, want := range metrics {
		if got, ok := documented[name]; !ok {
			t.Errorf("docs/metrics.md has no row for %s", name)
		} else if got != want {
			t.Errorf("docs/metrics.md says of %s %q, the code %q", name, got, want)
		}
	}
	for name := range documented {
		if _, ok := metrics[name]; !ok {
			t.Errorf("docs/metrics.md: there is no metric %s", name)
		}
	}
	if len(metrics) < 20 {
		t.Errorf("only %d metrics were found in the code", len(metrics))
	}
}

// metricsOfTheCode are type and labels of each metric, by name.
func metricsOfTheCode(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files := token.NewFileSet()
	for _, dir := range []string{"controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			collect(file, found)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// collect finds names of metrics, and around each the innermost call that says its type: prometheus.NewCounterVec(...), or a
// helper of that purpose such as counter(...), whose metrics have the one label of its loop.
func collect(file *ast.File, found map[string]string) {
	var path []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		name, err := strconv.Unquote(lit.Value)
		if err != nil || !metricName.MatchString(name) {
			return true
		}
		found[name] = "of an unknown type"
		for i := len(path) - 1; i >= 0; i-- {
			if call, ok := path[i].(*ast.CallExpr); ok {
				found[name] = describe(call)
				break
			}
		}
		return true
	})
}

func describe(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name + " controller"
	case *ast.SelectorExpr:
		kind := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(f.Sel.Name, "New"), "Vec"))
		kind = strings.TrimSuffix(kind, "func")
		var labels []string
		for _, arg := range call.Args[1:] {
			ast.Inspect(arg, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok {
					label, _ := strconv.Unquote(lit.Value)
					labels = append(labels, label)
				}
				return true
			})
		}
		return kind + " " + strings.Join(labels, ", ")
	}
	return "of an unknown type"
}
