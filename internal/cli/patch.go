package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// patcher changes one field of named objects.
type patcher struct {
	*cli
	kind  *kind
	patch string
	// done and already are what is said of an object that was changed, and of one that was so before.
	done, already string
	dryRun        string
}

func (p *patcher) command(use, short, long, examples string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example(examples), Args: someArgs("a " + p.kind.name),
		ValidArgsFunction: p.completeNames(p.kind),
		RunE:              func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args) },
	}
	dryRunFlag(cmd, &p.dryRun)
	return cmd
}

func (p *patcher) run(ctx context.Context, args []string) error {
	if err := checkDryRun(p.dryRun); err != nil {
		return err
	}
	ns, err := p.ns()
	if err != nil {
		return err
	}
	if _, err := p.connect(); err != nil {
		return err
	}
	names, err := p.names(args)
	if err != nil {
		return err
	}
	failed := error(nil)
	for _, name := range names {
		if err := p.one(ctx, ns, name); err != nil {
			p.report(err)
			failed = errReported
		}
	}
	return failed
}

func (p *patcher) names(args []string) ([]string, error) {
	names := make([]string, len(args))
	for i, arg := range args {
		list, err := targets([]string{slash(p.kind, arg)})
		if err != nil {
			return nil, err
		}
		if list[0].kind != p.kind {
			return nil, usagef("%q: must be a %s", arg, p.kind.name)
		}
		names[i] = list[0].names[0]
	}
	return names, nil
}

func (p *patcher) one(ctx context.Context, ns, name string) error {
	before, err := p.api.object(ctx, p.api.get(ns, p.kind, name))
	if err != nil {
		return err
	}
	if phase, _, _ := unstructured.NestedString(before.Object, "status", "phase"); p.kind == runKind && isTerminal(phase) {
		return fmt.Errorf("run %s has ended already: %s", name, phase)
	}
	req := p.api.patch(ns, p.kind, name, []byte(p.patch))
	suffix := ""
	if p.dryRun == "server" {
		req.param("dryRun", "All")
		suffix = " (server dry run)"
	}
	after, err := p.api.object(ctx, req)
	if err != nil {
		return err
	}
	if after.GetGeneration() == before.GetGeneration() {
		p.printf("%s/%s %s\n", p.kind, name, p.already)
		return nil
	}
	p.printf("%s/%s %s%s\n", p.kind, name, p.done, suffix)
	return nil
}
