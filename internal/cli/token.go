package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
)

var tokenKind = mustKind(api.Tokens)

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke tokens by which users say who they are", Args: noArgs,
		Long: `Make, list and revoke bearer tokens. A token stands for a user and its groups; what that
user may do is said by Roles and their bindings (docs/access.md).`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.tokenCreateCommand(), c.tokenListCommand(), c.tokenDeleteCommand())
	return cmd
}

func (c *cli) tokenCreateCommand() *cobra.Command {
	var spec v1.TokenSpec
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME --user USER", Short: "Make a token, and print its secret, which is shown this once", Args: oneArg(
			"the name of the token"),
		Example: example("horae token create ci --user ci --groups bots --expires 720h\nHORAE_TOKEN=$(horae token " +
			"create me --user ada) horae whoami"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if spec.Expires, err = c.end(expires); err != nil {
				return err
			}
			if spec.User == "" {
				return usagef("--user must be given: the user that the token stands for")
			}
			return c.createToken(cmd.Context(), args[0], spec)
		},
	}
	cmd.Flags().StringVar(&spec.User, "user", "", "the user that the token stands for")
	cmd.Flags().StringArrayVar(&spec.Groups, "groups", nil, "a group of the user; may be given several times")
	cmd.Flags().StringVar(&expires, "expires", "",
		"when it ends: a duration from now, as 720h, or a time, as 2027-01-01T00:00:00Z; without: never")
	return cmd
}

// end reads a duration from now, or a time.
func (c *cli) end(expires string) (*v1.Time, error) {
	if expires == "" {
		return nil, nil
	}
	if d, err := v1.ParseDuration(expires); err == nil && d > 0 {
		return v1.NewTimePtr(c.Now().Add(d).Truncate(time.Second)), nil
	}
	at, err := time.Parse(time.RFC3339, expires)
	if err != nil {
		return nil, usagef("--expires=%s: must be a duration such as 720h, or a time such as 2027-01-01T00:00:00Z", expires)
	}
	return v1.NewTimePtr(at), nil
}

func (c *cli) createToken(ctx context.Context, name string, spec v1.TokenSpec) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	token := &v1.Token{TypeMeta: api.Tokens.TypeMeta(), ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	body, err := api.EncodeSpec(token)
	if err != nil {
		return err
	}
	made := &v1.Token{}
	if err := client.into(ctx, client.create("", tokenKind, body), made); err != nil {
		return err
	}
	if made.Status.Secret == "" {
		return fmt.Errorf("%s made the token %s without a secret: delete it and look at the version of the manager", client.server, name)
	}
	c.printf("%s\n", made.Status.Secret)
	fmt.Fprintf(c.Err, "This is the secret of the token %s. It is not shown again.\n", name)
	return nil
}

func (c *cli) tokenListCommand() *cobra.Command {
	cmd := c.getCommand()
	run := cmd.RunE
	cmd.Use, cmd.Short, cmd.Long, cmd.Example, cmd.Args = "list [NAME...]", "List tokens; secrets are not shown", "", example(
		"horae token list"), nil
	cmd.Aliases = nil
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return run(cmd, append([]string{tokenKind.plural}, args...))
	}
	return cmd
}

func (c *cli) tokenDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME...", Short: "Revoke tokens: every manager refuses them at once", Args: someArgs("the name of a token"),
		Example: example("horae token delete ci"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.connect()
			if err != nil {
				return err
			}
			var failed error
			for _, name := range args {
				if _, err := client.do(cmd.Context(), client.delete("", tokenKind, name)); err != nil {
					c.report(err)
					failed = errReported
					continue
				}
				c.printf("%s %q deleted\n", tokenKind, name)
			}
			return failed
		},
	}
}

// review asks the server a question about the user.
func (c *cli) review(ctx context.Context, group, plural string, question, answer any) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	req := client.path("apis").segment(group).segment("v1").segment(plural).with("application/json", body)
	req.method = "POST"
	return client.into(ctx, req, answer)
}
