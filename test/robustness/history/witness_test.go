package history

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// run has the measuring device write a file, as a task would.
func run(t *testing.T, dir string, duration time.Duration, nominal string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", Script(dir, &Job{Duration: duration}))
	cmd.Env = append(os.Environ(), "HORAE_TASK_ID=default.a-1.7.1", "HORAE_JOB=a", "HORAE_RUN=a-1", "HORAE_ATTEMPT=1",
		"HORAE_REASON=Schedule", "HORAE_SCHEDULED_TIME="+nominal, "HORAE_PARENTS=p-1,q-1", EditVariable+"=3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestScriptIsReadBack(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, 10*time.Millisecond, "2026-11-22T02:00:00.5Z")
	if err := os.WriteFile(filepath.Join(dir, "default.b-1.8.1.99"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all, unreadable, err := ReadWitnesses(dir)
	if err != nil || len(all) != 1 || unreadable != 1 {
		t.Fatalf("got %v, %d unreadable, %v; want one witness and an empty file", all, unreadable, err)
	}
	got := all[0]
	want := Witness{File: got.File, Task: "default.a-1.7.1", Run: "a-1", Job: "a", Attempt: 1, Reason: v1.ReasonSchedule, Edit: 3, Parents: "p-1,q-1",
		Nominal: time.Date(2026, 11, 22, 2, 0, 0, 5e8, time.UTC), Start: got.Start, End: got.End}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.Start.IsZero() || !got.End.After(got.Start) || !got.Complete() {
		t.Errorf("started %s and ended %s", got.Start, got.End)
	}
}

func TestAFlakyTaskFailsInOddAttempts(t *testing.T) {
	j := &Job{Flaky: true}
	for attempt, want := range map[string]int{"1": 1, "2": 0, "3": 1} {
		cmd := exec.Command("/bin/sh", "-c", Script(t.TempDir(), j))
		cmd.Env = append(os.Environ(), "HORAE_TASK_ID=a.a.1.1", "HORAE_ATTEMPT="+attempt, EditVariable+"=0")
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("attempt %s ended with %d, want %d", attempt, got, want)
		}
	}
	if !j.Fails(1) || j.Fails(2) || (&Job{}).Fails(1) {
		t.Error("Fails does not say what the script does")
	}
}

func TestASecondTaskOfTheSameIDHasAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, 0, "")
	run(t, dir, 0, "")
	all, _, err := ReadWitnesses(dir)
	if err != nil || len(all) != 2 || all[0].Task != all[1].Task || !all[0].Nominal.IsZero() {
		t.Errorf("got %+v, %v; want two witnesses of one task, without an occurrence", all, err)
	}
}

func TestATaskThatWasKilledHasNoEnd(t *testing.T) {
	w, err := parseWitness("default.a-1.7.2.4711", "a\na-1\n2\nManual\n\n0\n\n2026-11-22T02:00:00.123456789Z\n")
	if err != nil || w.Complete() || w.Attempt != 2 || w.Task != "default.a-1.7.2" {
		t.Errorf("got %+v, %v", w, err)
	}
	if _, err := parseWitness("x.1", "a\nb\n"); err == nil {
		t.Error("a file with two lines is no witness")
	}
}

func TestIndexIsTheInverseOfTarget(t *testing.T) {
	j := Job{Start: time.Unix(1000, 0), Interval: 1600 * time.Millisecond, Count: 3}
	for k := range 3 {
		if got, ok := j.Index(j.Target(k)); !ok || got != k {
			t.Errorf("Index(Target(%d)) = %d, %t", k, got, ok)
		}
	}
	for _, t2 := range []time.Time{j.Target(-1), j.Target(3), j.Target(1).Add(time.Millisecond)} {
		if k, ok := j.Index(t2); ok {
			t.Errorf("Index(%s) = %d, want none", t2, k)
		}
	}
}
