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

// runRequest is what the commands share that ask for a new Run: trigger, retry and succeed.
type runRequest struct {
	*cli
	wait   bool
	follow bool
	dryRun string
	output string
}

func (q *runRequest) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&q.wait, "wait", false, "wait for the end of the Run")
	f.StringVarP(&q.output, "output", "o", "", "print the Run as json, yaml or name")
	dryRunFlag(cmd, &q.dryRun)
}

func (q *runRequest) followFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&q.follow, "follow", false, "show the output of the Run until it ends")
}

// newID makes a request safe to repeat.
func newID() string { return strings.ToLower(rand.Text()[:8]) }

// ask sends the request, prints the Run, and waits for it if that is asked for.
func (q *runRequest) ask(ctx context.Context, ns string, k *kind, name, subresource string, body any) error {
	if err := checkDryRun(q.dryRun); err != nil {
		return err
	}
	if q.dryRun == dryRunClient {
		return usagef("--dry-run=client: only the server knows what Run it would be: give --dry-run=server")
	}
	print, err := q.printer()
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	api, err := q.connect()
	if err != nil {
		return err
	}
	req := api.request(http.MethodPost, ns, k, name).segment(subresource).with("application/json", encoded)
	made, err := q.send(ctx, dry(req, q.dryRun), name)
	if err != nil {
		return err
	}
	if err := print(made); err != nil {
		return err
	}
	w := q.waiter(ns, made.GetName(), made.GetResourceVersion())
	switch {
	case q.dryRun == dryRunServer || !q.wait && !q.follow:
		return nil
	case q.follow:
		return q.followRun(ctx, w)
	}
	run, err := w.until(ctx, ended)
	if err != nil {
		return err
	}
	return q.outcome(run, q.output != "")
}

// send sends the request, again if the answer does not arrive: with its ID it makes one Run, however often it is sent.
func (q *runRequest) send(ctx context.Context, req *request, subject string) (*unstructured.Unstructured, error) {
	again := &reconnection{cli: q.cli, subject: "a new Run of " + subject}
	for {
		made, err := q.api.object(ctx, req)
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

// printer prints the Run that was made; -o is checked before there is one.
func (q *runRequest) printer() (func(runtime.Object) error, error) {
	if q.output != "" {
		return q.objectPrinter(q.output, true)
	}
	return func(o runtime.Object) error {
		q.printf("%s/%s created%s\n", runKind, o.(*unstructured.Unstructured).GetName(), dryRunSuffix(q.dryRun))
		return nil
	}, nil
}

// followRun prints the output of one attempt after the other, and then the outcome.
func (q *runRequest) followRun(ctx context.Context, w *runWaiter) error {
	for attempt := 1; ; attempt++ {
		run, err := w.until(ctx, func(r *v1.Run) bool { return ended(r) || len(r.Status.Attempts) >= attempt })
		if err != nil {
			return err
		}
		if len(run.Status.Attempts) < attempt {
			return q.outcome(run, q.output != "")
		}
		if attempt > 1 {
			fmt.Fprintf(q.Err, "--- attempt %d ---\n", attempt)
		}
		err = q.copyLog(ctx, w.ns, w.name, logOptions{follow: true, attempt: attempt, tail: -1})
		if isUnknown(err) {
			return err
		}
		if err != nil {
			fmt.Fprintln(q.Err, q.errorText(err)) // the Run's end is what counts
		}
	}
}
