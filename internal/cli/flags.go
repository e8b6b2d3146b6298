package cli

import "github.com/spf13/cobra"

// Values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunServer = "server"
	dryRunClient = "client"
)

func dryRunFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "dry-run", dryRunNone, `"server": have the server check everything and write nothing; `+
		`"client": send no change at all; "none"`)
}

func checkDryRun(value string) error {
	if value != dryRunNone && value != dryRunServer && value != dryRunClient {
		return usagef(`--dry-run=%s: must be "server", "client" or "none"`, value)
	}
	return nil
}

// dry has the server write nothing if that is asked for.
func dry(req *request, dryRun string) *request {
	if dryRun == dryRunServer {
		req.param("dryRun", "All")
	}
	return req
}

// dryRunSuffix is what messages about a change end with, as kubectl's do.
func dryRunSuffix(dryRun string) string {
	switch dryRun {
	case dryRunServer:
		return " (server dry run)"
	case dryRunClient:
		return " (dry run)"
	}
	return ""
}

// selectors restrict lists.
type selectors struct{ labels, fields string }

func (s *selectors) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.labels, "selector", "l", "", "only objects with these labels, as in team=data,env!=test")
	cmd.Flags().StringVar(&s.fields, "field-selector", "", "only objects with these fields: metadata.name, metadata.namespace; "+
		"of runs spec.job, spec.reason, status.phase; of jobs spec.suspend; of backfills spec.job")
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
