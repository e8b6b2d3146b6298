package cli

import "github.com/spf13/cobra"

func (c *cli) cancelCommand() *cobra.Command {
	p := &patcher{cli: c, kind: runKind, patch: setSpec("cancel"), done: "cancelled", already: "is cancelled already"}
	return p.command("cancel RUN...", "Kill a Run",
		"Kill a Run: its task is killed, and it is not tried again. A Run that has ended stays as it is.",
		"horae cancel hello-20261122t020000z")
}
