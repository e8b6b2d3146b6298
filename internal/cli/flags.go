package cli

import "github.com/spf13/cobra"

func dryRunFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "dry-run", "none", `"server": have the server check everything and write nothing; "none"`)
}

func checkDryRun(value string) error {
	if value != "none" && value != "server" {
		return usagef(`--dry-run=%s: must be "server" or "none"`, value)
	}
	return nil
}

// selectors restrict lists.
type selectors struct{ labels, fields string }

func (s *selectors) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.labels, "selector", "l", "", "only objects with these labels, as in team=data,env!=test")
	cmd.Flags().StringVar(&s.fields, "field-selector", "", "only objects with these fields: metadata.name, metadata.namespace; "+
		"of runs spec.job, spec.reason, status.phase; of jobs spec.suspend")
}

func (c *cli) allFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&c.allNamespaces, "all-namespaces", "A", false, "in all namespaces")
}

// namespaceOrAll is "" for -A.
func (c *cli) namespaceOrAll() (string, error) {
	if c.allNamespaces {
		return "", nil
	}
	return c.ns()
}
