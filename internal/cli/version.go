package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"horae/internal/version"
)

// versions is what `horae version -o` prints.
type versions struct {
	Client version.Info  `json:"client"`
	Server *version.Info `json:"server,omitempty"`
}

func (c *cli) versionCommand() *cobra.Command {
	var output string
	var clientOnly bool
	cmd := &cobra.Command{
		Use: "version", Short: "Show the versions of this command and of the manager", Args: noArgs,
		Example: example("horae version\nhorae version --client -o json"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.version(cmd.Context(), clientOnly, output)
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "this command only; no manager is asked")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml")
	return cmd
}

func (c *cli) version(ctx context.Context, clientOnly bool, output string) error {
	v := versions{Client: version.Get()}
	var failed error
	if !clientOnly {
		api, err := c.connect()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		v.Server = &version.Info{}
		if failed = api.into(ctx, api.path("version"), v.Server); failed != nil {
			v.Server = nil
		}
	}
	if output != "" {
		if err := c.printValue(output, v); err != nil {
			return err
		}
		return failed
	}
	c.printf("Client: %s\n", versionLine(v.Client))
	if v.Server != nil {
		c.printf("Server: %s\n", versionLine(*v.Server))
	}
	return failed
}

func versionLine(i version.Info) string {
	s := i.Version
	if i.Commit != "" {
		s += fmt.Sprintf(" (%.12s)", i.Commit)
	}
	return fmt.Sprintf("%s, %s, %s", s, i.Go, i.Platform)
}
