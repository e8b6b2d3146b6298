package store

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	v1 "horae/api/v1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The layout is a contract: other tools read and write these keys. What Horae writes is compared with a golden file, and the
// document that describes the contract must hold the same text. A difference here is a change of the contract: see "Versions"
// in docs/etcd.md.
func TestLayoutContract(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	at := func(clock string) *v1.Time {
		when, err := time.Parse(time.RFC3339, "2026-11-22T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		v := v1.NewTime(when)
		return &v
	}
	job, run := newJob("hello"), newRun("hello-20261122t020000z", "hello")
	job.Labels = map[string]string{"team": "data"}
	run.Labels = map[string]string{v1.LabelJob: "hello"}
	run.Spec.Reason, run.Spec.ScheduledTime = v1.ReasonSchedule, at("02:00:00")
	jobKey, runKey := JobKey("default", job.Name), RunKey("default", run.Name)

	w := writer(t, s) // revision 2
	for _, c := range []Change{
		{Writes: []Write{must(PutSpec(jobKey, job))}}, // revision 3
		{Guards: []Guard{SpecAt(runKey, 0)}, Writes: []Write{must(PutSpec(runKey, run))}},
	} {
		if _, err := w.Apply(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	// A controller writes the status of what it has read: with its uid.
	readJob, err := s.GetJob(ctx, "default", job.Name)
	if err != nil {
		t.Fatal(err)
	}
	readRun, err := s.GetRun(ctx, "default", run.Name)
	if err != nil {
		t.Fatal(err)
	}
	job, run = readJob.Object.DeepCopy(), readRun.Object.DeepCopy()
	job.Status = v1.JobStatus{
		ObservedGeneration: 1, NextScheduleTime: at("03:00:00"), LastScheduleTime: at("02:00:00"), Occurrences: 1, Active: []string{run.Name},
	}
	run.Status = v1.RunStatus{Phase: v1.RunRunning, StartTime: at("02:00:01"), Attempts: []v1.Attempt{{
		TaskID: fmt.Sprintf("default.%s.%d.1", run.Name, readRun.Rev.SpecCreate), AgentID: "S1", Hostname: "agent-1", State: v1.RunRunning,
		LaunchTime: *at("02:00:00"), StartTime: at("02:00:01"),
	}}}
	both := Change{Writes: []Write{must(PutStatus(jobKey, job)), must(PutStatus(runKey, run))}}
	if _, err := w.Apply(ctx, both); err != nil {
		t.Fatal(err)
	}
	if err := (&FrameworkIDs{Store: s, Writer: w}).SetFrameworkID(ctx, "3e5b2a5c-0000"); err != nil {
		t.Fatal(err)
	}
	progress := int64(40)
	reported := &v1.CallbackDocument{TaskID: run.Status.Attempts[0].TaskID, Progress: &progress, IDs: []string{"batch-7"},
		Outcome: &v1.CallbackOutcome{Phase: v1.RunSucceeded, Message: "40 rows", Time: *at("02:00:05"), ID: "k3"}}
	if _, err := w.Apply(ctx, Change{Writes: []Write{must(PutCallback(runKey, reported))}}); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateCallbackKeys(ctx, w, []byte("not a secret: it is in this file")); err != nil {
		t.Fatal(err)
	}

	resp, err := s.client.Get(ctx, Prefix, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, kv := range resp.Kvs {
		if !strings.HasPrefix(string(kv.Key), LeaderPrefix) {
			fmt.Fprintf(&got, "%s\n%s\n", kv.Key, kv.Value)
		}
	}
	const golden = "testdata/layout.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("etcd holds\n%s\nthe contract says\n%s", got.String(), want)
	}
	doc, err := os.ReadFile("../../docs/etcd.md")
	if err != nil {
		t.Fatal(err)
	}
	unwrapped := strings.ReplaceAll(string(doc), "\n    ", "") // The page breaks long documents: such a line begins with four blanks.
	if !strings.Contains(unwrapped, string(want)) {
		t.Error("docs/etcd.md does not hold the text of " + golden)
	}
}
