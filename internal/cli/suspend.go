package cli

import "github.com/spf13/cobra"

func (c *cli) suspendCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: `{"spec":{"suspend":true}}`, done: "suspended", already: "is suspended already"}
	return p.command("suspend JOB...", "Stop a Job's schedule",
		"Stop a Job's schedule. Runs that are active go on, and horae trigger still works.",
		"horae suspend hello")
}

func (c *cli) resumeCommand() *cobra.Command {
	p := &patcher{cli: c, kind: jobKind, patch: `{"spec":{"suspend":false}}`, done: "resumed", already: "is not suspended"}
	return p.command("resume JOB...", "Let a suspended Job's schedule go on",
		"Let a suspended Job's schedule go on. spec.missedRuns says what becomes of the occurrences in between.",
		"horae resume hello")
}
