// Command bench measures the whole system on this machine, and prints the results beside what the machine's etcd does
// alone in the same run. Only the ratios mean something, because the machine is shared and noisy.
//
// It starts bin/manager with its embedded etcd (fsync on) as a process of its own, and plays Mesos with the dev
// cluster's simulated tasks. Horae is not asked for its own account: the simulated agents note when each task reached
// them. `make bench`, `make bench-scale` and `make bench-takeover` call it.
//
// # Where things are
//
//   - main.go: the command; throughput.go, scale.go, takeover.go: the benchmarks
//   - etcd.go: raw etcd, for comparison; process.go: the manager as a process; metrics.go: its metrics
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"horae/internal/etcdtest"
)

func main() {
	etcdtest.RunMember()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) == 0 {
		return fmt.Errorf("say what to measure: throughput, scale or takeover")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	manager := flags.String("manager", "bin/manager", "the binary to measure")
	switch args[0] {
	case "throughput":
		t := throughput{manager: *manager}
		flags.IntVar(&t.rate, "rate", 2000, "runs per second of the sustained load")
		flags.DurationVar(&t.window, "window", time.Minute, "how long it is sustained")
		flags.IntVar(&t.agents, "agents", 1000, "simulated agents")
		_ = flags.Parse(args[1:])
		t.manager = *manager
		return t.run(ctx)
	case "scale":
		s := scale{}
		flags.IntVar(&s.jobs, "jobs", 100_000, "idle Jobs")
		flags.DurationVar(&s.window, "window", 20*time.Second, "how long idle CPU is watched")
		_ = flags.Parse(args[1:])
		s.manager = *manager
		return s.run(ctx)
	case "takeover":
		t := takeover{}
		flags.DurationVar(&t.lease, "lease", 5*time.Second, "the leader's lease, in whole seconds")
		flags.IntVar(&t.rounds, "rounds", 5, "how often the leader is ended in each way")
		flags.IntVar(&t.jobs, "jobs", 50, "Jobs due once a second")
		flags.IntVar(&t.idle, "idle", 10_000, "Jobs that are not due")
		flags.IntVar(&t.active, "active", 1000, "Runs that are active all the time")
		flags.IntVar(&t.members, "members", 3, "members of the etcd cluster")
		_ = flags.Parse(args[1:])
		t.manager = *manager
		return t.run(ctx)
	}
	return fmt.Errorf("%q: say throughput, scale or takeover", args[0])
}
