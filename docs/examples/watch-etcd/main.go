// Command watch-etcd prints what happens to Runs, as it happens, from etcd alone:
//
//	go run ./docs/examples/watch-etcd --endpoints http://127.0.0.1:2379
//
// It is an example for tools that follow Horae through its documented layout (docs/etcd.md): it uses etcd's client and
// encoding/json, and nothing of Horae's code. It only reads. People start it; nothing of Horae calls it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func main() {
	endpoints := flag.String("endpoints", "http://127.0.0.1:2379", "client URLs of etcd, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Split(*endpoints, ",")); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "watch-etcd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, endpoints []string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints})
	if err != nil {
		return fmt.Errorf("connect to etcd at %s: %w", strings.Join(endpoints, ", "), err)
	}
	defer client.Close()
	return (&watcher{client: client, out: os.Stdout}).follow(ctx)
}
