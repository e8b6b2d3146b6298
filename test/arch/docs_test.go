package arch

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxUnlisted is how many files a package may have without a list of them.
const maxUnlisted = 6

// TestPackagePagesNameTheirFiles: a newcomer finds the file for a change on the package's page.
func TestPackagePagesNameTheirFiles(t *testing.T) {
	type page struct {
		doc      string
		files    []string
		commands map[string]bool // files of internal/cli that have the function of the command of their name
	}
	pages := map[string]*page{}
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		dir, name := filepath.Split(path)
		p := pages[dir]
		if p == nil {
			p = &page{commands: map[string]bool{}}
			pages[dir] = p
		}
		p.doc += f.Doc.Text()
		p.files = append(p.files, name)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == strings.TrimSuffix(name, ".go")+"Command" {
				p.commands[name] = true
			}
		}
	}, "horae")
	for dir, p := range pages {
		if len(p.files) <= maxUnlisted {
			continue
		}
		_, list, ok := strings.Cut(p.doc, "Where things are")
		if !ok {
			t.Errorf("%s has %d files: its package comment needs a section \"Where things are\"", dir, len(p.files))
			continue
		}
		listed := map[string]bool{}
		for _, word := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" \n,;:()", r) }) {
			listed[word] = true
		}
		for _, name := range p.files {
			if name != "doc.go" && !listed[name] && !p.commands[name] {
				t.Errorf("%s%s: say in the package comment, under \"Where things are\", what is in it", dir, name)
			}
			delete(listed, name)
		}
		for name := range listed {
			if _, err := os.Stat(filepath.Join(dir, name)); strings.HasSuffix(name, ".go") && err != nil {
				t.Errorf("%s: the package comment names %s, which is not there", dir, name)
			}
		}
	}
}
