package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

// column of a table: its definition, and a function for its cells.
type column struct {
	metav1.TableColumnDefinition
	cell func(o object, now time.Time) any
}

func text(name, description string, cell func(o object, now time.Time) any) column {
	return column{metav1.TableColumnDefinition{Name: name, Type: "string", Description: description}, cell}
}

func wide(c column) column { c.Priority = 1; return c }

var nameColumn = column{
	metav1.TableColumnDefinition{Name: "Name", Type: "string", Format: "name", Description: "Name of the object"},
	func(o object, _ time.Time) any { return o.GetName() },
}

var ageColumn = text("Age", "Time since the object was made", func(o object, now time.Time) any {
	return ago(o.GetCreationTimestamp().Time, now)
})

var jobColumns = []column{
	nameColumn,
	text("Schedule", "When it runs; several expressions are joined by ;", job(func(j *v1.Job, _ time.Time) any { return scheduleCell(j) })),
	text("Timezone", "Zone in which the schedule is read", job(func(j *v1.Job, _ time.Time) any { return orNone(j.Spec.TimeZone) })),
	text("Suspend", "Whether the schedule is suspended, by the spec or after too many failures", job(func(j *v1.Job, _ time.Time) any {
		return titleBool(j.Spec.Suspend || stoppedByFailures(j))
	})),
	text("Active", "Runs that have not ended", job(func(j *v1.Job, _ time.Time) any { return fmt.Sprint(j.Status.ActiveCount) })),
	text("Last", "Time since the last scheduled time handled", job(func(j *v1.Job, now time.Time) any {
		return agoPtr(j.Status.LastScheduleTime, now)
	})),
	text("Next", "Time until the next scheduled time", job(func(j *v1.Job, now time.Time) any {
		return until(j.Status.NextScheduleTime, now)
	})),
	text("Status", "Healthy, Failing, Suspended, TooManyFailures (which stopped it), ParentsMissing, Cycle or Invalid",
		job(func(j *v1.Job, _ time.Time) any { return jobState(j) })),
	ageColumn,
	wide(text("Succeeded", "Runs that succeeded", job(func(j *v1.Job, _ time.Time) any { return fmt.Sprint(j.Status.Succeeded) }))),
	wide(text("Failed", "Runs that failed", job(func(j *v1.Job, _ time.Time) any { return fmt.Sprint(j.Status.Failed) }))),
	wide(text("Not-Run", "Occurrences that did not become a Run", job(func(j *v1.Job, _ time.Time) any {
		return fmt.Sprint(j.Status.Missed + j.Status.Skipped)
	}))),
	wide(text("Owner", "Who answers for the Job", job(func(j *v1.Job, _ time.Time) any { return orNone(j.Spec.Owner) }))),
}

var runColumns = []column{
	nameColumn,
	text("Job", "Job that it is a Run of", run(func(r *v1.Run, _ time.Time) any { return orNone(r.Spec.Job) })),
	text("Phase", "Where it stands", run(func(r *v1.Run, _ time.Time) any { return string(phase(r)) })),
	text("Reason", "Why it stands there", run(func(r *v1.Run, _ time.Time) any { return r.Status.Reason })),
	text("Attempts", "Mesos tasks so far", run(func(r *v1.Run, _ time.Time) any { return fmt.Sprint(len(r.Status.Attempts)) })),
	text("Agent", "Host of the last attempt", run(func(r *v1.Run, _ time.Time) any { return orNone(lastHost(r)) })),
	text("Scheduled", "The scheduled time", run(func(r *v1.Run, _ time.Time) any { return instant(r.Spec.ScheduledTime) })),
	text("Started", "Time since the first attempt was running", run(func(r *v1.Run, now time.Time) any {
		return agoPtr(r.Status.StartTime, now)
	})),
	text("Duration", "From the start to the end, or until now", run(func(r *v1.Run, now time.Time) any { return took(r, now) })),
	ageColumn,
	wide(text("Progress", "Elements that the last attempt has processed", run(func(r *v1.Run, _ time.Time) any {
		if r.Status.Progress == nil {
			return "<none>"
		}
		return fmt.Sprint(*r.Status.Progress)
	}))),
	wide(text("Trigger", "Why the Run was made", run(func(r *v1.Run, _ time.Time) any { return string(r.Spec.Reason) }))),
	wide(text("Exit", "Exit code of the last attempt", run(func(r *v1.Run, _ time.Time) any { return exitCode(r) }))),
	wide(text("Message", "The reason in words", run(func(r *v1.Run, _ time.Time) any { return r.Status.Message }))),
}

