package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
)

// trigger is the state of one `horae trigger`.
type trigger struct {
	*cli
	args   []string
	env    []string
	force  bool
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
	print, err := t.printer()
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
	made, err := t.send(ctx, req, name)
	if err != nil {
		return err
	}
	if err := print(made); err != nil {
		return err
	}
	w := t.waiter(ns, made.GetName(), made.GetResourceVersion())
	switch {
	case t.dryRun == "server" || !t.wait && !t.follow:
		return nil
	case t.follow:
		return t.followRun(ctx, w)
	}
	run, err := w.until(ctx, ended)
	if err != nil {
		return err
	}
	return t.outcome(run, t.output != "")
}

// send sends the request, again if the answer does not arrive: with its ID it makes one Run, however often it is sent.
func (t *trigger) send(ctx context.Context, req *request, job string) (*unstructured.Unstructured, error) {
	again := &reconnection{cli: t.cli, subject: "a new Run of " + job}
	for {
		made, err := t.api.object(ctx, req)
		if err == nil {
			again.answer()
			return made, nil
		}
		// Until there may be a Run, a failure is final.
		var lost lostError
		if errors.As(err, &lost) && !lost.refused || apierrors.IsTimeout(err) {
			again.connected = true
		}
		if err := again.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// body of the request; the flags are checked here.
func (t *trigger) body() ([]byte, error) {
	if err := checkDryRun(t.dryRun); err != nil {
		return nil, err
	}
	body := v1.Trigger{Args: t.args, Force: t.force, ID: strings.ToLower(rand.Text()[:8])}
	for _, e := range t.env {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return nil, usagef("--env %q: must be NAME=VALUE", e)
		}
		body.Env = append(body.Env, v1.EnvVar{Name: name, Value: value})
	}
	return json.Marshal(body)
}

// printer prints the Run that was made; -o is checked before there is one.
func (t *trigger) printer() (func(runtime.Object) error, error) {
	if t.output != "" {
		return t.objectPrinter(t.output)
	}
	suffix := ""
	if t.dryRun == "server" {
		suffix = " (server dry run)"
	}
	return func(o runtime.Object) error {
		t.printf("%s/%s created%s\n", runKind, o.(*unstructured.Unstructured).GetName(), suffix)
		return nil
	}, nil
}

// followRun prints the output of one attempt after the other, and then the outcome.
func (t *trigger) followRun(ctx context.Context, w *runWaiter) error {
	for attempt := 1; ; attempt++ {
		run, err := w.until(ctx, func(r *v1.Run) bool { return ended(r) || len(r.Status.Attempts) >= attempt })
		if err != nil {
			return err
		}
		if len(run.Status.Attempts) < attempt {
			return t.outcome(run, t.output != "")
		}
		if attempt > 1 {
			fmt.Fprintf(t.Err, "--- attempt %d ---\n", attempt)
		}
		err = t.copyLog(ctx, w.ns, w.name, logOptions{follow: true, attempt: attempt})
		if isUnknown(err) {
			return err
		}
		if err != nil {
			fmt.Fprintln(t.Err, t.errorText(err)) // the Run's end is what counts
		}
	}
}
