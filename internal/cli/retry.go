package cli

import (
	"context"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// retry is the state of one `horae retry`.
type retry struct {
	runRequest
	body v1.Retry
}

func (c *cli) retryCommand() *cobra.Command {
	t := &retry{runRequest: runRequest{cli: c}}
	cmd := &cobra.Command{
		Use: "retry RUN", Short: "Repeat a Run that has ended", Args: oneArg("a Run"),
		Long: `Repeat a Run that has ended, in a new Run with the same scheduled time, arguments and
environment. Of a Job, its last Run is repeated. The Run that is repeated stays as it is.

The new Run has the task and the policies that the old one had, or with --job-task those
that its Job has now. With --wait or --follow the command ends with the new Run, and the
exit code is that of horae trigger.`,
		Example: example(`
horae retry hello-20261122t020000z
horae retry hello --job-task --wait`),
		ValidArgsFunction: c.completeNames(runKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.BoolVar(&t.body.JobTask, "job-task", false, "the task and the policies of the Job as it is now")
	f.BoolVar(&t.body.Force, "force", false, "also while Runs of the Job are active, whatever its concurrencyPolicy says")
	f.BoolVar(&t.body.NoDependents, "no-dependents", false, "its end starts no Run of a Job that depends on this one")
	f.StringVar(&t.body.Note, "note", "", "a text that is kept in the Run")
	t.flags(cmd)
	t.followFlag(cmd)
	return cmd
}

func (t *retry) run(ctx context.Context, arg string) error {
	ns, err := t.ns()
	if err != nil {
		return err
	}
	if _, err := t.connect(); err != nil {
		return err
	}
	name, err := t.runNamed(ctx, ns, arg)
	if err != nil {
		return err
	}
	t.body.ID = newID()
	return t.ask(ctx, ns, runKind, name, "retry", &t.body)
}
