package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// exitTrouble is what diff programs return when they could not compare.
const exitTrouble = 2

// differ is the state of one `horae diff`.
type differ struct {
	apply
	// differs: one of the documents would change something.
	differs bool
}

func (c *cli) diffCommand() *cobra.Command {
	d := &differ{apply: apply{cli: c, dryRun: dryRunServer}}
	cmd := &cobra.Command{
		Use: "diff -f FILE", Short: "Show what apply would change", Args: noArgs,
		Long: `Show what "horae apply" would change: the server merges and checks the files, and writes
nothing. The exit code is 0 when nothing would change, 1 when something would, and 2
when that could not be found out.`,
		Example: example(`
horae diff -f job.yaml
horae diff -R -f manifests/`),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	d.fileFlags(cmd)
	return cmd
}

func (d *differ) run(ctx context.Context) error {
	if len(d.paths) == 0 {
		return usagef("what to compare must be given: -f FILE")
	}
	if _, err := d.connect(); err != nil {
		return err
	}
	if err := d.visit(ctx, d.manifests, func(doc document) error { return d.one(ctx, doc) }); err != nil {
		return codedError{err, exitTrouble}
	}
	if d.differs {
		return errReported
	}
	return nil
}

// one prints the difference that applying a document would make.
func (d *differ) one(ctx context.Context, doc document) error {
	ns, err := d.namespaceOf(doc)
	if err != nil {
		return err
	}
	modified, err := withLastApplied(doc.obj)
	if err != nil {
		return err
	}
	done, err := d.carryOut(ctx, ns, doc, modified)
	if err != nil {
		return err
	}
	if done.what == "unchanged" {
		return nil
	}
	before, err := readable(done.before)
	if err != nil {
		return err
	}
	after, err := readable(done.after)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s/%s/%s", ns, doc.kind, doc.obj.GetName())
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(before), B: lines(after), FromFile: "live/" + name, ToFile: "merged/" + name, Context: 3,
	})
	if err != nil {
		return fmt.Errorf("compare the objects: %w", err)
	}
	if text != "" {
		d.differs = true
		d.printf("%s", text)
	}
	return nil
}

// lines of a text, each with its end.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, line)
	}
	return out
}

// readable is an object as diff compares it; "" for nil.
func readable(u *unstructured.Unstructured) (string, error) {
	if u == nil {
		return "", nil
	}
	data, err := objectYAML(u.DeepCopy())
	return string(data), err
}
