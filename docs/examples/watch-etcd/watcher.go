package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// prefix of the statuses of Runs: docs/etcd.md, "Keys".
const prefix = "/horae/status/runs/"

// document is as much of a Run's status document as this program reads. Fields that it does not know are left alone:
// later versions may add some.
type document struct {
	Status struct {
		Phase    string `json:"phase"`
		Reason   string `json:"reason"`
		Attempts []struct {
			TaskID   string `json:"taskID"`
			Hostname string `json:"hostname"`
			State    string `json:"state"`
		} `json:"attempts"`
	} `json:"status"`
}

// watcher prints a line for each transition of a Run.
type watcher struct {
	client *clientv3.Client
	out    io.Writer
	phases map[string]string // by key, as last seen
}

// follow prints until ctx ends. When etcd has compacted what the watch still needed it reads everything again, and
// goes on.
func (w *watcher) follow(ctx context.Context) error {
	for {
		revision, err := w.list(ctx)
		if err != nil {
			return err
		}
		if err := w.watch(ctx, revision); !errors.Is(err, rpctypes.ErrCompacted) {
			return err
		}
	}
}

// list reads all Runs, and returns the revision as of which they are.
func (w *watcher) list(ctx context.Context) (int64, error) {
	resp, err := w.client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return 0, fmt.Errorf("list %s: %w", prefix, err)
	}
	gone := w.phases
	w.phases = map[string]string{}
	for _, kv := range resp.Kvs {
		w.phases[string(kv.Key)] = gone[string(kv.Key)]
		delete(gone, string(kv.Key))
		w.seen(string(kv.Key), kv.Value)
	}
	for key, phase := range gone {
		w.print(key, phase, "gone", "")
	}
	return resp.Header.Revision, nil
}

// watch goes on from the revision after the list's, so that nothing is missed and nothing seen twice.
func (w *watcher) watch(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range w.client.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1)) {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch %s: %w", prefix, err)
		}
		for _, ev := range resp.Events {
			key := string(ev.Kv.Key)
			if ev.Type == clientv3.EventTypeDelete {
				w.print(key, w.phases[key], "gone", "")
				delete(w.phases, key)
				continue
			}
			w.seen(key, ev.Kv.Value)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("watch %s: it ended", prefix)
}

// seen prints a Run whose phase is another than before.
func (w *watcher) seen(key string, value []byte) {
	var doc document
	if err := json.Unmarshal(value, &doc); err != nil {
		w.print(key, w.phases[key], "?", err.Error())
		return
	}
	phase, more := doc.Status.Phase, doc.Status.Reason
	if phase == w.phases[key] {
		return
	}
	if n := len(doc.Status.Attempts); n > 0 {
		last := doc.Status.Attempts[n-1]
		more = strings.TrimSpace(fmt.Sprintf("%s attempt %d on %s", more, n, last.Hostname))
	}
	w.print(key, w.phases[key], phase, more)
	w.phases[key] = phase
}

// print writes one line: namespace/name, from what to what, and why or where.
func (w *watcher) print(key, from, to, more string) {
	if from == "" {
		from = "new"
	}
	if more != "" {
		more = " (" + more + ")"
	}
	fmt.Fprintf(w.out, "%s %s -> %s%s\n", strings.TrimPrefix(key, prefix), from, to, more)
}
