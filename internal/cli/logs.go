package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

// logOptions are the flags of `horae logs`.
type logOptions struct {
	follow  bool
	attempt int
	stderr  bool
}

func (c *cli) logsCommand() *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use: "logs RUN | JOB", Short: "Show the output of a Run", Args: oneArg("a Run, or a Job"),
		Long: `Show what a Run wrote to its standard output, or with --stderr to its standard error.

Of a Job it is the Run that was made last. The output is kept by the Mesos agent
that ran the task: it is there as long as the agent keeps the sandbox.`,
		Example: example(`
horae logs hello-20261122t020000z
horae logs hello -f
horae logs run/hello-20261122t020000z --attempt 1 --stderr`),
		ValidArgsFunction: c.completeNames(runKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.logs(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on until the attempt ends")
	f.IntVar(&o.attempt, "attempt", 0, "which attempt, from 1; default: the last")
	f.BoolVar(&o.stderr, "stderr", false, "the standard error instead")
	return cmd
}

func (c *cli) logs(ctx context.Context, arg string, o logOptions) error {
	if o.attempt < 0 {
		return usagef("--attempt %d: attempts are counted from 1", o.attempt)
	}
	if _, err := c.connect(); err != nil {
		return err
	}
	ns, err := c.ns()
	if err != nil {
		return err
	}
	name, err := c.runNamed(ctx, ns, arg)
	if err != nil {
		return err
	}
	return c.copyLog(ctx, ns, name, o)
}

// copyLog writes an attempt's output to the standard output.
func (c *cli) copyLog(ctx context.Context, ns, name string, o logOptions) error {
	req := c.api.get(ns, runKind, name).segment("log")
	if o.follow {
		req.param("follow", "true")
	}
	if o.attempt > 0 {
		req.param("attempt", strconv.Itoa(o.attempt))
	}
	if o.stderr {
		req.param("stream", "stderr")
	}
	resp, err := req.send(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(c.Out, resp.Body); err != nil {
		return fmt.Errorf("read the log of %s: %w", name, err)
	}
	if why := resp.Trailer.Get("Horae-Error"); why != "" {
		return errors.New(why)
	}
	return nil
}
