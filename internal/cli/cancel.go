package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "horae/api/v1"
)

// canceller is the state of one `horae cancel`.
type canceller struct {
	*patcher
	job string
	all bool
	sel selectors
}

func (c *cli) cancelCommand() *cobra.Command {
	k := &canceller{patcher: &patcher{cli: c, kind: runKind, patch: setSpec("cancel"), done: "cancelled", already: "is cancelled already"}}
	cmd := &cobra.Command{
		Use: "cancel RUN... | --job JOB | -l LABELS | --all", Short: "Kill Runs",
		Long: `Kill Runs: their tasks are killed, and they are not tried again. A Run that has ended
stays as it is. With --job, -l or --all, every Run that is active is killed: those of a Job,
those with the labels, or those of the namespace.`,
		Example: example(`
horae cancel hello-20261122t020000z
horae cancel --job hello
horae cancel --all -n data`),
		ValidArgsFunction: c.completeNames(runKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return k.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&k.job, "job", "", "all active Runs of this Job")
	f.BoolVar(&k.all, "all", false, "all active Runs in the namespace")
	k.sel.add(cmd)
	dryRunFlag(cmd, &k.dryRun)
	return cmd
}

func (k *canceller) run(ctx context.Context, args []string) error {
	selected := k.job != "" || k.all || k.sel.labels != "" || k.sel.fields != ""
	switch {
	case selected && len(args) > 0:
		return usagef("give names, or --job, -l or --all, not both")
	case k.job != "" && k.all:
		return usagef("give --job or --all, not both")
	case !selected && len(args) == 0:
		return usagef("a Run must be given, or --job, -l or --all: see horae cancel --help")
	case !selected:
		return k.patcher.run(ctx, args)
	}
	if err := checkDryRun(k.dryRun); err != nil {
		return err
	}
	ns, err := k.ns()
	if err != nil {
		return err
	}
	if _, err := k.connect(); err != nil {
		return err
	}
	runs, err := k.active(ctx, ns)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		fmt.Fprintln(k.Err, "No Run is active")
		return nil
	}
	failed := error(nil)
	for _, name := range runs {
		err := k.one(ctx, ns, name)
		if apierrors.IsNotFound(err) || errors.Is(err, errEnded) {
			continue // It has ended since.
		}
		if err != nil {
			k.report(err)
			failed = errReported
		}
	}
	return failed
}

// active are the Runs that are selected and have not ended.
func (k *canceller) active(ctx context.Context, ns string) ([]string, error) {
	sel := k.sel
	if k.job != "" {
		name, err := jobName(k.job)
		if err != nil {
			return nil, err
		}
		if _, err := k.api.do(ctx, k.api.get(ns, jobKind, name)); err != nil {
			return nil, err
		}
		if sel.fields != "" {
			sel.fields += ","
		}
		sel.fields += "spec.job=" + name
	}
	var list v1.RunList
	if err := k.api.into(ctx, k.api.list(ns, runKind, sel), &list); err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		if r := &list.Items[i]; !ended(r) {
			names = append(names, r.Name)
		}
	}
	return names, nil
}
