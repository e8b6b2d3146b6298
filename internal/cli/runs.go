package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

func isTerminal(phase string) bool { return v1.RunPhase(phase).Terminal() }

func phaseOf(r *v1.Run) string {
	if r.Status.Phase == "" {
		return string(v1.RunPending)
	}
	return string(r.Status.Phase)
}

// runNamed finds the Run that RUN, run/RUN, JOB or job/JOB stands for: of a Job the newest.
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

// latest is the newest Run; among those of one second the one with the later scheduled time, then name.
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

func ended(r *v1.Run) bool { return r.Status.Phase.Terminal() }

// runWaiter watches one Run, also over a restart of its manager.
type runWaiter struct {
	*reconnection
	ns, name string
	// revision is the newest that was seen of the Run: no older one is believed, whichever manager shows it.
	revision string
}

func (c *cli) waiter(ns, name, revision string) *runWaiter {
	r := &reconnection{cli: c, subject: fmt.Sprintf("%s/%s", runKind, name), connected: true}
	return &runWaiter{r, ns, name, revision}
}

// until waits until the Run is as wanted.
func (w *runWaiter) until(ctx context.Context, wanted func(*v1.Run) bool) (*v1.Run, error) {
	for {
		run, err := w.watch(ctx, wanted)
		if err == nil {
			return run, nil
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			continue // too much has happened since: read the Run again
		}
		if err := w.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// watch is one try of until.
func (w *runWaiter) watch(ctx context.Context, wanted func(*v1.Run) bool) (*v1.Run, error) {
	run := &v1.Run{}
	if err := w.api.into(ctx, w.api.get(w.ns, runKind, w.name).param("resourceVersion", w.revision), run); err != nil {
		return nil, err
	}
	w.answer()
	w.revision = run.ResourceVersion
	if wanted(run) {
		return run, nil
	}
	req := w.api.list(w.ns, runKind, selectors{fields: "metadata.name=" + w.name})
	err := w.api.watch(ctx, req, w.revision, w.answer, func(e metav1.WatchEvent) (bool, error) {
		if e.Type == "DELETED" {
			return false, fmt.Errorf("run %s was deleted", w.name)
		}
		run = &v1.Run{}
		if err := json.Unmarshal(e.Object.Raw, run); err != nil {
			return false, fmt.Errorf("decode a watch event: %w", err)
		}
		w.revision = run.ResourceVersion
		return !wanted(run), nil
	})
	return run, err
}

// outcome prints how a Run ended; it fails unless the Run succeeded. With formed the
// standard output holds what -o asks for, so the outcome goes to the error stream. That of a failed Run always does.
func (c *cli) outcome(r *v1.Run, formed bool) error {
	line := fmt.Sprintf("%s/%s %s", runKind, r.Name, r.Status.Phase)
	if n := len(r.Status.Attempts); n > 0 && r.Status.Attempts[n-1].ExitCode != nil && *r.Status.Attempts[n-1].ExitCode != 0 {
		line += fmt.Sprintf(" (exit code %d)", *r.Status.Attempts[n-1].ExitCode)
	}
	if r.Status.StartTime != nil && r.Status.FinishTime != nil {
		line += " after " + r.Status.FinishTime.Sub(r.Status.StartTime.Time).Round(time.Millisecond).String()
	}
	if r.Status.Phase == v1.RunSucceeded {
		out := c.Out
		if formed {
			out = c.Err
		}
		fmt.Fprintln(out, line)
		return nil
	}
	if r.Status.Message != "" {
		line += ": " + r.Status.Message
	}
	fmt.Fprintln(c.Err, line)
	return errReported
}
