package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// jobAfter is the document of a Job that depends on others.
func jobAfter(name string, parents ...string) string {
	doc := "apiVersion: horae/v1\nkind: Job\nmetadata: {name: " + name + "}\nspec:\n  task: {shell: \"true\"}\n"
	if len(parents) > 0 {
		doc += "  dependsOn: [{job: " + strings.Join(parents, "}, {job: ") + "}]\n"
	}
	return doc + "---\n"
}

func TestApplyChecksTheWholeForCycles(t *testing.T) {
	h := build(t)
	h.apply(jobAfter("there", "c"))
	r := h.apply(jobAfter("fine") + jobAfter("a", "there") + jobAfter("b", "a") + jobAfter("c", "b"))
	if r.code != ExitFailed || !strings.Contains(r.err, "these Jobs would depend on each other in a circle, so nothing is applied: a -> b -> c -> there -> a") {
		t.Errorf("got %+v", r)
	}
	if n := len(h.cache.Jobs("")); n != 1 {
		t.Errorf("%d Jobs are there: something was applied", n)
	}
	if r := h.apply(jobAfter("a", "a")); !strings.Contains(r.err, "circle, so nothing is applied: a -> a") {
		t.Errorf("itself: %+v", r)
	}
}

// TestApplyWritesParentsFirst: then no state between has a cycle, even if everything is turned round.
func TestApplyWritesParentsFirst(t *testing.T) {
	h := build(t)
	r := h.apply(jobAfter("c", "b") + jobAfter("b", "a") + jobAfter("x") + jobAfter("a"))
	if want := "job.horae/a created\njob.horae/b created\njob.horae/c created\njob.horae/x created\n"; r.out != want {
		t.Errorf("got %+v", r)
	}
	r = h.apply(jobAfter("a", "b") + jobAfter("b", "c") + jobAfter("c"))
	if want := "job.horae/c configured\njob.horae/b configured\njob.horae/a configured\n"; r.code != 0 || r.out != want {
		t.Errorf("turned round: %+v", r)
	}
}

// TestACycleOfOthersKeepsNobodyFromApplying.
func TestACycleOfOthersKeepsNobodyFromApplying(t *testing.T) {
	h := build(t)
	for name, parent := range map[string]string{"a": "b", "b": "a"} {
		doc := strings.TrimSuffix(jobAfter(name, parent), "---\n")
		rev, err := h.store.Apply(t.Context(), store.Change{Writes: []store.Write{{EtcdKey: store.JobKey("default", name).Spec(), Value: []byte(doc)}}})
		if err == nil {
			err = h.cache.WaitFor(t.Context(), rev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := h.apply(jobAfter("c", "a")); r.code != 0 {
		t.Errorf("below the cycle: %+v", r)
	}
	if r := h.apply(jobAfter("a")); r.code != 0 {
		t.Errorf("breaking the cycle: %+v", r)
	}
}

func TestGraphIsDrawn(t *testing.T) {
	h := build(t)
	if got := h.ok("graph"); got != "No Job follows another one.\n" {
		t.Errorf("got %q", got)
	}
	h.apply(hello + "---\n" + jobAfter("load", "hello", "gone") + jobAfter("report", "load"))
	h.ok("apply -f", h.file("clean.yaml", strings.Replace(jobAfter("clean", "load"), "{job: load}", "{job: load, on: Failed}", 1)))
	h.setJob("load", func(s *v1.JobStatus) {
		s.Parents = []v1.ParentStatus{{Job: "hello", On: v1.OnSucceeded, Banked: []v1.BankedEnd{{Run: "hello-m1", Number: 1}}}, {Job: "gone"}}
		s.Conditions = []metav1.Condition{{Type: v1.JobHealthy, Status: metav1.ConditionTrue, Reason: v1.ReasonLastRunSucceeded, LastTransitionTime: metav1.NewTime(now)}}
	})
	compare(t, h.ok("graph"), `
JOB      STATE       POLICY            AFTER
gone     Missing     -                 -
hello    Idle        -                 schedule 0 2 * * *
load     Succeeded   AllSinceLastRun   gone, hello (1 banked)
clean    Idle        -                 load (Failed)
report   Idle        -                 load
`)
	compare(t, h.ok("graph job/report"), h.ok("graph report"))
	compare(t, h.ok("graph report"), `
JOB      STATE       POLICY            AFTER
gone     Missing     -                 -
hello    Idle        -                 schedule 0 2 * * *
load     Succeeded   AllSinceLastRun   gone, hello (1 banked)
report   Idle        -                 load
`)
	compare(t, h.ok("graph clean -o dot"), `
digraph horae {
  rankdir=LR;
  node [shape=box, style="rounded,filled"];
  j0 [label="gone\nMissing", fillcolor="#ffffff"];
  j1 [label="hello\nIdle", fillcolor="#f5f5f5"];
  j2 [label="load\nSucceeded", fillcolor="#a6e0a6"];
  j3 [label="clean\nIdle", fillcolor="#f5f5f5"];
  j0 -> j2;
  j1 -> j2 [label="1 banked"];
  j2 -> j3 [label="Failed"];
}
`)
	compare(t, h.ok("graph clean -o mermaid"), `
flowchart LR
  j0["gone<br/>Missing"]:::missing
  j1["hello<br/>Idle"]:::idle
  j2["load<br/>Succeeded"]:::succeeded
  j3["clean<br/>Idle"]:::idle
  j0 --> j2
  j1 -->|"1 banked"| j2
  j2 -->|"Failed"| j3
  classDef missing fill:#ffffff,color:#000
  classDef succeeded fill:#a6e0a6,color:#000
  classDef idle fill:#f5f5f5,color:#000
`)
	if got := h.ok("graph -A -o json"); !strings.Contains(got, `"kind": "Graph"`) || !strings.Contains(got, `"on": "Failed"`) {
		t.Errorf("got %s", got)
	}
	for _, line := range []string{"graph -o png", "graph -A load", "graph a b"} {
		if r := h.run(line); r.code != ExitUsage {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if got := h.ok("describe job load"); !strings.Contains(got, "hello (Succeeded): 0 followed, 1 banked") || !strings.Contains(got, "AllSinceLastRun") {
		t.Errorf("got %s", got)
	}
}

func TestTextsOfDrawingsAreQuoted(t *testing.T) {
	if got := dotText("a\"\\\nb"); got != `"a\"\\ b"` {
		t.Errorf("got %s", got)
	}
	if got := mermaidText(`<a href="x">`); got != "#lt;a href=#quot;x#quot;#gt;" {
		t.Errorf("got %s", got)
	}
}

func TestTriggerWithoutDependents(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.ok("trigger hello --no-dependents --force")
	h.ok("trigger hello --force")
	if len(h.triggers) != 2 || !h.triggers[0].NoDependents || h.triggers[1].NoDependents {
		t.Errorf("got %+v", h.triggers)
	}
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		t.Error(diff)
	}
}
