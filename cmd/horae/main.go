// Command horae talks to a manager's HTTP API: apply, get, trigger, logs and the rest. internal/cli has all of it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"horae/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
