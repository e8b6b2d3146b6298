// Command devcluster serves a Mesos-compatible master and agents until a signal stops it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"horae/internal/devcluster"
)

func main() {
	var cfg devcluster.Config
	flag.StringVar(&cfg.Listen, "listen", devcluster.DefaultListen, "the master's `address`; agents listen on the ports after it")
	flag.Func("hosts", "`names`, comma separated, by which clients may call it besides localhost and its own address",
		func(list string) error {
			cfg.Hosts = strings.Split(list, ",")
			return nil
		})
	flag.IntVar(&cfg.Agents, "agents", 1, "how many agents")
	flag.StringVar(&cfg.Resources, "resources", devcluster.DefaultResources, "what each agent has: name(role):value;... or JSON")
	flag.StringVar(&cfg.Attributes, "attributes", "", "each agent's attributes: name:value;...")
	flag.StringVar(&cfg.WorkDir, "work-dir", "", "where sandboxes are kept; a temporary directory if empty")
	flag.StringVar(&cfg.DockerHost, "docker-host", "",
		"the Docker `daemon` for tasks in Docker containers, as in docker -H; empty: what docker itself uses; none: no Docker")
	flag.StringVar(&cfg.SecretsDir, "secrets-dir", "",
		"where the secrets are that tasks refer to: NAME/KEY is a file in this `directory`; empty: such tasks are refused")
	flag.BoolVar(&cfg.Simulate, "simulate", false,
		"timers in place of processes; the label sim says how a task ends: ok,1500ms exit:3 lost never")
	flag.DurationVar(&cfg.HeartbeatInterval, "heartbeat-interval", 0, "time between the `heartbeats` of a subscription; 0: Mesos's 15s")
	flag.DurationVar(&cfg.AgentPingTimeout, "agent-ping-timeout", 0,
		"five times this `long` an agent may be silent until it is unreachable; 0: Mesos's 15s")
	flag.DurationVar(&cfg.UpdateRetryMin, "update-retry", 0,
		"an update without acknowledgement is sent again after so `long`, then twice as long; 0: Mesos's 10s")
	flag.DurationVar(&cfg.ExecutorStartup, "executor-startup", 0,
		"how `long` an executor takes to start, before its task can; Mesos takes 0.1s and more; 0: at once")
	certFile := flag.String("agent-cert-file", "", "a certificate, PEM; with --agent-key-file, agents answer by TLS alone")
	keyFile := flag.String("agent-key-file", "", "its key")
	faults := flag.String("faults", "",
		"for tests only: an `address` on which parts of the cluster can be broken; see internal/devcluster/faults.go")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "devcluster: unexpected argument %q: everything is given by flags; see -help\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *certFile != "" || *keyFile != "" {
		pair, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "devcluster: --agent-cert-file, --agent-key-file:", err)
			os.Exit(2)
		}
		cfg.AgentTLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if err := run(ctx, cfg, *faults); err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg devcluster.Config, faults string) error {
	cluster, err := devcluster.Start(ctx, cfg)
	if err != nil {
		return err
	}
	ready := fmt.Sprintf("devcluster ready master=%s agents=%d sandboxes=%s", cluster.URL(), cluster.Agents(), cluster.WorkDir())
	if faults != "" {
		url, err := cluster.ServeFaults(ctx, faults)
		if err != nil {
			return errors.Join(err, cluster.Close())
		}
		ready += " faults=" + url
	}
	fmt.Println(ready)
	<-ctx.Done()
	return cluster.Close()
}
