package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// stats is the state of one `horae stats`.
type stats struct {
	*cli
	sel     selectors
	slowest int
	by      string
	window  string
	output  string
}

func (c *cli) statsCommand() *cobra.Command {
	s := &stats{cli: c}
	cmd := &cobra.Command{
		Use: "stats [JOB]", Short: "Show how long Runs take and wait, and how many succeed",
		Long: `Show how long the Runs of a Job take, how long they wait, and how many succeed: in the
last 24 hours, 7 days and 30 days, and ever. Without a name, show the slowest Jobs.

Durations are of Runs that succeeded. Quantiles are accurate to 2 %.`,
		Example: example(`
horae stats hello
horae stats --slowest 10 --by p99
horae stats -A --window 7d
horae stats hello -o json`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%q is too much: one Job is expected", args[1])
			}
			return s.run(cmd.Context(), args, cmd.Flags().Changed)
		},
	}
	f := cmd.Flags()
	f.IntVar(&s.slowest, "slowest", 20, "how many Jobs, at most 100")
	f.StringVar(&s.by, "by", "p95", "what the slowest Jobs are sorted by, over all time: p50, p75, p95, p98, p99, mean, max or count")
	f.StringVar(&s.window, "window", "all", "the window that is shown of the slowest Jobs: 24h, 7d, 30d or all")
	f.StringVarP(&s.output, "output", "o", "", "json or yaml")
	s.sel.add(cmd)
	c.allFlag(cmd)
	return cmd
}

func (s *stats) run(ctx context.Context, args []string, given func(flag string) bool) error {
	if s.output != "" && s.output != "json" && s.output != "yaml" {
		return usagef("-o %s: there are json and yaml", s.output)
	}
	if s.slowest < 1 || s.slowest > 100 {
		return usagef("--slowest %d: must be 1 to 100", s.slowest)
	}
	switch s.window {
	case "24h", "7d", "30d", "all":
	default:
		return usagef("--window %s: must be 24h, 7d, 30d or all", s.window)
	}
	ns, err := s.namespaceOrAll()
	if err != nil {
		return err
	}
	if len(args) > 0 {
		for _, flag := range []string{"slowest", "by", "window", "selector", "field-selector", "all-namespaces"} {
			if given(flag) {
				return usagef("--%s is for several Jobs: leave %s out", flag, args[0])
			}
		}
	}
	if _, err := s.connect(); err != nil {
		return err
	}
	if len(args) > 0 {
		return s.ofOne(ctx, ns, strings.TrimPrefix(args[0], "job/"))
	}
	return s.ofSlowest(ctx, ns)
}

// statistics asks for those of one Job.
func (cl *client) statistics(ctx context.Context, ns, name string) (*v1.JobStatistics, error) {
	answer := &v1.JobStatistics{}
	return answer, cl.into(ctx, cl.get(ns, jobKind, name).segment("stats"), answer)
}

func (s *stats) ofOne(ctx context.Context, ns, name string) error {
	answer, err := s.api.statistics(ctx, ns, name)
	if err != nil {
		return err
	}
	if s.output != "" {
		return s.printValue(s.output, answer)
	}
	w := tabwriter.NewWriter(s.Out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, strings.Join(outcomeHead, "\t"))
	for i := range answer.Windows {
		fmt.Fprintln(w, strings.Join(dashed(outcomeRow(&answer.Windows[i])), "\t"))
	}
	for _, part := range distributions {
		fmt.Fprintf(w, "\n%s\t%s\n", strings.ToUpper(part.name), strings.Join(distributionHead, "\t"))
		for i := range answer.Windows {
			fmt.Fprintln(w, strings.Join(dashed(distributionRow(answer.Windows[i].Window, part.of(&answer.Windows[i]))), "\t"))
		}
	}
	return w.Flush()
}

func (s *stats) ofSlowest(ctx context.Context, ns string) error {
	req := s.api.list(ns, &kind{gv: jobKind.gv, plural: "jobstatistics"}, s.sel).param("slowest", strconv.Itoa(s.slowest)).param("by", s.by)
	var list v1.JobStatisticsList
	if err := s.api.into(ctx, req, &list); err != nil {
		return err
	}
	if s.output != "" {
		return s.printValue(s.output, &list)
	}
	if len(list.Items) == 0 {
		fmt.Fprintln(s.Err, "No Run has succeeded yet")
		return nil
	}
	w := tabwriter.NewWriter(s.Out, 0, 8, 3, ' ', 0)
	head := append([]string{"NAME", "SUCCEEDED", "FAILED", "RATE"}, distributionHead[1:]...)
	if s.allNamespaces {
		head = append([]string{"NAMESPACE"}, head...)
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for i := range list.Items {
		job := &list.Items[i]
		for j := range job.Windows {
			window := &job.Windows[j]
			if window.Window != s.window {
				continue
			}
			row := append([]string{job.Metadata.Name}, outcomeRow(window)[1:4]...)
			row = append(row, distributionRow("", window.Duration)[2:]...)
			if s.allNamespaces {
				row = append([]string{job.Metadata.Namespace}, row...)
			}
			fmt.Fprintln(w, strings.Join(dashed(row), "\t"))
		}
	}
	return w.Flush()
}

// The columns of a window.
var (
	outcomeHead      = []string{"WINDOW", "SUCCEEDED", "FAILED", "RATE", "SINCE"}
	distributionHead = []string{"RUNS", "MEAN", "P50", "P75", "P95", "P98", "P99", "MAX"}
	distributions    = []struct {
		name string
		of   func(*v1.StatisticsWindow) *v1.Distribution
	}{
		{"Duration", func(w *v1.StatisticsWindow) *v1.Distribution { return w.Duration }},
		{"Waiting", func(w *v1.StatisticsWindow) *v1.Distribution { return w.Waiting }},
	}
)

func outcomeRow(w *v1.StatisticsWindow) []string {
	rate := ""
	if w.SuccessRate != nil {
		rate = fmt.Sprintf("%.4g %%", *w.SuccessRate*100)
	}
	return []string{w.Window, fmt.Sprint(w.Succeeded), fmt.Sprint(w.Failed), rate, stamp(w.Since)}
}

// distributionRow has the window, and the columns of distributionHead.
func distributionRow(window string, d *v1.Distribution) []string {
	if d == nil {
		return append([]string{window, "0"}, make([]string, len(distributionHead)-1)...)
	}
	row := []string{window, fmt.Sprint(d.Count)}
	for _, length := range []v1.Duration{d.Mean, d.P50, d.P75, d.P95, d.P98, d.P99, d.Max} {
		row = append(row, length.String())
	}
	return row
}

// dashed has a dash for each cell that is empty.
func dashed(cells []string) []string {
	for i, text := range cells {
		cells[i] = cmp.Or(cell(text), "-")
	}
	return cells
}
