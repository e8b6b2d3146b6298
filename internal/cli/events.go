package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"

	v1 "horae/api/v1"
)

func (c *cli) eventsCommand() *cobra.Command {
	g := &getter{cli: c, withoutDeleted: true}
	var types []string
	cmd := &cobra.Command{
		Use: "events [JOB | RUN | TYPE/NAME]", Short: "Show what has happened",
		Long: `Show what has happened, in the order of time: to a Job and its Runs, to a Run, or to
everything. Runs: launched where, waiting for what, failed and tried again when. Jobs:
missed and skipped occurrences, suspended after failures.`,
		Example: example(`
horae events
horae events hello -w
horae events run/hello-20261122t020000z
horae events -A --types Warning`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q is too much: one Job, Run or TYPE/NAME is expected", args[1])
			}
			return g.events(cmd.Context(), args, types)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&g.output, "output", "o", "", outputForms)
	f.BoolVarP(&g.watch, "watch", "w", false, "show what happens from now on, too")
	f.StringArrayVar(&types, "types", nil, "only events of these types: Normal, Warning")
	f.BoolVar(&g.noHeaders, "no-headers", false, "leave the headers of tables out")
	c.allFlag(cmd)
	return cmd
}

// events shows the events of what the arguments name, and of everything without them.
func (g *getter) events(ctx context.Context, args, types []string) error {
	typed, err := typeSelector(types)
	if err != nil {
		return err
	}
	if g.ns, err = g.namespaceOrAll(); err != nil {
		return err
	}
	if len(args) > 0 && g.allNamespaces {
		return usagef("a name is of one namespace: give -n instead of -A")
	}
	if _, err := g.connect(); err != nil {
		return err
	}
	if len(args) > 0 {
		if g.sel, err = g.eventsOf(ctx, args[0]); err != nil {
			return err
		}
	}
	g.sel.fields = strings.TrimPrefix(g.sel.fields+","+typed, ",")
	g.sel.fields = strings.TrimSuffix(g.sel.fields, ",")
	g.targets = []target{{kind: eventKind}}
	switch {
	case g.watch:
		return g.follow(ctx)
	case g.output == "" || g.output == "wide":
		g.sortBy = ".lastTimestamp"
		return g.tables(ctx)
	}
	return g.objects(ctx)
}

// typeSelector selects one of the two types; both are no selection.
func typeSelector(types []string) (string, error) {
	chosen := map[string]bool{}
	for t := range strings.SplitSeq(strings.Join(types, ","), ",") {
		switch {
		case t == "":
		case strings.EqualFold(t, "Normal"):
			chosen["Normal"] = true
		case strings.EqualFold(t, "Warning"):
			chosen["Warning"] = true
		default:
			return "", usagef("--types=%s: must be Normal, Warning or both", t)
		}
	}
	if len(chosen) != 1 {
		return "", nil
	}
	for t := range chosen {
		return "type=" + t, nil
	}
	return "", nil
}

// eventsOf selects the events of a Job and its Runs, or of one object. A bare name is that of a Job, or else of a Run.
func (g *getter) eventsOf(ctx context.Context, arg string) (selectors, error) {
	of := func(k *kind, name string) selectors {
		return selectors{fields: fields.SelectorFromSet(fields.Set{"involvedObject.kind": k.name, "involvedObject.name": name}).String()}
	}
	if strings.Contains(arg, "/") {
		list, err := targets([]string{arg})
		if err != nil {
			return selectors{}, err
		}
		if list[0].kind == jobKind {
			return selectors{labels: v1.LabelJob + "=" + list[0].names[0]}, nil
		}
		return of(list[0].kind, list[0].names[0]), nil
	}
	_, err := g.api.do(ctx, g.api.get(g.ns, jobKind, arg))
	if err == nil {
		return selectors{labels: v1.LabelJob + "=" + arg}, nil
	}
	if !apierrors.IsNotFound(err) {
		return selectors{}, err
	}
	if _, runErr := g.api.run(ctx, g.ns, arg); runErr != nil {
		if apierrors.IsNotFound(runErr) {
			return selectors{}, fmt.Errorf("there is neither a Job nor a Run %q in namespace %s (of another kind: TYPE/NAME)", arg, g.ns)
		}
		return selectors{}, runErr
	}
	return of(runKind, arg), nil
}
