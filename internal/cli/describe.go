package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	v1 "horae/api/v1"
)

func (c *cli) describeCommand() *cobra.Command {
	var sel selectors
	cmd := &cobra.Command{
		Use: "describe TYPE NAME... | TYPE/NAME...", Short: "Tell about objects in detail",
		Long: `Tell about objects in detail: of a Job what it does and when, its conditions, its
recent Runs and what did not run; of a Run its attempts, and why it is where it is;
of a Calendar the days it comes to.`,
		Example: example(`
horae describe job hello
horae describe run/hello-20261122t020000z`),
		ValidArgsFunction: c.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.describe(cmd.Context(), args, sel) },
	}
	sel.add(cmd)
	c.allFlag(cmd)
	return cmd
}

func (c *cli) describe(ctx context.Context, args []string, sel selectors) error {
	list, err := targets(args)
	if err != nil {
		return err
	}
	ns, err := c.namespaceOrAll()
	if err != nil {
		return err
	}
	if len(list[0].names) > 0 && c.allNamespaces {
		return usagef("a name is of one namespace: give -n instead of -A")
	}
	if _, err := c.connect(); err != nil {
		return err
	}
	shown := 0
	separate := func() {
		if shown > 0 {
			c.sayf("\n\n")
		}
		shown++
	}
	failed := error(nil)
	for _, t := range list {
		keys, err := c.keysOf(ctx, ns, t, sel)
		if err != nil {
			return err
		}
		for _, k := range keys {
			text, err := c.describeOne(ctx, t.kind, k[0], k[1])
			if err != nil {
				c.tell(err)
				failed = errTold
				continue
			}
			separate()
			c.sayf("%s", text)
		}
	}
	if shown == 0 && failed == nil {
		fmt.Fprintln(c.Err, "No resources found")
	}
	return failed
}

// keysOf are namespace and name of what a target names.
func (c *cli) keysOf(ctx context.Context, ns string, t target, sel selectors) ([][2]string, error) {
	var keys [][2]string
	for _, name := range t.names {
		keys = append(keys, [2]string{ns, name})
	}
	if len(t.names) > 0 {
		return keys, nil
	}
	var all metav1.PartialObjectMetadataList
	if err := c.api.into(ctx, c.api.list(ns, t.kind, sel), &all); err != nil {
		return nil, err
	}
	for i := range all.Items {
		keys = append(keys, [2]string{all.Items[i].Namespace, all.Items[i].Name})
	}
	return keys, nil
}

func (c *cli) describeOne(ctx context.Context, k *kind, ns, name string) (string, error) {
	var b strings.Builder
	switch k {
	case calendarKind:
		var cal v1.Calendar
		if err := c.api.into(ctx, c.api.get(ns, calendarKind, name), &cal); err != nil {
			return "", err
		}
		return describeCalendar(&b, &cal, c.Now()), nil
	case runKind:
		r, err := c.api.run(ctx, ns, name)
		if err != nil {
			return "", err
		}
		return describeRun(&b, r, c.Now()), nil
	}
	var j v1.Job
	if err := c.api.into(ctx, c.api.get(ns, jobKind, name), &j); err != nil {
		return "", err
	}
	var all v1.RunList
	if err := c.api.into(ctx, c.api.list(ns, runKind, selectors{fields: "spec.job=" + name}), &all); err != nil {
		return "", err
	}
	return describeJob(&b, &j, all.Items, c.Now()), nil
}

// page is a description being written: fields in two columns, and tables below a heading.
type page struct {
	out *strings.Builder
	w   *tabwriter.Writer
}

func newPage(out *strings.Builder) *page {
	return &page{out, tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)}
}

// field writes one line; fields without a value are left out.
func (p *page) field(name, value string) {
	if value == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(value, "\n"), "\n")
	fmt.Fprintf(p.w, "%s:\t%s\n", name, lines[0])
	for _, l := range lines[1:] {
		fmt.Fprintf(p.w, "\t%s\n", l)
	}
}

// section ends the columns and begins with a heading anew.
func (p *page) section(name string) {
	_ = p.w.Flush()
	fmt.Fprintf(p.out, "%s:\n", name)
}

// table writes rows below a heading of their own.
func (p *page) table(name string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.section(name)
	t := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	writeRow(t, head)
	for _, r := range rows {
		writeRow(t, r)
	}
	_ = t.Flush()
}

func writeRow(w io.Writer, cells []string) {
	for i, cell := range cells {
		if cell == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
}

func (p *page) String() string {
	_ = p.w.Flush()
	return p.out.String()
}

func (p *page) meta(m *metav1.ObjectMeta, now time.Time) {
	p.field("Name", m.Name)
	p.field("Namespace", m.Namespace)
	p.field("Labels", pairs(m.Labels))
	annotations := maps.Clone(m.Annotations)
	delete(annotations, lastApplied)
	p.field("Annotations", pairs(annotations))
	p.field("Created", when(m.CreationTimestamp.Time, now))
}

func pairs(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, k+"="+m[k])
	}
	return strings.Join(lines, "\n")
}

// when is an instant with how long ago it was, or how far it is.
func when(t, now time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.After(now):
		return fmt.Sprintf("%s (in %s)", t.UTC().Format(time.RFC3339Nano), duration.HumanDuration(t.Sub(now)))
	}
	return fmt.Sprintf("%s (%s ago)", t.UTC().Format(time.RFC3339Nano), duration.HumanDuration(now.Sub(t)))
}

func whenPtr(t *v1.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return when(t.Time, now)
}

// span is the time from one instant to another, or to now while it has not come.
func span(from, to *v1.Time, now time.Time) string {
	switch {
	case from == nil:
		return ""
	case to == nil:
		return now.Sub(from.Time).Round(time.Millisecond).String()
	}
	return to.Sub(from.Time).Round(time.Millisecond).String()
}

func stamp(t *v1.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func durationOf(d *v1.Duration) string {
	if d == nil {
		return ""
	}
	return d.String()
}
