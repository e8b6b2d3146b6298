package leader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/backoff"
	"horae/internal/store"
)

const (
	// DefaultTTL of the lease: a leader that crashes is replaced after so long.
	DefaultTTL = 5 * time.Second
	// cleanupTimeout bounds revoking the lease; if that fails, the lease expires by itself.
	cleanupTimeout = time.Second
)

// again is the delay after a campaign that failed.
var again = backoff.Policy{First: 50 * time.Millisecond, Max: time.Second, Jitter: .5}

// ErrNoLeader: no process leads at the moment. Try again later.
var ErrNoLeader = errors.New("there is no leader")

// Identity of a leader: the value of the leader key.
type Identity struct {
	// Name of the process.
	Name string `json:"name"`
	// Address of its API, as other processes may reach it.
	Address string `json:"address,omitempty"`
}

// Config of a candidate. Client and Name are required.
type Config struct {
	Client *clientv3.Client
	Identity
	// TTL of the lease, in whole seconds, rounded up; default 5 s. etcd grants a longer one if its own election
	// timeout requires it (2 s with etcd's defaults).
	TTL time.Duration
	// Doubt is called while this process leads, and must not block: with true when etcd has not refreshed the lease
	// for so long that another process may lead, and with false when etcd has confirmed the lease, or when lead has
	// returned. Nil: it is not called.
	Doubt func(doubt bool)
	Log   logr.Logger
}

// Run campaigns and, each time it has won, calls lead, until ctx ends. lead's ctx ends with ctx and when the lead is
// lost; then lead must return, and Run campaigns again. It also does so when lead returns store.ErrFenced. If lead
// returns otherwise, Run revokes the lease and returns what lead returned. When ctx ends, Run revokes the lease as
// soon as lead has returned, so that a successor need not wait until it expires.
func Run(ctx context.Context, cfg Config, lead func(ctx context.Context, fence store.Fence) error) error {
	value, err := json.Marshal(cfg.Identity)
	if err != nil {
		return fmt.Errorf("encode the identity of %s: %w", cfg.Name, err)
	}
	failures := backoff.Counter{Policy: again}
	var owed leases
	for {
		won, err := runTerm(ctx, cfg, string(value), &owed, lead)
		var lost *lostError
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled) || errors.As(err, &lost)):
			return nil
		case won && errors.As(err, &lost), errors.Is(err, store.ErrFenced):
			cfg.Log.Info("Lost the lead", "error", err.Error())
			failures.Reset()
		case won:
			return err
		default:
			cfg.Log.Info("Campaign failed, trying again", "error", err.Error())
		}
		if backoff.Sleep(ctx, failures.Next()) != nil {
			return nil //nolint:nilerr // ctx has ended, as the caller wanted
		}
	}
}

// runTerm is one campaign and, if it is won, the lead that follows.
func runTerm(ctx context.Context, cfg Config, value string, owed *leases,
	lead func(context.Context, store.Fence) error) (won bool, err error) {
	// 1. A lease, kept alive until the term is over: also while the campaign waits, and while lead finishes.
	d := &doubts{cfg: cfg}
	l, err := grant(ctx, cfg, d.set)
	if err != nil {
		return false, err
	}
	defer func() {
		if !l.giveUp(ctx, cfg) {
			*owed = append(*owed, l.id)
		}
	}()
	owed.revoke(ctx, cfg)

	// 2. The campaign. It waits until all earlier candidates are gone.
	termCtx, cancel := l.context(ctx)
	defer cancel()
	fence, revision, err := l.campaign(termCtx, cfg.Client, value, cfg.Log)
	if err != nil {
		return false, errors.Join(err, l.lost())
	}

	// 3. The lead, until it returns.
	stop := l.watchKey(cfg.Client, fence.Key, revision)
	defer stop()
	cfg.Log.Info("Leading", "name", cfg.Name, "key", fence.Key, "revision", fence.CreateRevision)
	d.begin()
	err = lead(termCtx, fence)
	d.end()
	if lost := l.lost(); lost != nil {
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return true, errors.Join(lost, err)
	}
	return true, err
}

// Leader returns who leads at the moment. ErrNoLeader: no process does, for example while a key that is not a
// candidate's comes first.
func Leader(ctx context.Context, client *clientv3.Client) (Identity, error) {
	resp, err := client.Get(ctx, store.LeaderPrefix, clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		return Identity{}, fmt.Errorf("read who leads: %w", err)
	}
	for i, kv := range resp.Kvs {
		if !ofCandidate(kv) {
			continue
		}
		if i > 0 {
			return Identity{}, fmt.Errorf(
				"%w: the election waits for %s, which is no candidate's key and is about to be removed", ErrNoLeader, resp.Kvs[0].Key)
		}
		var id Identity
		if err := json.Unmarshal(kv.Value, &id); err != nil {
			return Identity{}, fmt.Errorf("read who leads: decode %s: %w", kv.Key, err)
		}
		return id, nil
	}
	return Identity{}, ErrNoLeader
}

// electionPrefix is LeaderPrefix without its slash, which the election adds itself.
var electionPrefix = strings.TrimSuffix(store.LeaderPrefix, "/")
