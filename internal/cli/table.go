package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"

	v1 "horae/api/v1"
)

// tableFlags are the flags that change a table.
type tableFlags struct {
	noHeaders  bool
	showLabels bool
	showKind   bool
	sortBy     string
}

func (f *tableFlags) addTableFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "leave the headers of tables out")
	cmd.Flags().BoolVar(&f.showLabels, "show-labels", false, "show the labels in a last column")
	cmd.Flags().BoolVar(&f.showKind, "show-kind", false, "show names as TYPE/NAME")
	cmd.Flags().StringVar(&f.sortBy, "sort-by", "", "sort by a field, as in .status.nextScheduleTime")
}

// printer of tables of a kind.
func (f *tableFlags) printer(k *kind, namespaces, wide bool) printers.ResourcePrinter {
	opts := printers.PrintOptions{
		NoHeaders: f.noHeaders, WithNamespace: namespaces, Wide: wide, ShowLabels: f.showLabels,
	}
	if f.showKind {
		opts.WithKind = true
		opts.Kind.Kind = k.name
		if !k.core {
			opts.Kind.Group = v1.GroupVersion.Group
		}
	}
	return printers.NewTablePrinter(opts)
}

// decodeTable reads a table and the objects of its rows, which the printer takes namespaces and labels from.
func decodeTable(body []byte) (*metav1.Table, error) {
	t := &metav1.Table{}
	if err := json.Unmarshal(body, t); err != nil {
		return nil, fmt.Errorf("decode a table: %w", err)
	}
	if t.Kind != "Table" {
		return nil, fmt.Errorf("the server sent a %s instead of a table", t.Kind)
	}
	for i := range t.Rows {
		u := &unstructured.Unstructured{}
		if err := json.Unmarshal(t.Rows[i].Object.Raw, &u.Object); err != nil {
			return nil, fmt.Errorf("decode a row of a table: %w", err)
		}
		t.Rows[i].Object.Object = u
		for j, value := range t.Rows[i].Cells {
			if text, ok := value.(string); ok {
				t.Rows[i].Cells[j] = cell(text)
			}
		}
	}
	return t, nil
}

// sortTable sorts the rows of a table by a field of their objects.
func sortTable(rows []metav1.TableRow, field string) error {
	return sortBy(rows, field, func(r metav1.TableRow) map[string]any { return r.Object.Object.(*unstructured.Unstructured).Object })
}

// sortBy sorts by a field of the items' objects; those without it come last.
func sortBy[T any](items []T, field string, object func(T) map[string]any) error {
	template := field
	if !strings.Contains(field, "{") {
		template = "{." + strings.TrimPrefix(field, ".") + "}"
	}
	path := jsonpath.New("sort-by").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		return usagef("--sort-by %s: %w", field, err)
	}
	type keyed struct {
		item T
		key  any
	}
	list := make([]keyed, len(items))
	for i, item := range items {
		found, err := path.FindResults(object(item))
		if err != nil {
			return fmt.Errorf("--sort-by %s: %w", field, err)
		}
		list[i].item = item
		if len(found) > 0 && len(found[0]) > 0 {
			list[i].key = found[0][0].Interface()
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return compareValues(a.key, b.key) })
	for i := range list {
		items[i] = list[i].item
	}
	return nil
}

// compareValues compares times, quantities (so numbers) and texts by value; nil comes last.
func compareValues(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	x, y := fmt.Sprint(a), fmt.Sprint(b)
	if s, err := time.Parse(time.RFC3339, x); err == nil {
		if t, err := time.Parse(time.RFC3339, y); err == nil {
			return s.Compare(t)
		}
	}
	if p, err := v1.ParseQuantity(x); err == nil {
		if q, err := v1.ParseQuantity(y); err == nil {
			return p.Cmp(q)
		}
	}
	return cmp.Compare(x, y)
}
