package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// succeed is the state of one `horae succeed`.
type succeed struct {
	runRequest
	body v1.Succeed
	at   string
}

func (c *cli) succeedCommand() *cobra.Command {
	t := &succeed{runRequest: runRequest{cli: c}}
	cmd := &cobra.Command{
		Use: "succeed JOB", Short: "Mark a success of a Job", Args: oneArg("a Job"),
		Long: `Make a Run of a Job that has no task and succeeds at once. It counts as a success, and
starts the Jobs that depend on this one.

With --at it stands for a scheduled time that has passed: one that failed, was missed, or
is still to be caught up. The schedule does not run that time any more.`,
		Example: example(`
horae succeed hello --note "loaded by hand"
horae succeed hello --at 2026-11-22T02:00:00Z`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&t.at, "at", "", "the scheduled time, as in 2026-11-22T02:00:00Z")
	f.BoolVar(&t.body.NoDependents, "no-dependents", false, "its end starts no Run of a Job that depends on this one")
	f.StringVar(&t.body.Note, "note", "", "a text that is kept in the Run")
	t.flags(cmd)
	return cmd
}

func (t *succeed) run(ctx context.Context, arg string) error {
	name, err := jobName(arg)
	if err != nil {
		return err
	}
	if t.at != "" {
		at, err := time.Parse(time.RFC3339, t.at)
		if err != nil {
			return usagef("--at %q: must be a time such as 2026-11-22T02:00:00Z", t.at)
		}
		t.body.At = v1.NewTimePtr(at)
	}
	ns, err := t.ns()
	if err != nil {
		return err
	}
	t.body.ID = newID()
	return t.ask(ctx, ns, jobKind, name, "succeed", &t.body)
}
