package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
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

// runNamed finds the Run that RUN, run/RUN, JOB or job/JOB stands for: of a Job the one that was made last.
func (c *cli) runNamed(ctx context.Context, ns, arg string) (string, error) {
	word, name, ok := strings.Cut(arg, "/")
	var only *kind
	if !ok {
		name = arg
	} else {
		var err error
		if only, err = kindNamed(word); err != nil {
			return "", err
		}
	}
	if only != jobKind {
		_, err := c.api.run(ctx, ns, name)
		if err == nil || only == runKind || !apierrors.IsNotFound(err) {
			return name, err
		}
	}
	if _, err := c.api.do(ctx, c.api.get(ns, jobKind, name)); err != nil {
		if apierrors.IsNotFound(err) && only == nil {
			return "", fmt.Errorf("there is neither a Run nor a Job %q in namespace %s", name, ns)
		}
		return "", err
	}
	var list v1.RunList
	if err := c.api.into(ctx, c.api.list(ns, runKind, selectors{fields: "spec.job=" + name}), &list); err != nil {
		return "", err
	}
	last := latest(list.Items)
	if last == nil {
		return "", fmt.Errorf("job %s has no Runs", name)
	}
	return last.Name, nil
}

// latest is the Run that was made last; of those made in one second the one with the later scheduled time, then name.
func latest(all []v1.Run) *v1.Run {
	var last *v1.Run
	for i := range all {
		if r := &all[i]; last == nil || newer(r, last) {
			last = r
		}
	}
	return last
}

func newer(a, b *v1.Run) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return b.CreationTimestamp.Before(&a.CreationTimestamp)
	}
	if s, t := a.Spec.ScheduledTime, b.Spec.ScheduledTime; s != nil && t != nil && !s.Equal(t.Time) {
		return s.After(t.Time)
	}
	return a.Name > b.Name
}

// copyLog writes an attempt's output to the standard output.
func (c *cli) copyLog(ctx context.Context, ns, name string, o logOptions) error {
	req := c.api.get(ns, runKind, name).SubResource("log")
	if o.follow {
		req.Param("follow", "true")
	}
	if o.attempt > 0 {
		req.Param("attempt", strconv.Itoa(o.attempt))
	}
	if o.stderr {
		req.Param("stream", "stderr")
	}
	// Not through rest.Request: it does not show the trailer, which says why a log ended early.
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, req.URL().String(), nil)
	if err != nil {
		return fmt.Errorf("ask for the log of %s: %w", name, err)
	}
	resp, err := c.api.rest.Client.Do(hr)
	if err != nil {
		return c.api.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return statusError(resp)
	}
	if _, err := io.Copy(c.Out, resp.Body); err != nil {
		return fmt.Errorf("read the log of %s: %w", name, err)
	}
	if why := resp.Trailer.Get("Horae-Error"); why != "" {
		return errors.New(why)
	}
	return nil
}

// statusError reads the Status that an answer carries.
func statusError(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Host, err)
	}
	st := metav1.Status{}
	if json.Unmarshal(data, &st) != nil || st.Kind != "Status" {
		return fmt.Errorf("%s answered %s", resp.Request.URL.Host, resp.Status)
	}
	return &apierrors.StatusError{ErrStatus: st}
}
