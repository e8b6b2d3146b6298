package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// ended is a Run of Job a for an occurrence.
func (f *fixture) ended(hour int, phase v1.RunPhase) string {
	f.t.Helper()
	name := fmt.Sprintf("a-20261122t%02d0000z", hour)
	f.want(201, f.do("POST", runsPath, fmt.Sprintf(`apiVersion: horae/v1
kind: Run
metadata: {name: %s, labels: {horae/job: a, team: old}}
spec:
  job: a
  reason: Schedule
  scheduledTime: 2026-11-22T%02d:00:00Z
  startBy: 2026-11-22T%02d:30:00Z
  noDependents: true
  args: [x]
  env: [{name: A, value: b}]
  retries: {limit: 7}
  task: {command: [old]}
`, name, hour, hour)))
	f.setStatus(name, func(s *v1.RunStatus) { s.Phase = phase })
	return name
}

func TestRetryRepeatsTheRunThatEnded(t *testing.T) {
	f := start(t)
	f.createJob("a")
	old := f.ended(2, v1.RunFailed)
	run := decode[v1.Run](t, f.want(201, f.do("POST", runsPath+"/"+old+"/retry", `{"note": "disk replaced", "id": "k1"}`)))
	s := run.Spec
	if run.Name != "a-mk1" || s.RetryOf != old || s.Reason != v1.ReasonManual || s.Note != "disk replaced" || s.StartBy != nil || s.Cancel {
		t.Errorf("%s: %+v", run.Name, s)
	}
	if !s.ScheduledTime.Equal(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)) || s.Args[0] != "x" || s.Env[0].Value != "b" || !s.NoDependents {
		t.Errorf("it differs in what it is for: %+v", s)
	}
	if s.Task.Command[0] != "old" || *s.Retries.Limit != 7 || run.Labels["team"] != "old" {
		t.Errorf("it differs in what runs: %+v", s)
	}
	if again := decode[v1.Run](t, f.want(200, f.do("POST", runsPath+"/"+old+"/retry", `{"id": "k1"}`))); again.UID != run.UID {
		t.Error("the same request made another Run")
	}
	if a := f.do("POST", runsPath+"/"+old+"/retry", ""); a.code != 409 || !strings.Contains(a.status.Message, "a-mk1 is active") ||
		!strings.Contains(a.status.Message, "horae retry --force") {
		t.Errorf("while one is active: %d %s", a.code, a.body)
	}
	f.want(201, f.do("POST", runsPath+"/"+old+"/retry?dryRun=All", `{"force": true}`))
	fresh := decode[v1.Run](t, f.want(201, f.do("POST", runsPath+"/"+old+"/retry", `{"force": true, "jobTask": true}`)))
	if s := fresh.Spec; s.Task.Shell != "echo hello" || len(s.Task.Command) > 0 || *s.Retries.Limit != 2 || s.Args[0] != "x" || s.RetryOf != old {
		t.Errorf("with the Job's task: %+v", s)
	}
}

func TestRefusedRetries(t *testing.T) {
	f := start(t)
	f.createJob("a")
	f.createJob("other")
	done, active := f.ended(2, v1.RunFailed), f.ended(3, v1.RunRunning)
	for name, tc := range map[string]struct {
		run, body string
		code      int
		says      string
	}{
		"an active Run":       {active, "", 409, "still active (Running)"},
		"no Run":              {"none", "", 404, "not found"},
		"an unknown field":    {done, `{"fromJob": true}`, 400, "fromJob"},
		"an id that is none":  {done, `{"id": "A B"}`, 400, "one to eight"},
		"a note that is long": {done, `{"force": true, "note": "` + strings.Repeat("x", v1.MaxNote+1) + `"}`, 422, "note"},
	} {
		if a := f.do("POST", runsPath+"/"+tc.run+"/retry", tc.body); a.code != tc.code || !strings.Contains(a.status.Message, tc.says) {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
	}
	document := func(of, job string) string {
		return fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Run","metadata":{"name":"r-%s"},"spec":{"job":%q,"reason":"Manual","retryOf":%q,"task":{"shell":"x"}}}`, job, job, of)
	}
	for name, tc := range map[string]struct{ body, says string }{
		"a document that repeats an active Run":         {document(active, "a"), "has not ended"},
		"a document that repeats a Run of another Job":  {document(done, "other"), "is a Run of another Job"},
		"a document that marks and is of the schedule":  {strings.Replace(document(done, "a"), `"Manual"`, `"Schedule","scheduledTime":"2026-11-22T02:00:00Z"`, 1), "needs reason Manual"},
		"a document whose retryOf is the name of a Job": {document("A", "a"), "lower case"},
	} {
		if a := f.do("POST", runsPath, tc.body); a.code != 422 || !strings.Contains(a.status.Message, tc.says) {
			t.Errorf("%s: %d %s", name, a.code, a.body)
		}
	}
	f.want(201, f.do("POST", runsPath, document("long-gone", "a")))
	f.want(200, f.do("DELETE", jobsPath+"/a", ""))
	if a := f.do("POST", runsPath+"/"+done+"/retry", ""); a.code != 409 || !strings.Contains(a.status.Message, "Job a does not exist any more") {
		t.Errorf("without its Job: %d %s", a.code, a.body)
	}
}

func TestSucceedMarksASuccess(t *testing.T) {
	f := start(t)
	f.createJob("a")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/succeed", `{"note": "by hand", "id": "k1"}`)))
	if s := run.Spec; run.Name != "a-mk1" || !s.MarkSucceeded || s.ScheduledTime != nil || s.Reason != v1.ReasonManual || s.Note != "by hand" {
		t.Errorf("%s: %+v", run.Name, run.Spec)
	}
	if again := decode[v1.Run](t, f.want(200, f.do("POST", jobsPath+"/a/succeed", `{"id": "k1"}`))); again.UID != run.UID {
		t.Error("the same request made another Run")
	}
	if second := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/succeed", `{"noDependents": true}`))); !second.Spec.NoDependents {
		t.Errorf("%+v", second.Spec)
	}
	f.want(404, f.do("POST", jobsPath+"/none/succeed", ""))
}

