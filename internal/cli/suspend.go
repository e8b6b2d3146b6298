package cli

import (
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "horae/api/v1"
)

func (c *cli) suspendCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: setSpec("suspend"), done: "suspended", already: "is suspended already"}
	return p.command("suspend JOB...", "Stop a Job's schedule",
		"Stop a Job's schedule. Runs that are active go on, and horae trigger still works.",
		"horae suspend hello")
}

func (c *cli) resumeCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: c.resumption, done: "resumed", already: "is not suspended"}
	return p.command("resume JOB...", "Let a Job's schedule go on",
		`Let the schedule of a Job go on that was suspended, or that spec.suspendAfterFailures
has stopped. spec.missedRuns says what becomes of the occurrences in between.`,
		"horae resume hello")
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
