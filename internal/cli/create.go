package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
)

// creator is the state of one `horae create`.
type creator struct {
	*cli
	manifests
	dryRun string
	output string
}

func (c *cli) createCommand() *cobra.Command {
	n := &creator{cli: c}
	cmd := &cobra.Command{
		Use: "create -f FILE", Short: "Create objects by file", Args: noArgs,
		Long: `Create the objects of the files. An object that exists already is an error: "horae apply"
changes it.`,
		Example: example(`
horae create -f job.yaml
horae create -f job.yaml --dry-run=server -o yaml`),
		RunE: func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context()) },
	}
	n.fileFlags(cmd)
	dryRunFlag(cmd, &n.dryRun)
	cmd.Flags().StringVarP(&n.output, "output", "o", "", "print the objects as json, yaml or name instead of a line each")
	return cmd
}

func (n *creator) run(ctx context.Context) error {
	if len(n.paths) == 0 {
		return usagef("what to create must be given: -f FILE")
	}
	if err := checkDryRun(n.dryRun); err != nil {
		return err
	}
	var print func(runtime.Object) error
	if n.output != "" {
		var err error
		if print, err = n.objectPrinter(n.output, true); err != nil {
			return err
		}
	}
	if _, err := n.connect(); err != nil {
		return err
	}
	return n.visit(ctx, n.manifests, func(d document) error {
		ns, err := n.namespaceOf(d)
		if err != nil {
			return err
		}
		created := d.obj
		if n.dryRun != dryRunClient {
			data, err := json.Marshal(d.obj.Object)
			if err != nil {
				return fmt.Errorf("encode the document: %w", err)
			}
			if created, err = n.api.object(ctx, dry(n.api.create(ns, d.kind, data), n.dryRun)); err != nil {
				return err
			}
		}
		if print != nil {
			return print(created)
		}
		n.printf("%s/%s created%s\n", d.kind, d.obj.GetName(), dryRunSuffix(n.dryRun))
		return nil
	})
}
