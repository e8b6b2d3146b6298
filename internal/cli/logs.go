package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "horae/api/v1"
)

// logOptions are the flags of `horae logs`.
type logOptions struct {
	follow  bool
	attempt int
	stderr  bool
	// tail is how many lines at the end are shown; negative: all.
	tail int
	sel  selectors
}

func (c *cli) logsCommand() *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use: "logs RUN | JOB | -l LABELS", Short: "Show the output of a Run",
		Long: `Show what a Run wrote to its standard output, or with --stderr to its standard error.

For a Job it is the newest Run. The output is kept by the Mesos agent
that ran the task: it is there as long as the agent keeps the sandbox. It is
printed as the task wrote it, byte for byte.

With -l it is the output of all Runs with these labels that have begun, oldest first, each
below its name.

When the manager goes away, the command goes on at the same byte as soon as it, or
another one at the same address, is back. After two minutes without it the exit
code is 3.`,
		Example: example(`
horae logs hello-20261122t020000z
horae logs hello -f --tail 20
horae logs -l horae/job=hello --tail 5
horae logs run/hello-20261122t020000z --attempt 1 --stderr`),
		ValidArgsFunction: c.completeNames(runKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return c.logs(cmd, args, o) },
	}
	f := cmd.Flags()
	f.BoolVarP(&o.follow, "follow", "f", false, "go on until the attempt ends")
	f.IntVar(&o.attempt, "attempt", 0, "which attempt, from 1; default: the last")
	f.BoolVar(&o.stderr, "stderr", false, "the standard error instead")
	f.IntVar(&o.tail, "tail", -1, "only so many lines at the end; -1: all")
	f.StringVarP(&o.sel.labels, "selector", "l", "", "of all Runs with these labels, as in horae/job=hello")
	return cmd
}

func (c *cli) logs(cmd *cobra.Command, args []string, o logOptions) error {
	ctx := cmd.Context()
	switch {
	case o.attempt < 0:
		return usagef("--attempt %d: attempts are counted from 1", o.attempt)
	case o.tail < -1:
		return usagef("--tail %d: must be a number of lines, or -1 for all", o.tail)
	case o.sel.labels != "" && (len(args) > 0 || o.follow || o.attempt > 0):
		return usagef("-l is for several Runs: it does not go together with a name, -f and --attempt")
	case o.sel.labels == "":
		if err := oneArg("a Run, or a Job")(cmd, args); err != nil {
			return err
		}
	}
	if _, err := c.connect(); err != nil {
		return err
	}
	ns, err := c.ns()
	if err != nil {
		return err
	}
	if o.sel.labels != "" {
		return c.logsOf(ctx, ns, o)
	}
	name, err := c.runNamed(ctx, ns, args[0])
	if err != nil {
		return err
	}
	return c.copyLog(ctx, ns, name, o)
}

// logsOf writes the output of all Runs with the labels that have begun.
func (c *cli) logsOf(ctx context.Context, ns string, o logOptions) error {
	var list v1.RunList
	if err := c.api.into(ctx, c.api.list(ns, runKind, o.sel), &list); err != nil {
		return err
	}
	runs := slices.DeleteFunc(list.Items, func(r v1.Run) bool { return len(r.Status.Attempts) == 0 })
	slices.SortStableFunc(runs, func(a, b v1.Run) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	if len(runs) == 0 {
		fmt.Fprintf(c.Err, "No Runs with these labels have begun in %s namespace.\n", ns)
	}
	var failed error
	for i := range runs {
		c.printf("==> %s/%s <==\n", runKind, runs[i].Name)
		if err := c.copyLog(ctx, ns, runs[i].Name, o); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.report(err)
			failed = errReported
		}
	}
	return failed
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
		var err error
		if l.tail >= 0 {
			if err = l.copyTail(ctx); err == nil && !l.follow {
				return nil
			}
		}
		if err == nil {
			err = l.copy(ctx)
		}
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

func (l *logReader) request(follow bool, offset int64) *request {
	req := l.api.get(l.ns, runKind, l.name).segment("log").param("offset", strconv.FormatInt(offset, 10))
	if follow {
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

// copyTail writes the last lines. Afterwards the offset is that of the end: when the log is followed, it is read once from the
// beginning for this, because only that shows how long it is.
func (l *logReader) copyTail(ctx context.Context) error {
	last := &lastLines{most: l.tail}
	if l.follow {
		n, err := l.read(ctx, false, 0, last)
		if err != nil {
			return err
		}
		l.offset = n
	} else {
		for chunk := int64(64 << 10); ; chunk *= 8 {
			last = &lastLines{most: l.tail}
			n, err := l.read(ctx, false, -chunk, last)
			if err != nil {
				return err
			}
			if n < chunk || last.dropped {
				break
			}
		}
	}
	l.tail = -1
	for _, line := range last.lines {
		if _, err := l.raw.Write(line); err != nil {
			return fmt.Errorf("write the log of %s: %w", l.name, err)
		}
	}
	return nil
}

// lastLines keeps the last lines that are written to it.
type lastLines struct {
	most    int
	lines   [][]byte
	dropped bool // there were more
}

func (k *lastLines) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if n := len(k.lines); n > 0 && !bytes.HasSuffix(k.lines[n-1], []byte("\n")) {
			k.lines[n-1] = append(k.lines[n-1], line...)
			continue
		}
		if k.lines = append(k.lines, bytes.Clone(line)); len(k.lines) > k.most {
			k.lines, k.dropped = k.lines[1:], true
		}
	}
	return len(b), nil
}

// copy writes what one answer holds.
func (l *logReader) copy(ctx context.Context) error {
	n, err := l.read(ctx, l.follow, l.offset, l.raw)
	l.offset += n
	return err
}

// read writes what one answer holds to w, and returns how much that was.
func (l *logReader) read(ctx context.Context, follow bool, offset int64, w io.Writer) (int64, error) {
	resp, err := l.request(follow, offset).send(ctx)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	l.answer()
	if n, err := strconv.Atoi(resp.Header.Get("Horae-Attempt")); err == nil {
		l.attempt = n // a later answer must not be of the next attempt
	}
	out := &errWriter{w: w}
	n, err := io.Copy(out, resp.Body)
	why := resp.Trailer.Get("Horae-Error")
	switch {
	case out.err != nil:
		return n, fmt.Errorf("write the log of %s: %w", l.name, out.err)
	case err != nil:
		return n, l.api.brokenOff(ctx, err)
	case resp.Trailer.Get("Horae-Resume") != "":
		return n, lostError{errors.New(why), false}
	case why != "":
		return n, errors.New(why)
	}
	return n, nil
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
