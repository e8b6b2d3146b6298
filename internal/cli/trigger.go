package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// trigger is the state of one `horae trigger`.
type trigger struct {
	runRequest
	args  []string
	env   []string
	force bool
	alone bool
}

func (c *cli) triggerCommand() *cobra.Command {
	t := &trigger{runRequest: runRequest{cli: c}}
	cmd := &cobra.Command{
		Use: "trigger JOB", Short: "Start a Run of a Job now", Args: oneArg("a Job"),
		Long: `Start a Run of a Job now, whatever its schedule says, also when it is suspended.

With --wait or --follow the command ends with the Run: it exits with 0 when the Run
succeeded, with 1 when it did not, and with 3 when that is unknown because the
manager is gone and did not come back within two minutes.`,
		Example: example(`
horae trigger hello
horae trigger hello --wait
horae trigger report --args --day --args 2026-11-22 --env VERBOSE=1 --follow`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&t.args, "args", nil, "one argument, as it is; repeat it for more. They replace the Job's arguments")
	f.StringArrayVar(&t.env, "env", nil, "NAME=VALUE, over the Job's; may be repeated")
	f.BoolVar(&t.force, "force", false, "also while Runs of the Job are active, whatever its concurrencyPolicy says")
	f.BoolVar(&t.alone, "no-dependents", false, "its end starts no Run of a Job that depends on this one")
	t.flags(cmd)
	t.followFlag(cmd)
	return cmd
}

func (t *trigger) run(ctx context.Context, arg string) error {
	name, err := jobName(arg)
	if err != nil {
		return err
	}
	body, err := t.body()
	if err != nil {
		return err
	}
	ns, err := t.ns()
	if err != nil {
		return err
	}
	return t.ask(ctx, ns, jobKind, name, "trigger", body)
}

// body of the request; the flags are checked here.
func (t *trigger) body() (*v1.Trigger, error) {
	body := &v1.Trigger{Args: t.args, Force: t.force, NoDependents: t.alone, ID: newID()}
	for _, e := range t.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return nil, usagef("--env %q: must be NAME=VALUE", e)
		}
		body.Env = append(body.Env, v1.EnvVar{Name: name, Value: value})
	}
	return body, nil
}
