package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"
)

// sortTable sorts the rows by a field of their objects; objects without it come last.
func sortTable(t *metav1.Table, field string) error {
	if !strings.Contains(field, "{") {
		field = "{." + strings.TrimPrefix(field, ".") + "}"
	}
	path := jsonpath.New("sort-by").AllowMissingKeys(true)
	if err := path.Parse(field); err != nil {
		return usagef("--sort-by %s: %w", field, err)
	}
	type keyed struct {
		row metav1.TableRow
		key any
	}
	rows := make([]keyed, len(t.Rows))
	for i, row := range t.Rows {
		found, err := path.FindResults(row.Object.Object.(*unstructured.Unstructured).Object)
		if err != nil {
			return fmt.Errorf("--sort-by %s: %w", field, err)
		}
		rows[i].row = row
		if len(found) > 0 && len(found[0]) > 0 {
			rows[i].key = found[0][0].Interface()
		}
	}
	slices.SortStableFunc(rows, func(a, b keyed) int { return compareValues(a.key, b.key) })
	for i := range rows {
		t.Rows[i] = rows[i].row
	}
	return nil
}

// compareValues compares numbers, times, quantities and texts as what they are; nil comes last.
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
	if p, err := resource.ParseQuantity(x); err == nil {
		if q, err := resource.ParseQuantity(y); err == nil {
			return p.Cmp(q)
		}
	}
	return cmp.Compare(x, y)
}
