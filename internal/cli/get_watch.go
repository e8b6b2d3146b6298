package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/cli-runtime/pkg/printers"
)

// follow shows what there is and then each change, until it is interrupted.
func (g *getter) follow(ctx context.Context) error {
	if len(g.targets) > 1 || len(g.targets[0].names) > 1 {
		return usagef("-w watches one type, or one object")
	}
	t, sel := g.targets[0], g.sel
	if len(t.names) == 1 {
		sel.fields = "metadata.name=" + t.names[0]
	}
	if g.sortBy != "" {
		fmt.Fprintln(g.Err, "Warning: --sort-by does not go together with -w: it is ignored")
	}
	w := &follower{getter: g, kind: t.kind, sel: sel}
	if g.output == "" || g.output == "wide" {
		w.tables = g.printer(t.kind, g.allNamespaces, g.output == "wide")
		w.columns = printers.GetNewTabWriter(g.Out) // one for all tables: it remembers the widths of its columns
	} else {
		var err error
		if w.objects, err = g.objectPrinter(g.output, !g.noHeaders); err != nil {
			return err
		}
	}
	again := &reconnection{cli: g.cli, subject: t.kind.plural}
	for {
		var err error
		if w.revision == "" {
			if err = w.list(ctx, t); err == nil {
				again.answer()
			}
		}
		if err == nil {
			err = w.changes(ctx, again.answer)
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			w.revision = "" // too much has happened: show again what there is, rather than leave a gap
			continue
		}
		if err = again.again(ctx, err); err != nil {
			return err
		}
	}
}

// follower is one watch and how its events are printed: by one of the two printers.
type follower struct {
	*getter
	kind    *kind
	sel     selectors
	tables  printers.ResourcePrinter
	columns interface {
		io.Writer
		Flush() error
	}
	objects  func(runtime.Object) error
	revision string
}

// list shows what there is, unless only changes are wanted, and notes the revision from which to watch.
func (w *follower) list(ctx context.Context, t target) error {
	if len(t.names) == 1 && !w.ignoreNotFound {
		if _, err := w.api.do(ctx, w.api.get(w.ns, t.kind, t.names[0])); err != nil {
			return err
		}
	}
	req := w.api.list(w.ns, w.kind, w.sel)
	if w.tables != nil {
		table, err := w.oneTable(ctx, req)
		if err != nil {
			return err
		}
		w.revision = table.ResourceVersion
		if w.watchOnly || len(table.Rows) == 0 {
			return nil
		}
		return w.printTable(table)
	}
	body, err := w.api.do(ctx, req)
	if err != nil {
		return err
	}
	list := &unstructured.UnstructuredList{}
	if err := list.UnmarshalJSON(body); err != nil {
		return fmt.Errorf("decode the answer of %s: %w", w.api.server, err)
	}
	w.revision = list.GetResourceVersion()
	for i := range list.Items {
		if w.watchOnly {
			break
		}
		if err := w.objects(&list.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

// changes prints each event after the last revision seen. It calls answered when the server begins to answer.
func (w *follower) changes(ctx context.Context, answered func()) error {
	req := w.api.list(w.ns, w.kind, w.sel)
	if w.tables != nil {
		req.accept(acceptTable)
	}
	return w.api.watch(ctx, req, w.revision, answered, func(e metav1.WatchEvent) (bool, error) {
		gone := w.withoutDeleted && e.Type == string(watch.Deleted)
		if w.tables != nil {
			table, err := decodeTable(e.Object.Raw)
			if err != nil {
				return false, err
			}
			for _, row := range table.Rows {
				w.revision = row.Object.Object.(*unstructured.Unstructured).GetResourceVersion()
			}
			if gone {
				return true, nil
			}
			return true, w.printTable(table)
		}
		u := &unstructured.Unstructured{}
		if err := json.Unmarshal(e.Object.Raw, &u.Object); err != nil {
			return false, fmt.Errorf("decode a watch event: %w", err)
		}
		w.revision = u.GetResourceVersion()
		if gone {
			return true, nil
		}
		return true, w.objects(u)
	})
}

// printTable prints rows below those that were printed before.
func (w *follower) printTable(t *metav1.Table) error {
	if err := w.tables.PrintObj(t, w.columns); err != nil {
		return fmt.Errorf("print a table: %w", err)
	}
	return w.columns.Flush()
}
