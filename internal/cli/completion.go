package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// completeTimeout bounds what a press of the tab key may cost.
const completeTimeout = 2 * time.Second

// completeTargets completes types, then names.
func (c *cli) completeTargets(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		k, err := kindNamed(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.names(cmd.Context(), k, "", start), cobra.ShellCompDirectiveNoFileComp
	}
	if word, _, ok := strings.Cut(start, "/"); ok {
		k, err := kindNamed(word)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.names(cmd.Context(), k, word+"/", start), cobra.ShellCompDirectiveNoFileComp
	}
	return []string{jobKind.plural, runKind.plural, calendarKind.plural, backfillKind.plural}, cobra.ShellCompDirectiveNoFileComp
}

// completeNames completes names of one kind.
func (c *cli) completeNames(k *kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		return c.names(cmd.Context(), k, "", start), cobra.ShellCompDirectiveNoFileComp
	}
}

// names of the server's objects; none when it does not answer.
func (c *cli) names(ctx context.Context, k *kind, prefix, start string) []string {
	api, err := c.connect()
	if err != nil {
		return nil
	}
	ns, err := c.ns()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	var list metav1.PartialObjectMetadataList
	req := api.list(ns, k, selectors{}).accept("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
	if api.into(ctx, req, &list) != nil {
		return nil
	}
	var names []string
	for i := range list.Items {
		if name := prefix + list.Items[i].Name; strings.HasPrefix(name, start) {
			names = append(names, name)
		}
	}
	return names
}
