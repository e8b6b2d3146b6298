package leader

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/backoff"
	"horae/internal/store"
)

// ofCandidate reports whether a key under store.LeaderPrefix is a candidate's: it is named after its lease, and
// deleted with it. Any other key would stay for ever, and the election would wait for it. A person may have created
// it, or may have overwritten a candidate's key, which detaches it from its lease.
func ofCandidate(kv *mvccpb.KeyValue) bool {
	return kv.Lease != 0 && string(kv.Key) == store.LeaderPrefix+fmt.Sprintf("%x", kv.Lease)
}

// removeForeign removes the keys that are not a candidate's. That never deposes a rightful leader: I6 rests on the
// create revision of the leader's own key, and a leader whose key has lost its lease campaigns anew.
func removeForeign(ctx context.Context, client *clientv3.Client, log logr.Logger) error {
	resp, err := client.Get(ctx, store.LeaderPrefix, clientv3.WithPrefix())
	if err != nil {
		return fmt.Errorf("read the keys of the election: %w", err)
	}
	for _, kv := range resp.Kvs {
		if ofCandidate(kv) {
			continue
		}
		same := clientv3.Compare(clientv3.ModRevision(string(kv.Key)), "=", kv.ModRevision)
		done, err := client.Txn(ctx).If(same).Then(clientv3.OpDelete(string(kv.Key))).Commit()
		if err != nil {
			return fmt.Errorf("remove %s, which is no candidate's key and stops the election: %w", kv.Key, err)
		}
		if done.Succeeded {
			log.Info("Removed a key that is no candidate's and would have stopped the election", "key", string(kv.Key))
		}
	}
	return nil
}

// keepRemovingForeign removes foreign keys now and once in each lease's life, until ctx ends: a key may be created
// between two candidates' keys while the later one waits.
func keepRemovingForeign(ctx context.Context, client *clientv3.Client, every time.Duration, log logr.Logger) {
	for {
		try, cancel := context.WithTimeout(ctx, every)
		err := removeForeign(try, client, log)
		cancel()
		if err != nil && ctx.Err() == nil {
			log.Info("The election's keys were not looked after, trying again", "error", err.Error())
		}
		if backoff.Sleep(ctx, every) != nil {
			return
		}
	}
}
