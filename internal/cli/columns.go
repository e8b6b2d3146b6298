package cli

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"
)

// columnPrinter prints the columns of -o custom-columns, with their headers once.
type columnPrinter struct {
	headers []string
	paths   []*jsonpath.JSONPath
	printed bool
}

// newColumnPrinter reads HEADER:PATH,HEADER:PATH, or the same in two lines, with blanks between (custom-columns-file).
func newColumnPrinter(spec string, headed bool) (*columnPrinter, error) {
	spec = strings.TrimSpace(spec)
	var headers, paths []string
	if first, second, ok := strings.Cut(spec, "\n"); ok {
		if headers, paths = strings.Fields(first), strings.Fields(second); len(headers) != len(paths) {
			return nil, fmt.Errorf("%d headers stand over %d paths", len(headers), len(paths))
		}
	} else {
		for column := range strings.SplitSeq(spec, ",") {
			header, path, ok := strings.Cut(column, ":")
			if !ok || header == "" || path == "" {
				return nil, fmt.Errorf("%q: must be HEADER:PATH, as in NAME:.metadata.name", column)
			}
			headers, paths = append(headers, header), append(paths, path)
		}
	}
	p := &columnPrinter{headers: headers, printed: !headed}
	for _, path := range paths {
		j := jsonpath.New("column").AllowMissingKeys(true)
		if !strings.Contains(path, "{") {
			path = "{." + strings.TrimPrefix(path, ".") + "}"
		}
		if err := j.Parse(path); err != nil {
			return nil, err
		}
		p.paths = append(p.paths, j)
	}
	return p, nil
}

// PrintObj prints a row for an object, or for each of a list.
func (p *columnPrinter) PrintObj(o runtime.Object, out io.Writer) error {
	w := printers.GetNewTabWriter(out)
	if !p.printed {
		p.printed = true
		fmt.Fprintln(w, strings.Join(p.headers, "\t"))
	}
	if list, ok := o.(*unstructured.UnstructuredList); ok {
		for i := range list.Items {
			if err := p.row(w, &list.Items[i]); err != nil {
				return err
			}
		}
	} else if err := p.row(w, o.(*unstructured.Unstructured)); err != nil {
		return err
	}
	return w.Flush()
}

func (p *columnPrinter) row(w io.Writer, u *unstructured.Unstructured) error {
	cells := make([]string, len(p.paths))
	for i, path := range p.paths {
		found, err := path.FindResults(u.Object)
		if err != nil {
			return fmt.Errorf("column %s: %w", p.headers[i], err)
		}
		var values []string
		for _, some := range found {
			for _, v := range some {
				values = append(values, cell(fmt.Sprint(v.Interface())))
			}
		}
		if cells[i] = strings.Join(values, ","); len(values) == 0 {
			cells[i] = "<none>"
		}
	}
	_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
	return err
}
