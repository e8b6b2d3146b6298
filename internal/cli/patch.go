package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// errEnded: a Run cannot be changed any more.
var errEnded = errors.New("has ended already")

// patcher changes one field of named objects.
type patcher struct {
	*cli
	kind *kind
	// patch is the merge patch for an object as it is; nil when the object needs none.
	patch func(before *unstructured.Unstructured) map[string]any
	// done and already are the messages for an object that was changed, and for one that was so before.
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
		return fmt.Errorf("run %s %w: %s", name, errEnded, phase)
	}
	change := p.patch(before)
	if change == nil {
		p.printf("%s/%s %s\n", p.kind, name, p.already)
		return nil
	}
	patch, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encode a patch: %w", err)
	}
	if p.dryRun != dryRunClient {
		if _, err := p.api.object(ctx, dry(p.api.patch(ns, p.kind, name, patch), p.dryRun)); err != nil {
			return err
		}
	}
	p.printf("%s/%s %s%s\n", p.kind, name, p.done, dryRunSuffix(p.dryRun))
	return nil
}

// setSpec sets a field of the spec to true, unless it is.
func setSpec(field string) func(*unstructured.Unstructured) map[string]any {
	return func(before *unstructured.Unstructured) map[string]any {
		if is, _, _ := unstructured.NestedBool(before.Object, "spec", field); is {
			return nil
		}
		return map[string]any{"spec": map[string]any{field: true}}
	}
}