// TestAnIDIsOfOneRequest: the same id in a request for something else does not pass for a repetition.
func TestAnIDIsOfOneRequest(t *testing.T) {
	f := start(t)
	f.createJob("a")
	old, older := f.ended(3, v1.RunFailed), f.ended(2, v1.RunFailed)
	f.ended(1, v1.RunFailed)
	const at2, at1 = `{"at": "2026-11-22T02:00:00Z", "id": "m"}`, `{"at": "2026-11-22T01:00:00Z", "id": "m"}`
	first := []struct{ path, body string }{
		{jobsPath + "/a/trigger", `{"force": true, "id": "t"}`},
		{jobsPath + "/a/succeed", `{"id": "s"}`},
		{runsPath + "/" + old + "/retry", `{"force": true, "id": "r"}`},
		{jobsPath + "/a/succeed", at2},
	}
	for _, q := range first {
		f.want(201, f.do("POST", q.path, q.body))
	}
	for _, tc := range []struct{ path, body, says string }{
		{jobsPath + "/a/succeed", `{"id": "t"}`, "the id t was used for something else (the Run was triggered)"},
		{runsPath + "/" + old + "/retry", `{"force": true, "id": "t"}`, "was triggered"},
		{jobsPath + "/a/trigger", `{"force": true, "id": "s"}`, "marks a success)"},
		{jobsPath + "/a/trigger", `{"force": true, "id": "r"}`, "repeats " + old},
		{runsPath + "/" + older + "/retry", `{"force": true, "id": "r"}`, "repeats " + old},
		{jobsPath + "/a/succeed", at1, "marks a success for 2026-11-22T02:00:00Z"},
		{jobsPath + "/a/succeed?dryRun=All", `{"id": "t"}`, "something else"},
	} {
		if a := f.do("POST", tc.path, tc.body); a.code != 409 || !strings.Contains(a.status.Message, tc.says) {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, a.code, a.body)
		}
	}
	for _, q := range first {
		f.want(200, f.do("POST", q.path, q.body))
	}
}

// TestSucceedAt: a mark takes the name of its occurrence if that is free, so that the schedule cannot run it (I3).
func TestSucceedAt(t *testing.T) {
	f := start(t)
	f.createJob("a")
	f.ended(2, v1.RunFailed)
	f.ended(3, v1.RunRunning)
	f.ended(4, v1.RunSucceeded)
	at := func(clock string) string {
		return fmt.Sprintf(`{"at": "2026-11-22T%s", "id": "k%s"}`, clock, clock[:2])
	}
	for name, tc := range map[string]struct {
		clock string
		code  int
		want  string // the Run's name, or what the error says
	}{
		"an occurrence that has no Run":  {"05:00:00Z", 201, "a-20261122t050000z"},
		"in another zone":                {"07:00:00+01:00", 201, "a-20261122t060000z"},
		"one whose Run failed":           {"02:00:00Z", 201, "a-mk02"},
		"one whose Run is active":        {"03:00:00Z", 409, "is active (Running): cancel it first"},
		"one whose Run succeeded":        {"04:00:00Z", 409, "has succeeded already"},
		"a time that is none of the Job": {"04:30:00Z", 422, "is not a scheduled time of this Job"},
		"a time to come":                 {"15:00:00Z", 422, "must not be in the future"},
	} {
		a := f.do("POST", jobsPath+"/a/succeed", at(tc.clock))
		if a.code != tc.code {
			t.Fatalf("%s: %d %s", name, a.code, a.body)
		}
		if a.code != 201 {
			if !strings.Contains(a.status.Message, tc.want) {
				t.Errorf("%s: %s", name, a.status.Message)
			}
			continue
		}
		run := decode[v1.Run](t, a)
		if run.Name != tc.want || !run.Spec.MarkSucceeded || run.Spec.ScheduledTime == nil {
			t.Errorf("%s: %s %+v", name, run.Name, run.Spec)
		}
		if again := decode[v1.Run](t, f.want(200, f.do("POST", jobsPath+"/a/succeed", at(tc.clock)))); again.UID != run.UID {
			t.Errorf("%s: the same mark again made another Run", name)
		}
	}
}

// TestWhoAskedIsRecorded, whatever a client writes there.
func TestWhoAskedIsRecorded(t *testing.T) {
	run := &v1.Run{Spec: v1.RunSpec{RequestedBy: "somebody else"}}
	recordCreator(run, "ada")
	if run.Spec.RequestedBy != "ada" {
		t.Errorf("created by %q", run.Spec.RequestedBy)
	}
	stopped := run.DeepCopy()
	stopped.Spec.Cancel = true
	recordCanceller(run, stopped, "eve")
	if stopped.Annotations[v1.AnnotationCancelledBy] != "eve" {
		t.Errorf("cancelled by %v", stopped.Annotations)
	}
	again := stopped.DeepCopy()
	recordCanceller(stopped, again, "mallory")
	if again.Annotations[v1.AnnotationCancelledBy] != "eve" {
		t.Error("a Run is cancelled once")
	}
	recordCanceller(&v1.Job{}, &v1.Job{}, "eve")
}
