package cli

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

const backfilled = `apiVersion: horae/v1
kind: Job
metadata: {name: report}
spec: {schedule: 0 6 * * *, timeZone: Europe/Berlin, task: {shell: "true"}}
`

// setBackfill writes a status as the controller would.
func (h *house) setBackfill(name string, change func(*v1.BackfillStatus)) {
	h.t.Helper()
	e := h.cache.Backfill("default", name)
	if e == nil {
		h.t.Fatalf("no backfill %s", name)
	}
	b := e.Object.DeepCopy()
	change(&b.Status)
	h.putStatus(e.Key, b, e.Rev.StatusMod)
}

func ofDay(day, hour int) v1.Time {
	return v1.NewTime(time.Date(2026, 10, day, hour, 0, 0, 0, time.UTC))
}

// finish makes a status of a Backfill that has ended.
func finish(reason string, failed int64) func(*v1.BackfillStatus) {
	return func(s *v1.BackfillStatus) {
		start, end, cursor := v1.NewTime(now.Add(-time.Minute)), v1.NewTime(now), ofDay(31, 5)
		s.ObservedGeneration, s.Total, s.Done, s.Succeeded, s.Failed, s.Skipped = 1, 31, 31, 30-failed, failed, 1
		s.SkippedFor = []v1.BackfillSkipped{{Reason: v1.ReasonHasRun, Count: 1, First: ofDay(7, 4), Last: ofDay(7, 4)}}
		s.Schedule = &v1.ScheduleStatus{Expression: "0 6 * * *", TimeZone: "Europe/Berlin", Since: start}
		s.StartTime, s.FinishTime, s.Cursor = &start, &end, &cursor
		for range failed {
			at := ofDay(3, 4)
			s.Failures = append(s.Failures, v1.BackfillFailure{ScheduledTime: &at, Run: "report-20261003t040000z", Phase: v1.RunFailed, FinishTime: &end, Message: "exit code 1"})
		}
		s.Conditions = []metav1.Condition{
			{Type: v1.BackfillAccepted, Status: metav1.ConditionTrue, Reason: v1.ReasonValid, LastTransitionTime: metav1.NewTime(now)},
			{Type: v1.BackfillFinished, Status: metav1.ConditionTrue, Reason: reason, LastTransitionTime: metav1.NewTime(now)},
		}
	}
}

func TestBackfill(t *testing.T) {
	h := build(t)
	h.apply(backfilled)
	golden(t, "backfill-dry-run", h.ok("backfill report --from 2026-10-24 --to 2026-10-28 --dry-run --count 3"))
	if out := h.ok("backfill report --from 2026-10-24 --to 2026-10-28 --dry-run -o json"); !strings.Contains(out, `"runs": 4`) {
		t.Errorf("as JSON: %s", out)
	}
	for _, tt := range []struct {
		line, out, err string
		code           int
	}{
		{line: "backfill report --from 2026-10-01 --to 2026-11-01 --name october --parallel 3", out: "backfill.horae/october created\n"},
		{line: "backfill report --from 2026-10-01 --to 2026-11-01 --name october", code: 1, err: "already exists"},
		{line: "backfill report --from 2026-10-01T00:00:00Z --to 2026-12-01", code: 1, err: "spec.to: Invalid value: \"2026-11-30T23:00:00Z\": is in the future"},
		{line: "backfill none --from 2026-10-01T00:00:00Z --to 2026-10-02T00:00:00Z", code: 1, err: "there is no Job of this name"},
		{line: "backfill none --from 2026-10-01 --to 2026-10-02", code: 1, err: "not found"},
		{line: "backfill report --from yesterday --to 2026-10-02", code: 2, err: "--from \"yesterday\": must be a time such as 2026-11-22T02:00:00Z, or a date"},
		{line: "backfill report --from 2026-10-01", code: 2, err: "--from and --to must be given"},
		{line: "backfill report --from 2026-10-01 --to 2026-10-02 --runs Some", code: 1, err: "spec.runs: Unsupported value"},
		{line: "suspend backfill/october", out: "backfill.horae/october suspended\n"},
		{line: "suspend backfill october", out: "backfill.horae/october is suspended already\n"},
		{line: "resume backfill october", out: "backfill.horae/october resumed\n"},
		{line: "resume backfill/october", out: "backfill.horae/october is not suspended\n"},
		{line: "suspend report backfill/october", out: "job.horae/report suspended\nbackfill.horae/october suspended\n"},
		{line: "suspend backfill/none", code: 1, err: "not found"},
	} {
		if r := h.run(tt.line); r.code != tt.code || r.out != tt.out || !strings.Contains(r.err, tt.err) {
			t.Errorf("horae %s: %+v", tt.line, r)
		}
	}
	// Midnight in the Job's zone.
	if from := h.cache.Backfill("default", "october").Object.Spec.From; !from.Equal(time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("it begins at %v", from)
	}
	h.setBackfill("october", finish(v1.ReasonSomeFailed, 2))
	golden(t, "get-backfills", h.ok("get backfills -o wide"))
	golden(t, "describe-backfill", h.ok("describe backfill october"))
	h.ok("delete backfill october")
}

// TestBackfillWaits: the exit code is that of the outcome.
func TestBackfillWaits(t *testing.T) {
	for _, tt := range []struct {
		reason string
		failed int64
		code   int
		line   string
	}{
		{v1.ReasonAllSucceeded, 0, 0, "AllSucceeded: 31 of 31 done, 30 succeeded, 0 failed, 1 skipped (1 HasRun)\n"},
		{v1.ReasonSomeFailed, 1, 1, "SomeFailed: 31 of 31 done, 29 succeeded, 1 failed, 1 skipped (1 HasRun)\n"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			h := build(t)
			h.apply(backfilled)
			w, err := h.cache.Watch(t.Context(), "backfills", "default", h.cache.Revision())
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if _, err := w.Next(t.Context()); err == nil {
					h.setBackfill("october", func(s *v1.BackfillStatus) { s.Total = 31 })
					h.setBackfill("october", finish(tt.reason, tt.failed))
				}
			}()
			r := h.run("backfill report --from 2026-10-01 --to 2026-11-01 --name october --wait")
			<-done
			if all := r.out + r.err; r.code != tt.code || !strings.HasSuffix(all, "backfill.horae/october "+tt.line) {
				t.Errorf("%+v", r)
			}
		})
	}
}
