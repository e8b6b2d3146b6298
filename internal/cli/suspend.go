package cli

import (
	"cmp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "horae/api/v1"
)

func (c *cli) suspendCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: setSpec("suspend"), done: "suspended", already: "is suspended already"}
	cmd := p.command("suspend JOB... | backfill/NAME...", "Stop a Job's schedule, or a Backfill",
		"Stop a Job's schedule, or pause a Backfill. Runs that are active go on, and horae trigger still works.",
		"horae suspend hello\nhorae suspend backfill/report-2026-10")
	return alsoBackfills(cmd, p, p.patch)
}

func (c *cli) resumeCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: c.resumption, done: "resumed", already: "is not suspended"}
	cmd := p.command("resume JOB... | backfill/NAME...", "Let a Job's schedule, or a Backfill, go on",
		`Let the schedule of a Job go on that was suspended, or that spec.suspendAfterFailures
has stopped. spec.missedRuns says what becomes of the occurrences in between.
A Backfill that was paused goes on where it was.`,
		"horae resume hello\nhorae resume backfill/report-2026-10")
	return alsoBackfills(cmd, p, func(before *unstructured.Unstructured) map[string]any {
		if suspended, _, _ := unstructured.NestedBool(before.Object, "spec", "suspend"); !suspended {
			return nil
		}
		return map[string]any{"spec": map[string]any{"suspend": false}}
	})
}

// alsoBackfills has a command on Jobs take Backfills as well: backfill/NAME, or the word backfill and names.
func alsoBackfills(cmd *cobra.Command, jobs *patcher, patch func(*unstructured.Unstructured) map[string]any) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 && backfillKind.is(args[0]) {
			for i, name := range args[1:] {
				args[i+1] = slash(backfillKind, name)
			}
			args = args[1:]
		}
		var ofJobs, ofBackfills []string
		for _, arg := range args {
			if word, _, ok := strings.Cut(arg, "/"); ok && backfillKind.is(word) {
				ofBackfills = append(ofBackfills, arg)
			} else {
				ofJobs = append(ofJobs, arg)
			}
		}
		backfills := *jobs
		backfills.kind, backfills.patch = backfillKind, patch
		return cmp.Or(jobs.run(cmd.Context(), ofJobs), backfills.run(cmd.Context(), ofBackfills))
	}
	return cmd
}

// resumption is the patch that lets a Job go on. A write of the spec is what lifts the stop after failures; the annotation makes
// it one when nothing else changes.
func (c *cli) resumption(before *unstructured.Unstructured) map[string]any {
	suspended, _, _ := unstructured.NestedBool(before.Object, "spec", "suspend")
	if !suspended && !stoppedByFailures(before) {
		return nil
	}
	return map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{v1.AnnotationResumedAt: c.Now().UTC().Format(time.RFC3339Nano)}},
		"spec":     map[string]any{"suspend": false},
	}
}

// stoppedByFailures reports whether a Job's conditions say that spec.suspendAfterFailures has stopped it.
func stoppedByFailures(job *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(job.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == v1.JobScheduled && m["reason"] == v1.ReasonTooManyFailures {
			return true
		}
	}
	return false
}
