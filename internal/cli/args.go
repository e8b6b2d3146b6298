package cli

import "github.com/spf13/cobra"

// noArgs, oneArg and someArgs are cobra's, in words that say what to do.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is too much: see %s --help", args[0], cmd.CommandPath())
	}
	return nil
}

func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usagef("%s must be given: see %s --help", what, cmd.CommandPath())
		case 1:
			return nil
		}
		return usagef("%q is too much: only %s is expected", args[1], what)
	}
}

func someArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s must be given: see %s --help", what, cmd.CommandPath())
		}
		return nil
	}
}
