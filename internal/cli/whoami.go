package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// These have the fields of Kubernetes' reviews that are used here; its own types would add a megabyte.

type selfReview struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Status     struct {
		UserInfo struct {
			Username string   `json:"username"`
			Groups   []string `json:"groups"`
		} `json:"userInfo"`
	} `json:"status"`
}

func (c *cli) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who you are to the manager", Args: noArgs, Example: example("horae whoami"),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.whoami(cmd.Context()) },
	}
}

func (c *cli) whoami(ctx context.Context) error {
	var r selfReview
	question := map[string]string{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
	if err := c.review(ctx, "authentication.k8s.io", "selfsubjectreviews", question, &r); err != nil {
		return err
	}
	c.printf("User:    %s\nGroups:  %s\n", r.Status.UserInfo.Username, strings.Join(r.Status.UserInfo.Groups, ", "))
	return nil
}
