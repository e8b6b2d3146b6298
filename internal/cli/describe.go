package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
)

func (c *cli) describeCommand() *cobra.Command {
	var sel selectors
	cmd := &cobra.Command{
		Use: "describe TYPE NAME... | TYPE/NAME...", Short: "Show objects in detail",
		Long: `Show objects in detail: of a Job what it does and when, its conditions, its recent
Runs and what did not run; of a Run its attempts, and the reason for its phase; of a
Calendar its days.`,
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
			c.printf("\n\n")
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
				c.report(err)
				failed = errReported
				continue
			}
			separate()
			c.printf("%s", text)
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
	case backfillKind:
		var fill v1.Backfill
		if err := c.api.into(ctx, c.api.get(ns, backfillKind, name), &fill); err != nil {
			return "", err
		}
		return describeBackfill(&b, &fill, c.Now()), nil
	case runKind:
		r, err := c.api.run(ctx, ns, name)
		if err != nil {
			return "", err
		}
		return describeRun(&b, r, c.Now()), nil
	}
	if k != jobKind { // there is no story to tell: show it as it is
		u, err := c.api.object(ctx, c.api.get(ns, k, name))
		if err != nil {
			return "", err
		}
		text, err := yaml.Marshal(u.Object)
		return string(text), err
	}
	f, err := c.jobFacts(ctx, ns, name)
	if err != nil {
		return "", err
	}
	return describeJob(&b, f, c.Now()), nil
}
