package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// rawEtcd is what this machine's etcd does by itself: the yardstick.
type rawEtcd struct {
	puts    float64 // single puts per second, 64 writers
	grouped float64 // objects per second, in transactions of 100 nested ones
}

// value is about as large as a Run's status.
var value = string(make([]byte, 700))

// measureEtcd runs an etcd of its own, fsync on, for a few seconds of each kind of write.
func measureEtcd(ctx context.Context) (raw rawEtcd, err error) {
	dir, err := os.MkdirTemp("", "horae-bench-etcd-")
	if err != nil {
		return raw, err
	}
	defer os.RemoveAll(dir)
	e, endpoint, err := startEtcd(dir)
	if err != nil {
		return raw, err
	}
	defer e.Close()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return raw, err
	}
	defer c.Close()

	raw.puts, err = perSecond(ctx, 64, 1, func(ctx context.Context, i int64) error {
		_, err := c.Put(ctx, fmt.Sprintf("/bench/%d", i%10_000), value)
		return err
	})
	if err != nil {
		return raw, err
	}
	const group = 100
	raw.grouped, err = perSecond(ctx, 4, group, func(ctx context.Context, i int64) error {
		ops := make([]clientv3.Op, group)
		for j := range ops {
			key := fmt.Sprintf("/bench/%d", (i*group+int64(j))%10_000)
			ops[j] = clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), ">", 0)},
				[]clientv3.Op{clientv3.OpPut(key, value)}, nil)
		}
		_, err := c.Txn(ctx).Then(ops...).Commit()
		return err
	})
	return raw, err
}

// startEtcd runs an etcd of this process's own, fsync on.
func startEtcd(dir string) (e *embed.Etcd, endpoint string, err error) {
	cfg := embed.NewConfig()
	cfg.Dir = dir
	client, peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}, url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 500, 500
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	if e, err = embed.StartEtcd(cfg); err != nil {
		return nil, "", err
	}
	<-e.Server.ReadyNotify()
	return e, "http://" + e.Clients[0].Addr().String(), nil
}

// perSecond runs f in several workers for five seconds. Each call counts for several objects.
func perSecond(ctx context.Context, workers int, each int64, f func(context.Context, int64) error) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var n atomic.Int64
	var first atomic.Pointer[error]
	began := time.Now()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for time.Since(began) < 5*time.Second {
				if err := f(ctx, n.Add(1)); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return 0, fmt.Errorf("measure etcd alone: %w", *err)
	}
	return float64(n.Load()*each) / time.Since(began).Seconds(), nil
}

// putAll writes documents under their keys, a hundred a transaction.
func putAll(ctx context.Context, endpoint string, n int, document func(i int) (key, value string)) error {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer c.Close()
	for i := 0; i < n; i += 100 {
		var ops []clientv3.Op
		for j := i; j < min(i+100, n); j++ {
			key, value := document(j)
			ops = append(ops, clientv3.OpPut(key, value))
		}
		if _, err := c.Txn(ctx).Then(ops...).Commit(); err != nil {
			return fmt.Errorf("write the Jobs: %w", err)
		}
	}
	return nil
}
