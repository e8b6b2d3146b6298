package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"horae/api"
)

// getter is the state of one `horae get`.
type getter struct {
	*cli
	tableFlags
	sel            selectors
	output         string
	watch          bool
	watchOnly      bool
	ignoreNotFound bool
	// withoutDeleted: a watch does not print objects that are gone.
	withoutDeleted bool

	targets []target
	ns      string
}

func (c *cli) getCommand() *cobra.Command {
	g := &getter{cli: c}
	cmd := &cobra.Command{
		Use: "get TYPE [NAME...] | TYPE/NAME...", Short: "Show objects, as a table or as they are",
		Long: `Show objects: ` + api.KindPlurals("") + `, or several as jobs,runs; also events and namespaces.

Without -o it is a table; -o wide has more columns.`,
		Example: example(`
horae get jobs
horae get runs -l horae/job=hello -w
horae get job hello -o yaml
horae get runs -A --field-selector status.phase=Failed
horae get run/hello-20261122t020000z -o jsonpath='{.status.phase}'`),
		ValidArgsFunction: c.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return g.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVarP(&g.output, "output", "o", "", outputForms)
	f.BoolVarP(&g.watch, "watch", "w", false, "show changes as they happen")
	f.BoolVar(&g.watchOnly, "watch-only", false, "show only changes from now on")
	f.BoolVar(&g.ignoreNotFound, "ignore-not-found", false, "a name that does not exist is no error")
	g.sel.add(cmd)
	c.allFlag(cmd)
	g.addTableFlags(cmd)
	return cmd
}

func (g *getter) run(ctx context.Context, args []string) error {
	var err error
	if g.targets, err = targetsAmong(args, readableKind); err != nil {
		return err
	}
	if g.ns, err = g.namespaceOrAll(); err != nil {
		return err
	}
	if _, err := g.connect(); err != nil {
		return err
	}
	named := len(g.targets[0].names) > 0
	switch {
	case named && g.allNamespaces:
		return usagef("a name is of one namespace: give -n instead of -A")
	case named && (g.sel.labels != "" || g.sel.fields != ""):
		return usagef("a name and a selector do not go together")
	case g.watch || g.watchOnly:
		return g.follow(ctx)
	case g.output == "" || g.output == "wide":
		return g.tables(ctx)
	}
	return g.objects(ctx)
}

// table gets what a target names as one table. Errors of single names are printed; the table has the other objects.
func (g *getter) table(ctx context.Context, t target) (*metav1.Table, error) {
	if len(t.names) == 0 {
		return g.oneTable(ctx, g.api.list(g.ns, t.kind, g.sel))
	}
	var all *metav1.Table
	var failed error
	for _, name := range t.names {
		one, err := g.oneTable(ctx, g.api.get(g.ns, t.kind, name))
		switch {
		case g.ignoreNotFound && apierrors.IsNotFound(err):
		case err != nil && len(t.names) == 1:
			return nil, err
		case err != nil:
			g.report(err)
			failed = errReported
		case all == nil:
			all = one
		default:
			all.Rows = append(all.Rows, one.Rows...)
		}
	}
	if all == nil {
		all = &metav1.Table{}
	}
	return all, failed
}

func (g *getter) oneTable(ctx context.Context, req *request) (*metav1.Table, error) {
	if g.sortBy != "" {
		req.param("includeObject", string(metav1.IncludeObject))
	}
	body, err := g.api.do(ctx, req.accept(acceptTable))
	if err != nil {
		return nil, err
	}
	return decodeTable(body)
}

// tables shows each target as a table, one below the other.
func (g *getter) tables(ctx context.Context) error {
	var failed error
	shown := 0
	if len(g.targets) > 1 {
		g.showKind = true
	}
	for _, t := range g.targets {
		table, err := g.table(ctx, t)
		if err != nil && !errors.Is(err, errReported) {
			return err
		}
		failed = errors.Join(failed, err)
		if len(table.Rows) == 0 {
			continue
		}
		if g.sortBy != "" {
			if err := sortTable(table.Rows, g.sortBy); err != nil {
				return err
			}
		}
		if shown > 0 {
			g.printf("\n")
		}
		shown += len(table.Rows)
		if err := g.printer(t.kind, g.allNamespaces, g.output == "wide").PrintObj(table, g.Out); err != nil {
			return fmt.Errorf("print a table: %w", err)
		}
	}
	if shown == 0 && failed == nil && !g.ignoreNotFound {
		fmt.Fprintln(g.Err, g.nothing())
	}
	return failed
}

func (g *getter) nothing() string {
	if g.allNamespaces {
		return "No resources found"
	}
	return fmt.Sprintf("No resources found in %s namespace.", g.ns)
}

// objects shows what there is as -o asks: one object as itself, several as a list.
func (g *getter) objects(ctx context.Context) error {
	printer, err := g.objectPrinter(g.output, !g.noHeaders)
	if err != nil {
		return err
	}
	var items []*unstructured.Unstructured
	var failed error
	for _, t := range g.targets {
		some, err := g.fetch(ctx, t)
		if err != nil && !errors.Is(err, errReported) {
			return err
		}
		failed = errors.Join(failed, err)
		items = append(items, some...)
	}
	if g.sortBy != "" {
		if err := sortBy(items, g.sortBy, func(u *unstructured.Unstructured) map[string]any { return u.Object }); err != nil {
			return err
		}
	}
	single := len(g.targets) == 1 && len(g.targets[0].names) == 1
	if single && len(items) == 1 {
		return printer(items[0])
	}
	if len(items) == 0 && (g.ignoreNotFound || failed != nil) {
		return failed
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}}
	if g.output == "name" {
		for _, u := range items {
			if err := printer(u); err != nil {
				return err
			}
		}
		return failed
	}
	for _, u := range items {
		list.Items = append(list.Items, *u)
	}
	if err := printer(list); err != nil {
		return err
	}
	return failed
}

func (g *getter) fetch(ctx context.Context, t target) ([]*unstructured.Unstructured, error) {
	if len(t.names) == 0 {
		list := &unstructured.UnstructuredList{}
		body, err := g.api.do(ctx, g.api.list(g.ns, t.kind, g.sel))
		if err != nil {
			return nil, err
		}
		if err := list.UnmarshalJSON(body); err != nil {
			return nil, fmt.Errorf("decode the answer of %s: %w", g.api.server, err)
		}
		items := make([]*unstructured.Unstructured, len(list.Items))
		for i := range list.Items {
			items[i] = &list.Items[i]
		}
		return items, nil
	}
	var items []*unstructured.Unstructured
	var failed error
	for _, name := range t.names {
		u, err := g.api.object(ctx, g.api.get(g.ns, t.kind, name))
		switch {
		case g.ignoreNotFound && apierrors.IsNotFound(err):
		case err != nil && len(t.names) == 1:
			return nil, err
		case err != nil:
			g.report(err)
			failed = errReported
		default:
			items = append(items, u)
		}
	}
	return items, failed
}