var calendarColumns = []column{
	nameColumn,
	text("Days", "Days in it, of the 366 from today on", calendar(func(c *v1.Calendar) any {
		if len(c.Status.Conditions) == 0 {
			return "<unknown>"
		}
		return fmt.Sprint(c.Status.Days)
	})),
	text("Next", "The next day in it, from today on", calendar(func(c *v1.Calendar) any {
		if len(c.Status.NextDays) == 0 {
			return "<none>"
		}
		return c.Status.NextDays[0]
	})),
	text("Last", "The last day in it, if there is one", calendar(func(c *v1.Calendar) any { return orNone(c.Status.LastDay) })),
	text("Status", "Accepted or Invalid", calendar(func(c *v1.Calendar) any { return calendarState(c) })),
	ageColumn,
	wide(text("Description", "First line of the description", calendar(func(c *v1.Calendar) any {
		line, _, _ := strings.Cut(strings.TrimSpace(c.Spec.Description), "\n")
		return orNone(line)
	}))),
}

var backfillColumns = []column{
	nameColumn,
	text("Job", "Job that it runs", backfill(func(b *v1.Backfill) any { return orNone(b.Spec.Job) })),
	text("Status", "What it does or waits for, or how it ended", backfill(func(b *v1.Backfill) any { return backfillState(b) })),
	text("Done", "Occurrences done, of all", backfill(func(b *v1.Backfill) any {
		return fmt.Sprintf("%d/%d", b.Status.Done, b.Status.Total)
	})),
	text("Failed", "Runs that did not succeed", backfill(func(b *v1.Backfill) any { return fmt.Sprint(b.Status.Failed) })),
	text("Active", "Runs that have not ended", backfill(func(b *v1.Backfill) any { return fmt.Sprint(b.Status.ActiveCount) })),
	ageColumn,
	wide(text("From", "Where the range begins", backfill(func(b *v1.Backfill) any { return instant(&b.Spec.From) }))),
	wide(text("To", "Where the range ends; not in it", backfill(func(b *v1.Backfill) any { return instant(&b.Spec.To) }))),
	wide(text("Runs", "Which occurrences run", backfill(func(b *v1.Backfill) any { return string(b.Spec.Runs) }))),
	wide(text("Skipped", "Occurrences that did not run", backfill(func(b *v1.Backfill) any { return fmt.Sprint(b.Status.Skipped) }))),
	wide(text("Cursor", "The last occurrence that had its turn", backfill(func(b *v1.Backfill) any { return instant(b.Status.Cursor) }))),
}

func backfill(cell func(*v1.Backfill) any) func(object, time.Time) any {
	return func(o object, _ time.Time) any { return cell(o.(*v1.Backfill)) }
}

// backfillState is the Backfill's conditions in one word.
func backfillState(b *v1.Backfill) string {
	if meta.IsStatusConditionFalse(b.Status.Conditions, v1.BackfillAccepted) {
		return "Invalid"
	}
	if c := meta.FindStatusCondition(b.Status.Conditions, v1.BackfillFinished); c != nil {
		return c.Reason
	}
	return "New"
}

func calendar(cell func(*v1.Calendar) any) func(object, time.Time) any {
	return func(o object, _ time.Time) any { return cell(o.(*v1.Calendar)) }
}

// calendarState is the Calendar's condition in one word.
func calendarState(c *v1.Calendar) string {
	switch {
	case meta.IsStatusConditionFalse(c.Status.Conditions, v1.CalendarAccepted):
		return "Invalid"
	case meta.IsStatusConditionTrue(c.Status.Conditions, v1.CalendarAccepted):
		return "Accepted"
	}
	return "New"
}

func job(cell func(*v1.Job, time.Time) any) func(object, time.Time) any {
	return func(o object, now time.Time) any { return cell(o.(*v1.Job), now) }
}

func run(cell func(*v1.Run, time.Time) any) func(object, time.Time) any {
	return func(o object, now time.Time) any { return cell(o.(*v1.Run), now) }
}

// table returns a table without rows.
func (k *kind) table(headers bool) *metav1.Table {
	t := &metav1.Table{
		TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: metav1.SchemeGroupVersion.String()},
		Rows:     []metav1.TableRow{},
	}
	if headers {
		for _, c := range k.columns {
			t.ColumnDefinitions = append(t.ColumnDefinitions, c.TableColumnDefinition)
		}
	}
	return t
}

