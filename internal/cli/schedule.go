package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "horae/api/v1"
	"horae/internal/schedule"
)

// upcoming is the state of one `horae schedule`.
type upcoming struct {
	*cli
	zone   string
	after  string
	count  int
	output string
}

const maxCount = 10_000

func (c *cli) scheduleCommand() *cobra.Command {
	u := &upcoming{cli: c}
	cmd := &cobra.Command{
		Use: "schedule EXPRESSION | JOB", Short: "Show when a schedule, or a Job, runs next", Args: oneArg("an expression, or a Job"),
		Long: `Show when a schedule runs next, in its time zone and in UTC, and what it means.

An expression is cron (five fields, or six with seconds first), an ISO 8601
repeating interval (R[n]/start/period) or several of them, one a line. It needs no
manager. A name is that of a Job; its times do not include its jitter.`,
		Example: example(`
horae schedule '0 2 * * MON-FRI' --time-zone Europe/Berlin
horae schedule 'R/2026-01-31T00:00:00Z/P1M' --count 5 -o json
horae schedule hello`),
		RunE: func(cmd *cobra.Command, args []string) error { return u.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&u.zone, "time-zone", "", "IANA time zone of the expression; default Etc/UTC")
	f.StringVar(&u.after, "after", "", "only times after this one, as in 2026-11-22T02:00:00Z; default: now")
	f.IntVar(&u.count, "count", 10, "how many times")
	f.StringVarP(&u.output, "output", "o", "", "json: an array of the times, in UTC")
	return cmd
}

// plan is a schedule and the times to show.
type plan struct {
	schedule *schedule.Schedule
	text     string
	zone     *time.Location
	times    []time.Time
	notes    []string
}

func (u *upcoming) run(ctx context.Context, arg string) error {
	after, err := u.check()
	if err != nil {
		return err
	}
	var p *plan
	if name, ok := asJob(arg); ok {
		p, err = u.ofJob(ctx, name, after)
	} else {
		p, err = u.ofExpression(arg, after)
	}
	if err != nil {
		return err
	}
	u.warn(p.schedule)
	if u.output == "json" {
		times := make([]v1.Time, len(p.times))
		for i, t := range p.times {
			times[i] = v1.NewTime(t)
		}
		return u.printValue("json", times)
	}
	u.show(p)
	return nil
}

func (u *upcoming) check() (time.Time, error) {
	if u.output != "" && u.output != "json" {
		return time.Time{}, usagef("-o %s: there is json", u.output)
	}
	if u.count < 1 || u.count > maxCount {
		return time.Time{}, usagef("--count %d: must be 1 to %d", u.count, maxCount)
	}
	if u.after == "" {
		return u.Now().Add(-time.Nanosecond), nil // an interval without a start begins now, and its first time counts
	}
	after, err := time.Parse(time.RFC3339, u.after)
	if err != nil {
		return time.Time{}, usagef("--after %q: must be a time such as 2026-11-22T02:00:00Z", u.after)
	}
	return after, nil
}

// asJob separates names from expressions: job/NAME, and what is a valid name, which no expression is.
func asJob(arg string) (string, bool) {
	if name, ok := strings.CutPrefix(arg, "job/"); ok {
		return name, true
	}
	return arg, len(validation.IsDNS1123Label(arg)) == 0
}

func (u *upcoming) ofExpression(text string, after time.Time) (*plan, error) {
	p := &plan{text: text, zone: time.UTC}
	opts := schedule.Options{Created: u.Now()}
	if u.zone != "" {
		zone, err := schedule.LoadLocation(u.zone)
		if err != nil {
			return nil, usageError{fmt.Errorf("--time-zone: %w", err)}
		}
		p.zone, opts.Location = zone, zone
	}
	if u.after == "" { // A Job that is made now.
		after = schedule.Anchor{Expression: text, Since: opts.Created.Truncate(time.Second)}.Begin()
	}
	s, err := schedule.Parse(text, opts)
	if err != nil {
		return nil, err
	}
	p.schedule = s
	for t, ok := s.Next(after); ok && len(p.times) < u.count; t, ok = s.Next(t) {
		p.times = append(p.times, t)
	}
	return p, nil
}

// occurrences asks for the times of a Job after one of them: without jitter, and only on the days of its Calendars.
func (cl *client) occurrences(ctx context.Context, ns, name string, after time.Time, count int) (*v1.Occurrences, error) {
	req := cl.get(ns, jobKind, name).segment("schedule").
		param("count", strconv.Itoa(count)).param("after", after.UTC().Format(time.RFC3339Nano))
	o := &v1.Occurrences{}
	return o, cl.into(ctx, req, o)
}

// ofJob asks the server for the times: it knows what an interval is counted from.
func (u *upcoming) ofJob(ctx context.Context, name string, after time.Time) (*plan, error) {
	if u.zone != "" {
		return nil, usagef("--time-zone is for an expression: a Job has its own")
	}
	api, err := u.connect()
	if err != nil {
		return nil, err
	}
	ns, err := u.ns()
	if err != nil {
		return nil, err
	}
	answer, err := api.occurrences(ctx, ns, name, after, u.count)
	if err != nil {
		return nil, err
	}
	p := &plan{text: answer.Schedule, zone: time.UTC}
	for _, t := range answer.Times {
		p.times = append(p.times, t.Time)
	}
	if answer.Suspend {
		p.notes = append(p.notes, "The Job is suspended: it does not run at these times until it is resumed.")
	}
	if zone, err := schedule.LoadLocation(answer.TimeZone); err == nil {
		p.zone = zone
	}
	if answer.Schedule == "" {
		p.notes = append(p.notes, "The Job has no schedule.")
		return p, nil
	}
	// For the words only: an older horae may not understand what a newer manager does.
	if s, err := schedule.Parse(answer.Schedule, schedule.Options{Location: p.zone, HashKey: schedule.HashKey(ns, name)}); err == nil {
		p.schedule = s
	}
	return p, nil
}

// show writes the words, and the times with the expressions that they come from when there are several.
func (u *upcoming) show(p *plan) {
	several := false
	if p.schedule != nil {
		several = len(p.schedule.Expressions()) > 1
		u.words(p.schedule, several)
	}
	// An interval without a start counts from a time that only the server knows: then the column is left out.
	several = several && !slices.ContainsFunc(p.times, func(t time.Time) bool { return sources(p.schedule, t) == "" })
	for _, n := range p.notes {
		u.printf("%s\n", n)
	}
	if len(p.times) == 0 {
		if p.text != "" {
			u.printf("There are no more times.\n")
		}
		return
	}
	u.printf("\n")
	w := tabwriter.NewWriter(u.Out, 0, 8, 3, ' ', 0)
	zone := p.zone.String()
	if p.zone != time.UTC && zone != "Etc/UTC" {
		fmt.Fprintf(w, "%s\t", zone)
	}
	fmt.Fprintf(w, "UTC")
	if several {
		fmt.Fprintf(w, "\tFROM")
	}
	fmt.Fprintln(w)
	for _, t := range p.times {
		if p.zone != time.UTC && zone != "Etc/UTC" {
			fmt.Fprintf(w, "%s\t", t.In(p.zone).Format("Mon 2006-01-02 15:04:05.999999 MST"))
		}
		fmt.Fprint(w, t.UTC().Format(time.RFC3339Nano))
		if several {
			fmt.Fprintf(w, "\t%s", sources(p.schedule, t))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// words writes what the schedule means, with a number for each of several expressions.
func (u *upcoming) words(s *schedule.Schedule, several bool) {
	for i, x := range s.Expressions() {
		words := x.Describe()
		if words != "" {
			words = ": " + words
		}
		if several {
			u.printf("%d  %s%s\n", i+1, x.Text(), words)
		} else {
			u.printf("%s%s\n", x.Text(), words)
		}
	}
}

// warn writes to the error stream what is legal and perhaps not meant.
func (u *upcoming) warn(s *schedule.Schedule) {
	if s == nil {
		return
	}
	for _, warning := range s.Warnings() {
		fmt.Fprintf(u.Err, "Warning: %s\n", warning)
	}
}

// sources are the numbers of the expressions that name an instant.
func sources(s *schedule.Schedule, t time.Time) string {
	var from []string
	for i, x := range s.Expressions() {
		if x.Contains(t) {
			from = append(from, strconv.Itoa(i+1))
		}
	}
	return strings.Join(from, ", ")
}
