package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// labeller changes the labels or the annotations of objects.
type labeller struct {
	*cli
	// field of the metadata; done and undone are the messages after setting, and after only removing.
	field, done, undone string
	overwrite, all      bool
	dryRun              string
	sel                 selectors
}

func (c *cli) labelCommand() *cobra.Command {
	l := &labeller{cli: c, field: "labels", done: "labeled", undone: "unlabeled"}
	return l.command("label", "Set or remove labels", `
horae label job hello team=data
horae label job/hello team=web --overwrite
horae label jobs --all tier-`)
}

func (c *cli) annotateCommand() *cobra.Command {
	l := &labeller{cli: c, field: "annotations", done: "annotated", undone: "annotated"}
	return l.command("annotate", "Set or remove annotations", `
horae annotate job hello runbook=https://example.com/hello
horae annotate job/hello runbook-`)
}

func (l *labeller) command(name, short, examples string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " TYPE NAME... KEY=VALUE... KEY-...", Short: short,
		Long: fmt.Sprintf(`%s: KEY=VALUE sets, KEY- removes. A key that has another value is only changed with
--overwrite.`, short),
		Example: example(examples), ValidArgsFunction: l.completeTargets,
		RunE: func(cmd *cobra.Command, args []string) error { return l.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.BoolVar(&l.overwrite, "overwrite", false, "change keys that have another value")
	f.BoolVar(&l.all, "all", false, "all objects of the type in the namespace")
	l.sel.add(cmd)
	dryRunFlag(cmd, &l.dryRun)
	return cmd
}

// changes of labels or annotations, by key; nil removes.
type changes map[string]*string

// split separates what names objects from KEY=VALUE and KEY-.
func (l *labeller) split(args []string) ([]string, changes, error) {
	set := changes{}
	var named []string
	for _, arg := range args {
		key, value, sets := strings.Cut(arg, "=")
		if !sets {
			var removes bool
			if key, removes = strings.CutSuffix(arg, "-"); !removes {
				if len(set) > 0 {
					return nil, nil, usagef("%q: must be KEY=VALUE or KEY-", arg)
				}
				named = append(named, arg)
				continue
			}
		}
		if key == "" {
			return nil, nil, usagef("%q: must be KEY=VALUE or KEY-", arg)
		}
		if _, twice := set[key]; twice {
			return nil, nil, usagef("%q is given twice", key)
		}
		if set[key] = nil; sets {
			set[key] = &value
		}
	}
	if len(set) == 0 {
		return nil, nil, usagef("what to set must be given: KEY=VALUE, or KEY- to remove")
	}
	return named, set, nil
}

func (l *labeller) run(ctx context.Context, args []string) error {
	named, set, err := l.split(args)
	if err != nil {
		return err
	}
	if err := checkDryRun(l.dryRun); err != nil {
		return err
	}
	list, err := targets(named)
	if err != nil {
		return err
	}
	ns, err := l.ns()
	if err != nil {
		return err
	}
	if _, err := l.connect(); err != nil {
		return err
	}
	selected := l.all || l.sel != (selectors{})
	var failed error
	for _, t := range list {
		if (len(t.names) > 0) == selected {
			return usagef("which %s must be given: either names, or -l LABELS or --all", t.kind.plural)
		}
		if t.names, err = l.namesOf(ctx, ns, t, l.sel); err != nil {
			return err
		}
		for _, name := range t.names {
			if err := l.one(ctx, ns, t.kind, name, set); err != nil {
				l.report(err)
				failed = errReported
			}
		}
	}
	return failed
}

func (l *labeller) one(ctx context.Context, ns string, k *kind, name string, set changes) error {
	before, err := l.api.object(ctx, l.api.get(ns, k, name))
	if err != nil {
		return err
	}
	has, _, _ := unstructured.NestedStringMap(before.Object, "metadata", l.field)
	differs, sets := false, false
	for _, key := range slices.Sorted(maps.Keys(set)) {
		was, there := has[key]
		value := set[key]
		switch {
		case value == nil:
			differs = differs || there
		case there && was != *value && !l.overwrite:
			return fmt.Errorf("%s/%s: %q already has a value (%s), and --overwrite is false", k, name, key, was)
		default:
			sets = true
			differs = differs || !there || was != *value
		}
	}
	if !differs {
		l.printf("%s/%s not %s\n", k, name, l.done)
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{l.field: set}})
	if err != nil {
		return errors.Join(errors.New("encode a patch"), err)
	}
	if l.dryRun != dryRunClient {
		if _, err := l.api.object(ctx, dry(l.api.patch(ns, k, name, patch), l.dryRun)); err != nil {
			return err
		}
	}
	what := l.done
	if !sets {
		what = l.undone
	}
	l.printf("%s/%s %s%s\n", k, name, what, dryRunSuffix(l.dryRun))
	return nil
}
