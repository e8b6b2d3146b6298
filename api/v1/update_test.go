package v1_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "horae/api/v1"
)

func TestUpdateOfARun(t *testing.T) {
	const run = runHead + "  reason: Manual\n  scheduledTime: 2026-11-22T02:00:00Z\n  args: [a]\n  task: {shell: x, resources: {cpus: 0.1}}\n"
	const fixed = "spec: Forbidden: is fixed when the Run is made; only cancel may be set"
	for _, tc := range []struct {
		name     string
		old, new func(*v1.Run)
		want     []string
	}{
		{name: "nothing changes"},
		{name: "it is cancelled", new: func(r *v1.Run) { r.Spec.Cancel = true }},
		{name: "it is cancelled twice", old: func(r *v1.Run) { r.Spec.Cancel = true }, new: func(r *v1.Run) { r.Spec.Cancel = true }},
		{name: "a cancellation is taken back", old: func(r *v1.Run) { r.Spec.Cancel = true },
			want: []string{"spec.cancel: Forbidden: a Run that was cancelled stays cancelled; trigger the Job again"}},
		{name: "labels and annotations change", new: func(r *v1.Run) { r.Labels = map[string]string{"a": "b"}; r.Annotations = map[string]string{"c": "d"} }},
		{name: "the same quantity in other words", new: func(r *v1.Run) { q := resource.MustParse("100m"); r.Spec.Task.Resources.CPUs = &q }},
		{name: "a default is written out", new: func(r *v1.Run) { v1.SetDefaultsRun(r) }},
		{name: "another time", new: func(r *v1.Run) { r.Spec.ScheduledTime = &v1.Time{} }, want: []string{fixed}},
		{name: "other arguments", new: func(r *v1.Run) { r.Spec.Args = []string{"b"} }, want: []string{fixed}},
		{name: "another task", new: func(r *v1.Run) { r.Spec.Task.Shell = "y" }, want: []string{fixed}},
		{name: "other retries", new: func(r *v1.Run) { n := int32(7); r.Spec.Retries.Limit = &n }, want: []string{fixed}},
		{name: "it becomes invalid", new: func(r *v1.Run) { r.Spec.Job = "" }, want: []string{"spec.job: Required value", fixed}},
		{name: "it becomes another object", old: func(r *v1.Run) { r.UID = "1" }, new: func(r *v1.Run) { r.UID = "2"; r.Name = "other"; r.Namespace = "x" },
			want: []string{
				`metadata.name: Invalid value: "other": cannot be changed: the object has "hello-1"`,
				`metadata.uid: Invalid value: "2": cannot be changed: the object has "1"`,
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := decode(t, run).(*v1.Run)
			after := before.DeepCopy()
			for _, change := range []struct {
				f func(*v1.Run)
				r *v1.Run
			}{{tc.old, before}, {tc.new, after}} {
				if change.f != nil {
					change.f(change.r)
				}
			}
			keep := after.DeepCopy()
			if diff := cmp.Diff(tc.want, texts(v1.ValidateRunUpdate(after, before))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(keep, after); diff != "" {
				t.Errorf("validation changed the object: %s", diff)
			}
		})
	}
}

func TestUpdateOfAJob(t *testing.T) {
	old := decode(t, jobHead+"  schedule: '@daily'\n"+shell).(*v1.Job)
	changed := decode(t, jobHead+"  schedule: '@hourly'\n  task: {command: [y]}\n").(*v1.Job)
	if got := texts(v1.ValidateJobUpdate(changed, old)); len(got) > 0 {
		t.Error(strings.Join(got, "\n"))
	}
	other := changed.DeepCopy()
	other.Name = "other"
	want := []string{`metadata.name: Invalid value: "other": cannot be changed: the object has "hello"`}
	if diff := cmp.Diff(want, texts(v1.ValidateJobUpdate(other, old))); diff != "" {
		t.Error(diff)
	}
	other.Name, other.Spec.Owner = old.Name, "nobody"
	if got := texts(v1.ValidateJobUpdate(other, old)); len(got) != 1 {
		t.Errorf("an update is validated like a creation: got %q", got)
	}
}

func TestUpdateOfACalendar(t *testing.T) {
	old := decode(t, calHead+"  weekdays: [SAT]\n").(*v1.Calendar)
	next := old.DeepCopy()
	next.Spec.Weekdays = append(next.Spec.Weekdays, "SUN")
	if got := texts(v1.ValidateCalendarUpdate(next, old)); got != nil {
		t.Error(got)
	}
	next.Name = "other"
	next.Spec.Weekdays = nil
	want := []string{
		`metadata.name: Invalid value: "other": cannot be changed: the object has "holidays"`,
		`spec: Required value: say which days: dates, weekdays or ics`,
	}
	if diff := cmp.Diff(want, texts(v1.ValidateCalendarUpdate(next, old))); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateOfABackfill(t *testing.T) {
	old := decode(t, bfHead+"  job: hello\n  from: 2026-11-22T02:00:00Z\n  to: 2026-11-22T03:00:00Z\n").(*v1.Backfill)
	next := old.DeepCopy()
	parallel, priority := int32(7), int32(1)
	next.Spec.Parallel, next.Spec.Priority, next.Spec.Suspend, next.Spec.TTL = &parallel, &priority, true, &v1.Duration{Duration: time.Hour}
	next.Spec.From = v1.NewTime(old.Spec.From.In(time.FixedZone("", 3600)))
	if got := texts(v1.ValidateBackfillUpdate(next, old)); got != nil {
		t.Errorf("what may change: %v", got)
	}
	next.Spec.Job, next.Spec.Order, next.Spec.Runs, next.Spec.Dependents = "other", v1.BackfillNewestFirst, v1.BackfillAll, true
	next.Spec.From, next.Spec.To = v1.NewTime(old.Spec.From.Add(-time.Second)), v1.NewTime(old.Spec.To.Add(time.Second))
	var paths []string
	for _, err := range v1.ValidateBackfillUpdate(next, old) {
		paths = append(paths, err.Field+" "+string(err.Type))
	}
	want := []string{"spec.job FieldValueForbidden", "spec.from FieldValueForbidden", "spec.to FieldValueForbidden",
		"spec.order FieldValueForbidden", "spec.runs FieldValueForbidden", "spec.dependents FieldValueForbidden"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}
