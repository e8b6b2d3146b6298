package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/schedule"
)

// backfill is the state of one `horae backfill`.
type backfill struct {
	*cli
	name, from, to   string
	parallel         int32
	priority         int32
	order, runs      string
	dependents, wait bool
	dryRun           bool
	count            int
	output           string
}

func (c *cli) backfillCommand() *cobra.Command {
	b := &backfill{cli: c}
	cmd := &cobra.Command{
		Use: "backfill JOB --from TIME --to TIME", Short: "Run a Job for a time that is past", Args: oneArg("a Job"),
		Long: `Make a Backfill: it runs a Job for the occurrences of its schedule from one time up to
another, which is not in the range. A time is 2026-10-01T00:00:00Z, or a date: midnight in
the Job's time zone.

With --dry-run nothing is made; the occurrences that would run are shown. With --wait the
command ends with the Backfill: it exits with 0 when every Run succeeded, with 1 when one
did not, and with 3 when that is unknown because the manager is gone.

horae suspend backfill/NAME pauses a Backfill, horae delete backfill NAME cancels it.`,
		Example: example(`
horae backfill report --from 2026-10-01 --to 2026-11-01 --dry-run
horae backfill report --from 2026-10-01 --to 2026-11-01 --parallel 3 --wait
horae backfill report --from 2026-10-01T06:00:00Z --to 2026-10-02T00:00:00Z --runs Failed`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return b.run(cmd.Context(), args[0], cmd.Flags().Changed("priority"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.from, "from", "", "where the range begins; an occurrence at this time is in it")
	f.StringVar(&b.to, "to", "", "where the range ends; an occurrence at this time is not in it")
	f.StringVar(&b.name, "name", "", "name of the Backfill; default: the Job's and a random part")
	f.Int32Var(&b.parallel, "parallel", 1, "how many Runs may be active at the same time")
	f.StringVar(&b.order, "order", string(v1.BackfillOldestFirst), "OldestFirst or NewestFirst")
	f.StringVar(&b.runs, "runs", string(v1.BackfillMissing), "which occurrences: Missing, Failed or All")
	f.Int32Var(&b.priority, "priority", 0, fmt.Sprintf("of the Runs; default: the Job's less %d", -v1.BackfillPriority))
	f.BoolVar(&b.dependents, "dependents", false, "the ends of the Runs start Runs of the Jobs that depend on the Job")
	f.BoolVar(&b.wait, "wait", false, "wait for the end of the Backfill")
	f.BoolVar(&b.dryRun, "dry-run", false, "show what would run, and make nothing")
	f.IntVar(&b.count, "count", 20, "how many occurrences a dry run lists")
	f.StringVarP(&b.output, "output", "o", "", "print the Backfill, or what would run, as json or yaml")
	return cmd
}

func (b *backfill) run(ctx context.Context, arg string, priority bool) error {
	job, err := jobName(arg)
	switch {
	case err != nil:
		return err
	case b.from == "" || b.to == "":
		return usagef("--from and --to must be given")
	case b.output != "" && b.output != "json" && b.output != "yaml":
		return usagef("-o %s: there are json and yaml", b.output)
	case b.count < 1 || b.count > maxCount:
		return usagef("--count %d: must be 1 to %d", b.count, maxCount)
	}
	ns, err := b.ns()
	if err != nil {
		return err
	}
	if _, err := b.connect(); err != nil {
		return err
	}
	spec := v1.BackfillSpec{Job: job, Parallel: &b.parallel, Order: v1.BackfillOrder(b.order), Runs: v1.BackfillRuns(b.runs),
		Dependents: b.dependents}
	if priority {
		spec.Priority = &b.priority
	}
	if err := b.readRange(ctx, ns, &spec); err != nil {
		return err
	}
	if b.dryRun {
		return b.preview(ctx, ns, &spec)
	}
	return b.make(ctx, ns, &spec)
}

// readRange reads --from and --to; what a date is depends on the Job.
func (b *backfill) readRange(ctx context.Context, ns string, spec *v1.BackfillSpec) error {
	zone := func() (*time.Location, error) {
		var job v1.Job
		if err := b.api.into(ctx, b.api.get(ns, jobKind, spec.Job), &job); err != nil {
			return nil, err
		}
		return schedule.LoadLocation(job.Spec.TimeZone)
	}
	for _, f := range []struct {
		flag, text string
		to         *v1.Time
	}{{"--from", b.from, &spec.From}, {"--to", b.to, &spec.To}} {
		t, err := time.Parse(time.RFC3339, f.text)
		if err != nil {
			if _, err := time.Parse(time.DateOnly, f.text); err != nil {
				return usagef("%s %q: must be a time such as 2026-11-22T02:00:00Z, or a date", f.flag, f.text)
			}
			in, err := zone()
			if err != nil {
				return err
			}
			if t, err = time.ParseInLocation(time.DateOnly, f.text, in); err != nil {
				return usagef("%s %q: %w", f.flag, f.text, err)
			}
		}
		*f.to = v1.NewTime(t)
	}
	return nil
}

func (b *backfill) make(ctx context.Context, ns string, spec *v1.BackfillSpec) error {
	o := &v1.Backfill{TypeMeta: api.Backfills.TypeMeta(), ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: b.name}, Spec: *spec}
	if o.Name == "" {
		o.Name = spec.Job + "-" + newID()
	}
	document, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode the Backfill: %w", err)
	}
	made, err := b.api.object(ctx, b.api.create(ns, backfillKind, document))
	if err != nil {
		return err
	}
	if b.output == "" {
		b.printf("%s/%s created\n", backfillKind, made.GetName())
	} else {
		print, err := b.objectPrinter(b.output, false)
		if err != nil {
			return err
		}
		if err := print(made); err != nil {
			return err
		}
	}
	if !b.wait {
		return nil
	}
	done, err := b.until(ctx, ns, made.GetName(), made.GetResourceVersion())
	if err != nil {
		return err
	}
	return b.outcome(done)
}

// until waits until the Backfill has finished, also over a restart of its manager. It shows on the error stream how far it is.
func (b *backfill) until(ctx context.Context, ns, name, revision string) (*v1.Backfill, error) {
	again := &reconnection{cli: b.cli, subject: fmt.Sprintf("%s/%s", backfillKind, name), connected: true}
	for {
		o := &v1.Backfill{}
		err := b.api.into(ctx, b.api.get(ns, backfillKind, name).param("resourceVersion", revision), o)
		if err == nil {
			again.answer()
			if finishedBecause(o) != "" {
				return o, nil
			}
			revision = o.ResourceVersion
			req := b.api.list(ns, backfillKind, selectors{fields: "metadata.name=" + name})
			err = b.api.watch(ctx, req, revision, again.answer, func(e metav1.WatchEvent) (bool, error) {
				if e.Type == "DELETED" {
					return false, fmt.Errorf("backfill %s was deleted", name)
				}
				o = &v1.Backfill{}
				if err := json.Unmarshal(e.Object.Raw, o); err != nil {
					return false, fmt.Errorf("decode a watch event: %w", err)
				}
				revision = o.ResourceVersion
				return finishedBecause(o) == "", nil
			})
			if err == nil {
				return o, nil
			}
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			continue // too much has happened since: read it again
		}
		if err := again.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// finishedBecause returns the reason for which a Backfill has finished; empty while it has not.
func finishedBecause(b *v1.Backfill) string {
	for _, c := range b.Status.Conditions {
		if c.Type == v1.BackfillFinished && c.Status == metav1.ConditionTrue {
			return c.Reason
		}
	}
	return ""
}

// outcome prints how a Backfill ended; it fails unless every Run succeeded.
func (b *backfill) outcome(o *v1.Backfill) error {
	s := &o.Status
	line := fmt.Sprintf("%s/%s %s: %d of %d done, %d succeeded, %d failed, %d skipped%s", backfillKind, o.Name,
		finishedBecause(o), s.Done, s.Total, s.Succeeded, s.Failed, s.Skipped, inBrackets(s.SkippedFor))
	if finishedBecause(o) == v1.ReasonAllSucceeded {
		out := b.Out
		if b.output != "" {
			out = b.Err
		}
		fmt.Fprintln(out, line)
		return nil
	}
	fmt.Fprintln(b.Err, line)
	return errReported
}

// inBrackets lists reasons with their counts: " (20 HasRun, 3 MayHaveRun)".
func inBrackets(list []v1.BackfillSkipped) string {
	if len(list) == 0 {
		return ""
	}
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = fmt.Sprintf("%d %s", s.Count, s.Reason)
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// preview shows what would run.
func (b *backfill) preview(ctx context.Context, ns string, spec *v1.BackfillSpec) error {
	req := b.api.request(http.MethodGet, ns, jobKind, spec.Job).segment("backfill").
		param("from", spec.From.UTC().Format(time.RFC3339Nano)).param("to", spec.To.UTC().Format(time.RFC3339Nano)).
		param("order", b.order).param("runs", b.runs).param("limit", fmt.Sprint(b.count))
	var p v1.BackfillPreview
	if err := b.api.into(ctx, req, &p); err != nil {
		return err
	}
	if b.output != "" {
		return b.printValue(b.output, p)
	}
	b.printf("Of %d occurrences %d would run, %d would not%s", p.Total, p.Runs, p.Skipped, inBrackets(p.SkippedFor))
	if p.Waiting > 0 {
		b.printf(", %d would wait: %s", p.Waiting, p.Message)
	}
	b.printf("\n")
	if len(p.Occurrences) > 0 {
		w := tabwriter.NewWriter(b.Out, 0, 8, 3, ' ', 0)
		fmt.Fprintln(w, "SCHEDULED\tRUN")
		for _, o := range p.Occurrences {
			fmt.Fprintf(w, "%s\t%s\n", o.ScheduledTime.UTC().Format(time.RFC3339Nano), o.Run)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if more := p.Runs - int64(len(p.Occurrences)); more > 0 {
		b.printf("and %d more\n", more)
	}
	return nil
}
