package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/mergepatch"
)

// apply is the state of one `horae apply`.
type apply struct {
	*cli
	manifests
	dryRun string
	output string
	print  func(runtime.Object) error
}

func (c *cli) applyCommand() *cobra.Command {
	a := &apply{cli: c}
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Create or change objects by file", Args: noArgs,
		Long: `Create or change objects so that they match the files.

A file may hold several documents, in YAML or JSON. A directory stands for its
files, "-" for the standard input. What an earlier apply set and the file does not
contain any more is removed; what others have set stays. Each document is applied by
itself: after a mistake in one the others are applied, and the exit code is 1. Jobs
that would depend on each other in a circle are a mistake of the whole: nothing is
applied then. A Job is applied after those that it depends on.`,
		Example: example(`
horae apply -f job.yaml
horae apply -R -f manifests/
cat job.yaml | horae apply -f -
horae apply -f job.yaml --dry-run=server`),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd.Context()) },
	}
	a.fileFlags(cmd)
	dryRunFlag(cmd, &a.dryRun)
	cmd.Flags().StringVarP(&a.output, "output", "o", "", "print the objects as json, yaml or name instead of a line each")
	return cmd
}

func (a *apply) run(ctx context.Context) error {
	if len(a.paths) == 0 {
		return usagef("what to apply must be given: -f FILE")
	}
	if err := checkDryRun(a.dryRun); err != nil {
		return err
	}
	if a.output != "" {
		var err error
		if a.print, err = a.objectPrinter(a.output, true); err != nil {
			return err
		}
	}
	if _, err := a.connect(); err != nil {
		return err
	}
	var docs []document
	reported := a.visit(ctx, a.manifests, func(d document) error {
		docs = append(docs, d)
		return nil
	})
	if reported != nil && !errors.Is(reported, errReported) {
		return reported
	}
	docs, err := a.inOrder(ctx, docs)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if err := a.one(ctx, d); err != nil {
			a.reportAbout(d.source, err)
			reported = errReported
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return reported
}

// one applies a document and prints what became of it.
func (a *apply) one(ctx context.Context, d document) error {
	ns, err := a.namespaceOf(d)
	if err != nil {
		return err
	}
	modified, err := withLastApplied(d.obj)
	if err != nil {
		return err
	}
	done, err := a.carryOut(ctx, ns, d, modified)
	if err != nil {
		return err
	}
	if a.print != nil {
		return a.print(done.after)
	}
	a.printf("%s/%s %s%s\n", d.kind, d.obj.GetName(), done.what, dryRunSuffix(a.dryRun))
	return nil
}

// applied is what became of a document: created, configured or unchanged.
type applied struct {
	what          string
	before, after *unstructured.Unstructured // before is nil if it was created
}

// carryOut creates or changes the object of a document, or with dryRun finds what that would come to.
func (a *apply) carryOut(ctx context.Context, ns string, d document, modified []byte) (applied, error) {
	current, err := a.api.do(ctx, a.api.get(ns, d.kind, d.obj.GetName()))
	switch {
	case apierrors.IsNotFound(err):
		after, err := a.create(ctx, ns, d, modified)
		return applied{what: "created", after: after}, err
	case err != nil:
		return applied{}, err
	}
	return a.change(ctx, ns, d, modified, current)
}

func (a *apply) create(ctx context.Context, ns string, d document, modified []byte) (*unstructured.Unstructured, error) {
	if a.dryRun == dryRunClient {
		return decodeJSON(modified)
	}
	return a.api.object(ctx, dry(a.api.create(ns, d.kind, modified), a.dryRun))
}

// change patches an object that exists, unless the file, the last applied document and the object agree.
func (a *apply) change(
	ctx context.Context, ns string, d document, modified, current []byte,
) (applied, error) {
	before, err := decodeJSON(current)
	if err != nil {
		return applied{}, fmt.Errorf("decode the answer of %s: %w", a.api.server, err)
	}
	original := []byte(before.GetAnnotations()[lastApplied])
	if len(original) == 0 {
		original = nil
		fmt.Fprintf(a.Err, "Warning: %s/%s was not made by apply: what it has and the file has not stays\n",
			d.kind, d.obj.GetName())
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, current,
		mergepatch.RequireKeyUnchanged("apiVersion"), mergepatch.RequireKeyUnchanged(
			"kind"), mergepatch.RequireMetadataKeyUnchanged("name"))
	if err != nil {
		return applied{}, fmt.Errorf("compare the file with the object: %w", err)
	}
	if string(patch) == "{}" {
		return applied{"unchanged", before, before}, nil
	}
	if a.dryRun == dryRunClient {
		merged, err := jsonpatch.MergePatch(current, patch)
		if err != nil {
			return applied{}, fmt.Errorf("merge the file with the object: %w", err)
		}
		after, err := decodeJSON(merged)
		return applied{"configured", before, after}, err
	}
	after, err := a.api.object(ctx, dry(a.api.patch(ns, d.kind, d.obj.GetName(), patch), a.dryRun))
	if err != nil {
		return applied{}, err
	}
	// A patch may change nothing: another spelling of the same value. The server then keeps the generation.
	if after.GetGeneration() == before.GetGeneration() {
		return applied{"unchanged", before, after}, nil
	}
	return applied{"configured", before, after}, nil
}
