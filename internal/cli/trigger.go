package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "horae/api/v1"
)

// trigger is the state of one `horae trigger`.
type trigger struct {
	*cli
	args   []string
	env    []string
	wait   bool
	follow bool
	dryRun string
	output string
}

func (c *cli) triggerCommand() *cobra.Command {
	t := &trigger{cli: c}
	cmd := &cobra.Command{
		Use: "trigger JOB", Short: "Start a Run of a Job now", Args: oneArg("a Job"),
		Long: `Start a Run of a Job now, whatever its schedule says, also when it is suspended.

With --wait or --follow the command ends with the Run, and exits with 1 unless the
Run succeeded.`,
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
	f.BoolVar(&t.wait, "wait", false, "wait for the end of the Run")
	f.BoolVar(&t.follow, "follow", false, "show the output of the Run until it ends")
	f.StringVarP(&t.output, "output", "o", "", "print the Run as json, yaml or name")
	dryRunFlag(cmd, &t.dryRun)
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
	api, err := t.connect()
	if err != nil {
		return err
	}
	req := api.request(http.MethodPost, ns, jobKind, name).segment("trigger").with("application/json", body)
	if t.dryRun == "server" {
		req.param("dryRun", "All")
	}
	made, err := api.object(ctx, req)
	if err != nil {
		return err
	}
	if err := t.printRun(made); err != nil {
		return err
	}
	switch {
	case t.dryRun == "server" || !t.wait && !t.follow:
		return nil
	case t.follow:
		return t.followRun(ctx, ns, made.GetName())
	}
	run, err := t.waitRun(ctx, ns, made.GetName(), ended)
	if err != nil {
		return err
	}
	return t.outcome(run)
}

// body of the request; the flags are checked here.
func (t *trigger) body() ([]byte, error) {
	if err := checkDryRun(t.dryRun); err != nil {
		return nil, err
	}
	var body struct {
		Args []string    `json:"args,omitempty"`
		Env  []v1.EnvVar `json:"env,omitempty"`
	}
	body.Args = t.args
	for _, e := range t.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return nil, usagef("--env %q: must be NAME=VALUE", e)
		}
		body.Env = append(body.Env, v1.EnvVar{Name: name, Value: value})
	}
	return json.Marshal(body)
}

func (t *trigger) printRun(u *unstructured.Unstructured) error {
	if t.output != "" {
		p, err := objectPrinter(t.output)
		if err != nil {
			return err
		}
		return p.PrintObj(u, t.Out)
	}
	suffix := ""
	if t.dryRun == "server" {
		suffix = " (server dry run)"
	}
	t.printf("%s/%s created%s\n", runKind, u.GetName(), suffix)
	return nil
}

// followRun shows the output of one attempt after the other, and then the outcome.
func (c *cli) followRun(ctx context.Context, ns, name string) error {
	for attempt := 1; ; attempt++ {
		run, err := c.waitRun(ctx, ns, name, func(r *v1.Run) bool { return ended(r) || len(r.Status.Attempts) >= attempt })
		if err != nil {
			return err
		}
		if len(run.Status.Attempts) < attempt {
			return c.outcome(run)
		}
		if attempt > 1 {
			fmt.Fprintf(c.Err, "--- attempt %d ---\n", attempt)
		}
		if err := c.copyLog(ctx, ns, name, logOptions{follow: true, attempt: attempt}); err != nil {
			fmt.Fprintln(c.Err, c.errorText(err)) // the Run's end is what counts
		}
	}
}
