package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// eachFile parses every non-test Go file of the packages below the prefixes.
func eachFile(t *testing.T, visit func(path string, fset *token.FileSet, f *ast.File), prefixes ...string) {
	t.Helper()
	seen := 0
	for _, p := range packages(t) {
		if !within(p.ImportPath, prefixes...) {
			continue
		}
		for _, name := range p.GoFiles {
			if strings.HasPrefix(name, "zz_generated") {
				continue
			}
			fset := token.NewFileSet()
			path := filepath.Join(p.Dir, name)
			f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			visit(path, fset, f)
			seen++
		}
	}
	if seen == 0 {
		t.Fatalf("no files below %v: the rule has lost its subject", prefixes)
	}
}

// selector returns "pkg.Name" of an expression such as time.Time, or "".
func selector(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// TestDecidingAndActingStayApart: deciding code takes now, acting code takes ctx; a function that takes both is two functions.
func TestDecidingAndActingStayApart(t *testing.T) {
	eachFile(t, func(_ string, fset *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			var ctx, now bool
			for _, field := range fn.Type.Params.List {
				switch selector(field.Type) {
				case "context.Context":
					ctx = true
				case "time.Time":
					now = now || slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.Name == "now" })
				}
			}
			if ctx && now {
				t.Errorf("%s: %s takes both ctx and now: split what it decides from what it does", fset.Position(fn.Pos()), fn.Name.Name)
			}
		}
	}, "horae/controllers", "horae/internal", "horae/api")
}

// acting names the files of the controllers that do something. All others decide: a new file is pure unless it is named here.
var acting = []string{
	"horae/controllers/job/reconciler.go", "horae/controllers/job/metrics.go",
	"horae/controllers/calendar/reconciler.go",
	"horae/controllers/backfill/reconciler.go", "horae/controllers/backfill/metrics.go",
	"horae/controllers/run/controller.go", "horae/controllers/run/taskreconciliation.go", "horae/controllers/run/launch.go", "horae/controllers/run/placer.go",
	"horae/controllers/run/reconciler.go", "horae/controllers/run/metrics.go", "horae/controllers/run/inverseoffers.go",
}

// TestPureFilesAskNobody: what decides takes the time as a value, and does no I/O.
func TestPureFilesAskNobody(t *testing.T) {
	forbidden := []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "rand.Int", "rand.N", "os.Getenv"}
	named := map[string]bool{}
	eachFile(t, func(path string, fset *token.FileSet, f *ast.File) {
		for _, name := range acting {
			if strings.HasSuffix(path, strings.TrimPrefix(name, "horae")) {
				named[name] = true
				return
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if slices.Contains(forbidden, selector(n)) {
					t.Errorf("%s: %s in pure code: take now as a value", fset.Position(n.Pos()), selector(n))
				}
			case *ast.ImportSpec:
				if p := strings.Trim(n.Path.Value, `"`); p == "context" || p == "net/http" || within(p, "go.etcd.io") {
					t.Errorf("%s: pure code imports %s", fset.Position(n.Pos()), p)
				}
			case *ast.GoStmt:
				t.Errorf("%s: pure code starts a goroutine", fset.Position(n.Pos()))
			}
			return true
		})
	}, "horae/controllers", "horae/internal/schedule", "horae/internal/calendar", "horae/internal/transition", "horae/internal/statistics")
	for _, name := range acting {
		if !named[name] {
			t.Errorf("%s is not there any more: take it off the list", name)
		}
	}
}
