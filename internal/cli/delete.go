package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deleter is the state of one `horae delete`.
type deleter struct {
	*cli
	manifests
	sel            selectors
	all            bool
	wait           bool
	timeout        time.Duration
	ignoreNotFound bool
	dryRun         string
	output         string
}

func (c *cli) deleteCommand() *cobra.Command {
	d := &deleter{cli: c}
	cmd := &cobra.Command{
		Use: "delete TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | TYPE --all | -f FILE", Short: "Delete objects",
		Long: `Delete objects by type and name, by labels, or by file.

A deleted object is not shown any more, and what belongs to it ends: the Runs of a
deleted Job are cancelled and removed, the tasks of a deleted Run are killed.`,
		Example: example(`
horae delete job hello
horae delete -f job.yaml
horae delete runs -l horae/job=hello`),
		ValidArgsFunction: c.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	d.fileFlags(cmd)
	d.sel.add(cmd)
	f.BoolVar(&d.all, "all", false, "all objects of the type in the namespace")
	f.BoolVar(&d.wait, "wait", true, "wait until the objects are gone")
	f.DurationVar(&d.timeout, "timeout", 0, "give up waiting after this time; 0: never")
	f.BoolVar(&d.ignoreNotFound, "ignore-not-found", false, "an object that does not exist is no error")
	f.StringVarP(&d.output, "output", "o", "", "name: print TYPE/NAME only")
	dryRunFlag(cmd, &d.dryRun)
	return cmd
}

func (d *deleter) run(ctx context.Context, args []string) error {
	if err := d.check(args); err != nil {
		return err
	}
	if _, err := d.connect(); err != nil {
		return err
	}
	if len(d.paths) > 0 {
		return d.visit(ctx, d.manifests, func(doc document) error {
			ns, err := d.namespaceOf(doc)
			if err != nil {
				return err
			}
			return d.one(ctx, ns, doc.kind, doc.obj.GetName())
		})
	}
	ns, err := d.ns()
	if err != nil {
		return err
	}
	list, err := targets(args)
	if err != nil {
		return err
	}
	failed := error(nil)
	for _, t := range list {
		named := len(t.names) > 0
		if t.names, err = d.namesOf(ctx, ns, t, d.sel); err != nil {
			return err
		}
		for _, name := range t.names {
			err := d.one(ctx, ns, t.kind, name)
			if !named && apierrors.IsNotFound(err) {
				continue // it was selected, and somebody else has deleted it since
			}
			if err != nil {
				d.report(err)
				failed = errReported
			}
		}
	}
	return failed
}

// check refuses command lines that could delete more than was meant.
func (d *deleter) check(args []string) error {
	if err := checkDryRun(d.dryRun); err != nil {
		return err
	}
	if d.output != "" && d.output != "name" {
		return usagef("-o %s: there is name", d.output)
	}
	files, selected := len(d.paths) > 0, d.all || d.sel != (selectors{})
	switch {
	case files && (len(args) > 0 || selected):
		return usagef("-f does not go together with names, selectors or --all")
	case files:
		return nil
	case d.all && d.sel.labels != "":
		return usagef("--all and -l do not go together")
	}
	list, err := targets(args)
	if err != nil {
		return err
	}
	for _, t := range list {
		switch {
		case len(t.names) > 0 && selected:
			return usagef("names do not go together with selectors or --all")
		case len(t.names) == 0 && !selected:
			return usagef("which %s must be given: names, -l LABELS or --all", t.kind.plural)
		}
	}
	return nil
}

func (d *deleter) one(ctx context.Context, ns string, k *kind, name string) error {
	var st metav1.Status
	var err error
	if d.dryRun == dryRunClient {
		_, err = d.api.do(ctx, d.api.get(ns, k, name))
	} else {
		err = d.api.into(ctx, dry(d.api.delete(ns, k, name), d.dryRun), &st)
	}
	if d.ignoreNotFound && apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.output == "name" {
		d.printf("%s/%s\n", k, name)
	} else {
		d.printf("%s %q deleted%s\n", k, name, dryRunSuffix(d.dryRun))
	}
	if d.wait && d.dryRun == dryRunNone && st.Details != nil {
		return d.gone(ctx, ns, k, name, string(st.Details.UID))
	}
	return nil
}

// gone waits until no server at the address shows the object any more.
func (d *deleter) gone(ctx context.Context, ns string, k *kind, name, uid string) error {
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	again := &reconnection{cli: d.cli, subject: fmt.Sprintf("%s/%s", k, name), connected: true}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		u, err := d.api.object(ctx, d.api.get(ns, k, name))
		if apierrors.IsNotFound(err) || err == nil && string(u.GetUID()) != uid {
			return nil
		}
		if err != nil {
			if err := again.again(ctx, err); err != nil {
				return err
			}
			continue
		}
		again.answer()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("wait until %s/%s is gone: %w", k, name, ctx.Err())
		}
	}
}
