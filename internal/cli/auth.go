package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) authCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "auth", Short: "Ask what you may do", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.canICommand())
	return cmd
}

func (c *cli) canICommand() *cobra.Command {
	var subresource string
	cmd := &cobra.Command{
		Use: "can-i VERB TYPE[/NAME] | VERB PATH", Short: `Print "yes" or "no"; the exit code of "no" is 1`,
		Example: example("horae auth can-i create jobs -n team\nhorae auth can-i create jobs --subresource " +
			"trigger\nhorae auth can-i get /metrics"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("a verb and a type must be given, as in: can-i create jobs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.canI(cmd.Context(), args[0], args[1], subresource)
		},
	}
	cmd.Flags().StringVar(&subresource, "subresource", "", "trigger, log, suspend and the like")
	c.allFlag(cmd)
	return cmd
}

func (c *cli) canI(ctx context.Context, verb, what, subresource string) error {
	spec := map[string]any{"nonResourceAttributes": map[string]string{"verb": verb, "path": what}}
	if !strings.HasPrefix(what, "/") {
		ns, err := c.namespaceOrAll()
		if err != nil {
			return err
		}
		word, name, _ := strings.Cut(what, "/")
		attributes := map[string]string{"verb": verb, "resource": word, "namespace": ns, "name": name,
			"subresource": subresource, "version": "v1"}
		if k, err := readableKind(word); err == nil {
			attributes["resource"], attributes["group"] = k.plural, k.gv.Group
			if k.clusterScoped {
				attributes["namespace"] = ""
			}
		}
		spec = map[string]any{"resourceAttributes": attributes}
	}
	var answer struct {
		Status struct {
			Allowed bool   `json:"allowed"`
			Reason  string `json:"reason"`
		} `json:"status"`
	}
	question := map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
	if err := c.review(ctx, "authorization.k8s.io", "selfsubjectaccessreviews", question, &answer); err != nil {
		return err
	}
	if !answer.Status.Allowed {
		c.printf("no\n")
		return errReported
	}
	c.printf("yes\n")
	return nil
}