// row of a table. It carries the object, its metadata or nothing, as includeObject asks.
func (k *kind) row(o object, include metav1.IncludeObjectPolicy, now time.Time) (metav1.TableRow, error) {
	row := metav1.TableRow{Cells: make([]any, len(k.columns))}
	for i, c := range k.columns {
		row.Cells[i] = c.cell(o, now)
	}
	var err error
	if row.Object, err = rowObject(o, include); err != nil {
		return row, fmt.Errorf("encode the row of %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	return row, nil
}

func rowObject(o object, include metav1.IncludeObjectPolicy) (runtime.RawExtension, error) {
	var v any
	switch include {
	case metav1.IncludeNone:
		return runtime.RawExtension{}, nil
	case metav1.IncludeObject:
		v = o
	default:
		v = partial(o)
	}
	raw, err := json.Marshal(v)
	return runtime.RawExtension{Raw: raw}, err
}

// partial is an object's metadata alone.
func partial(o object) *metav1.PartialObjectMetadata {
	p := meta.AsPartialObjectMetadata(o)
	p.TypeMeta = metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: metav1.SchemeGroupVersion.String()}
	return p
}

func scheduleCell(j *v1.Job) string {
	var lines []string
	for line := range strings.Lines(j.Spec.Schedule) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) > 0:
		return strings.Join(lines, "; ")
	case len(j.Spec.DependsOn) > 0:
		const most = 3
		var names []string
		for _, d := range j.Spec.DependsOn[:min(len(j.Spec.DependsOn), most)] {
			names = append(names, d.Job)
		}
		text := "after " + strings.Join(names, ", ")
		if n := len(j.Spec.DependsOn) - most; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		return text
	}
	return "<none>"
}

// jobState is the Job's conditions in one word.
func jobState(j *v1.Job) string {
	if meta.IsStatusConditionFalse(j.Status.Conditions, v1.JobAccepted) {
		return "Invalid"
	}
	switch {
	case j.Spec.Suspend:
		return "Suspended"
	case stoppedByFailures(j):
		return v1.ReasonTooManyFailures
	case meta.IsStatusConditionFalse(j.Status.Conditions, v1.JobParentsFound):
		if condition.Find(j.Status.Conditions, v1.JobParentsFound).Reason == v1.ReasonCycle {
			return v1.ReasonCycle
		}
		return "ParentsMissing"
	case meta.IsStatusConditionFalse(j.Status.Conditions, v1.JobHealthy):
		return "Failing"
	case meta.IsStatusConditionTrue(j.Status.Conditions, v1.JobHealthy):
		return "Healthy"
	case meta.IsStatusConditionTrue(j.Status.Conditions, v1.JobAccepted):
		return "Accepted"
	}
	return "New"
}

// stoppedByFailures reports whether spec.suspendAfterFailures has stopped the Job.
func stoppedByFailures(j *v1.Job) bool {
	c := meta.FindStatusCondition(j.Status.Conditions, v1.JobScheduled)
	return c != nil && c.Reason == v1.ReasonTooManyFailures
}

func lastHost(r *v1.Run) string {
	if n := len(r.Status.Attempts); n > 0 {
		return r.Status.Attempts[n-1].Hostname
	}
	return ""
}

func exitCode(r *v1.Run) string {
	if n := len(r.Status.Attempts); n > 0 && r.Status.Attempts[n-1].ExitCode != nil {
		return fmt.Sprint(*r.Status.Attempts[n-1].ExitCode)
	}
	return "<none>"
}

func took(r *v1.Run, now time.Time) string {
	switch {
	case r.Status.StartTime == nil:
		return "<none>"
	case r.Status.FinishTime != nil:
		return human(r.Status.FinishTime.Sub(r.Status.StartTime.Time))
	case phase(r).Terminal():
		return "<unknown>"
	}
	return human(now.Sub(r.Status.StartTime.Time))
}

func instant(t *v1.Time) string {
	if t == nil || t.IsZero() {
		return "<none>"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func until(t *v1.Time, now time.Time) string {
	switch {
	case t == nil || t.IsZero():
		return "<none>"
	case t.Before(now):
		return "due"
	}
	return duration.HumanDuration(t.Sub(now))
}

func agoPtr(t *v1.Time, now time.Time) string {
	if t == nil {
		return "<none>"
	}
	return ago(t.Time, now)
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(now.Sub(t))
}

// human formats a duration as kubectl does. Below two seconds it shows milliseconds: many Runs are that short.
func human(d time.Duration) string {
	if d >= 0 && d < 2*time.Second {
		if d == 0 {
			return "0s"
		}
		return d.Round(time.Millisecond).String()
	}
	return duration.HumanDuration(d)
}

func orNone(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

func titleBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
