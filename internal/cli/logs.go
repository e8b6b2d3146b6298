package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

For a Job it is the newest Run. The output is kept by the Mesos agent
that ran the task: it is there as long as the agent keeps the sandbox. It is
printed as the task wrote it, byte for byte.

When the manager goes away, the command goes on at the same byte as soon as it, or
another one at the same address, is back. After two minutes without it the exit
code is 3.`,
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

// logReader reads the log of one attempt, and goes on where it was when the server goes away.
type logReader struct {
	*reconnection
	logOptions
	ns, name string
	// offset is how many bytes were written so far.
	offset int64
}

// copyLog writes an attempt's output to the standard output, as it is.
func (c *cli) copyLog(ctx context.Context, ns, name string, o logOptions) error {
	// Without -f a server that cannot reach the agent answers 503, and trying again would not help.
	r := &reconnection{cli: c, subject: fmt.Sprintf("the output of %s/%s", runKind, name), connected: o.follow}
	l := &logReader{reconnection: r, logOptions: o, ns: ns, name: name}
	for {
		err := l.copy(ctx)
		if err == nil && l.follow {
			err = l.isOver(ctx)
		}
		if err == nil {
			return nil
		}
		if err := l.again(ctx, err); err != nil {
			return err
		}
	}
}

func (l *logReader) request() *request {
	req := l.api.get(l.ns, runKind, l.name).segment("log").param("offset", strconv.FormatInt(l.offset, 10))
	if l.follow {
		req.param("follow", "true")
	}
	if l.attempt > 0 {
		req.param("attempt", strconv.Itoa(l.attempt))
	}
	if l.stderr {
		req.param("stream", "stderr")
	}
	return req
}

// copy writes what one answer holds.
func (l *logReader) copy(ctx context.Context) error {
	resp, err := l.request().send(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	l.answer()
	if n, err := strconv.Atoi(resp.Header.Get("Horae-Attempt")); err == nil {
		l.attempt = n // a later answer must not be of the next attempt
	}
	out := &errWriter{w: l.raw}
	n, err := io.Copy(out, resp.Body)
	l.offset += n
	why := resp.Trailer.Get("Horae-Error")
	switch {
	case out.err != nil:
		return fmt.Errorf("write the log of %s: %w", l.name, out.err)
	case err != nil:
		return l.api.brokenOff(ctx, err)
	case resp.Trailer.Get("Horae-Resume") != "":
		return lostError{errors.New(why), false}
	case why != "":
		return errors.New(why)
	}
	return nil
}

// isOver returns an error if the attempt that was followed has not ended: then a proxy has ended the answer.
func (l *logReader) isOver(ctx context.Context) error {
	run, err := l.api.run(ctx, l.ns, l.name)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case l.attempt < 1 || l.attempt > len(run.Status.Attempts) || run.Status.Attempts[l.attempt-1].TaskEnded():
		return nil
	}
	return lostError{fmt.Errorf("the answer of %s ended before attempt %d", l.api.server, l.attempt), false}
}

// errWriter keeps the error of its writer, so that it differs from that of the reader of an io.Copy.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(b []byte) (int, error) {
	n, err := e.w.Write(b)
	e.err = err
	return n, err
}
