package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// Exit codes.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
	// ExitUnknown: the server is gone, and so the outcome of what was asked for is not known.
	ExitUnknown = 3
	// ExitInterrupted is what a shell reports of a program that was interrupted.
	ExitInterrupted = 130
)

// IO is what a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// Env looks up environment variables; nil: os.LookupEnv.
	Env func(string) (string, bool)
	// Now is the clock by which ages are computed; nil: time.Now.
	Now func() time.Time
	// Patience is how long a command that waits looks for a server that it has lost; 0: two minutes.
	Patience time.Duration
}

// Main runs one command line (without the program's name) and returns its exit code. It writes errors to
// streams.Err.
func Main(ctx context.Context, args []string, streams IO) int {
	if streams.Env == nil {
		streams.Env = os.LookupEnv
	}
	if streams.Now == nil {
		streams.Now = time.Now
	}
	c := &cli{IO: streams, raw: streams.Out}
	c.Out, c.Err = &escaper{w: streams.Out}, &escaper{w: streams.Err}
	root := c.root()
	root.SetArgs(args)
	return c.exit(ctx, root.ExecuteContext(ctx))
}

// cli is what all commands share.
type cli struct {
	// IO has writers that escape control characters; raw is the standard output without that.
	IO
	raw io.Writer

	server        string
	namespace     string
	allNamespaces bool
	identity      identity

	config *config
	api    *client
}

// usageError: the command line is wrong. It is printed and exits 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// runError marks the error of a command that ran. Errors without the mark are cobra's, about the command line.
type runError struct{ error }

func (e runError) Unwrap() error { return e.error }

// errReported: the command failed, and its errors have been printed.
var errReported = errors.New("already reported")

// codedError is an error with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// exit prints an error and picks the exit code.
func (c *cli) exit(ctx context.Context, err error) int {
	var ran runError
	var usage usageError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage) || !errors.As(err, &ran):
		fmt.Fprintf(c.Err, "error: %v\n", err)
		return ExitUsage
	case errors.Is(ctx.Err(), context.Canceled):
		return ExitInterrupted
	case !errors.Is(err, errReported):
		c.report(err)
	}
	var coded codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	if isUnknown(err) {
		return ExitUnknown
	}
	return ExitFailed
}

const rootHelp = `horae runs cron and batch jobs on Apache Mesos.

People write Jobs in YAML, "horae apply" sends them to a manager, and each execution
is a Run. The manager's address is --server, $HORAE_SERVER, or "server" in
~/.config/horae/config.yaml; without any of them http://127.0.0.1:8080.`

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use: "horae", Short: "Runs cron and batch jobs on Apache Mesos", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(c.In)
	root.SetOut(c.raw)
	root.SetErr(c.Err)
	flags := root.PersistentFlags()
	flags.StringVar(&c.server, "server", "", "address of the manager, as in http://127.0.0.1:8080")
	flags.StringVarP(&c.namespace, "namespace", "n", "", `namespace; default "default"`)
	c.identity.add(flags)
	root.AddGroup(
		&cobra.Group{ID: "objects", Title: "Objects:"},
		&cobra.Group{ID: "runs", Title: "Running:"},
		&cobra.Group{ID: "other", Title: "Other:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, cmd := range cmds {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add("objects", c.applyCommand(), c.getCommand(), c.describeCommand(), c.eventsCommand(), c.graphCommand(), c.deleteCommand())
	add("objects", c.createCommand(), c.diffCommand(), c.editCommand(), c.labelCommand(), c.annotateCommand(), c.waitCommand())
	add("runs", c.triggerCommand(), c.logsCommand(), c.scheduleCommand(), c.statsCommand(),
		c.suspendCommand(), c.resumeCommand(), c.cancelCommand(),
		c.retryCommand(), c.succeedCommand(), c.backfillCommand(), c.callbackCommand())
	add("other", c.tokenCommand(), c.whoamiCommand(), c.authCommand(), c.statusCommand(), c.convertCommand(), c.versionCommand())
	root.SetHelpCommand(helpCommand(root))
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	markErrors(root)
	return root
}

// markErrors makes what a command returns a runError, so that all other errors are known to be about usage.
func markErrors(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			if err == nil {
				return nil
			}
			return runError{err}
		}
	}
	for _, sub := range cmd.Commands() {
		markErrors(sub)
	}
}

// ns is the namespace that a command works in: -n, else that of the configuration, else "default".
func (c *cli) ns() (string, error) {
	if c.namespace != "" {
		return c.namespace, nil
	}
	cfg, err := c.readConfig()
	if err != nil {
		return "", err
	}
	if cfg.Namespace != "" {
		return cfg.Namespace, nil
	}
	return v1.DefaultNamespace, nil
}

// example indents the lines of an example for a help text.
func example(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = "  " + strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

// printf writes to the standard output. Its error is ignored: the signal of a closed pipe ends the program.
func (c *cli) printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }
