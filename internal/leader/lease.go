package leader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"

	"horae/internal/backoff"
	"horae/internal/store"
)

// lostError is why the lead is over.
type lostError struct{ reason string }

func (e *lostError) Error() string { return e.reason }

// lease is the candidate's lease. A goroutine of its own keeps it alive, and measures it on this process's monotonic
// clock: the lease cannot have expired before its time has passed since the last successful refresh was *sent*. When
// the answer arrived does not matter: it may have waited in the socket of a process that was stopped.
//
// When that time has passed, the lease is in doubt, and refreshing is tried until etcd answers: after an outage etcd
// extends the leases that it finds by their whole time. The lease is lost only when etcd reports that it is.
type lease struct {
	id    clientv3.LeaseID
	ttl   time.Duration
	doubt func(bool) // called when doubt begins and ends

	stop context.CancelFunc // ends the goroutine
	done chan struct{}      // closed by it
	over chan struct{}      // closed when the lease is lost

	once sync.Once
	err  *lostError // why; set before over is closed
}

// grant requests a lease and begins to keep it alive.
func grant(ctx context.Context, cfg Config, doubt func(bool)) (*lease, error) {
	ttl := cfg.TTL
	if ttl <= 0 {
		ttl = DefaultTTL
	}
	reqCtx, cancel := context.WithTimeout(ctx, ttl)
	defer cancel()
	sent, asked := time.Now(), int64((ttl+time.Second-1)/time.Second)
	resp, err := cfg.Client.Grant(reqCtx, asked)
	if err != nil {
		return nil, fmt.Errorf("ask etcd for the leader's lease: %w", err)
	}
	if resp.TTL > asked {
		cfg.Log.Info("etcd gives leases more time than leader.leaseTTL asks for: its own election timeout wants that",
			"asked", time.Duration(asked)*time.Second, "given", time.Duration(resp.TTL)*time.Second)
	}
	keepCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &lease{
		id: resp.ID, ttl: time.Duration(resp.TTL) * time.Second, doubt: doubt,
		stop: stop, done: make(chan struct{}), over: make(chan struct{}),
	}
	go l.keep(keepCtx, cfg.Client, sent)
	return l, nil
}

// margin is the time before the end of the lease in which it is already in doubt.
func (l *lease) margin() time.Duration { return l.ttl / 10 }

// keep refreshes the lease three times in its life, until ctx ends or the lease is lost.
func (l *lease) keep(ctx context.Context, client *clientv3.Client, sent time.Time) {
	defer close(l.done)
	next, doubtful := sent.Add(l.ttl/3), false
	for {
		certain := sent.Add(l.ttl - l.margin())
		wake := next
		if !doubtful && certain.Before(next) {
			wake = certain
		}
		if backoff.Sleep(ctx, time.Until(wake)) != nil {
			return
		}
		now := time.Now()
		if !doubtful && !now.Before(certain) {
			doubtful = true
			l.doubt(true)
		}
		if now.Before(next) {
			continue
		}
		switch err := l.refresh(ctx, client, l.patience(now, certain)); {
		case ctx.Err() != nil:
			return
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			l.lose("the leader's lease has expired or was revoked")
			return
		case err != nil:
			next = time.Now().Add(l.margin())
		default:
			sent, next = now, now.Add(l.ttl/3)
			if doubtful {
				doubtful = false
				l.doubt(false)
			}
		}
	}
}

// patience returns until when to wait for a refresh that is sent now: a third of the lease, because a member that
// stands still never answers, and the next try goes to another member; and not beyond the time at which doubt begins.
func (l *lease) patience(now, certain time.Time) time.Time {
	until := now.Add(l.ttl / 3)
	if now.Before(certain) && certain.Before(until) {
		return certain
	}
	return until
}

// refresh refreshes the lease, trying until the given time. KeepAliveOnce repeats requests that etcd refuses. The one
// that succeeds was sent no earlier than this call, so it is safe to measure the lease from the call.
func (l *lease) refresh(ctx context.Context, client *clientv3.Client, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	_, err := client.KeepAliveOnce(ctx, l.id)
	return err
}

func (l *lease) lose(reason string) {
	l.once.Do(func() {
		l.err = &lostError{reason}
		close(l.over)
	})
}

// lost returns why the lease is lost; nil while it is not.
func (l *lease) lost() error {
	select {
	case <-l.over:
		return l.err
	default:
		return nil
	}
}

// context ends with ctx and when the lease is lost.
func (l *lease) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-l.over:
			cancel(l.err)
		case <-stop:
		}
	})
	return ctx, sync.OnceFunc(func() {
		close(stop)
		wg.Wait()
		cancel(context.Canceled)
	})
}

// campaign waits until the lead is won, and returns the fence and a revision at which the leader key existed.
func (l *lease) campaign(ctx context.Context, client *clientv3.Client, value string, log logr.Logger) (store.Fence, int64, error) {
	// The election cleans up in its client's own context, without a bound. With a client whose context ends with ctx,
	// it does not wait for an etcd that is not reachable. Revoking the lease cleans up anyway.
	bounded := clientv3.NewCtxClient(ctx, clientv3.WithZapLogger(zap.NewNop()))
	bounded.KV, bounded.Lease, bounded.Watcher = client.KV, client.Lease, client.Watcher
	session, err := concurrency.NewSession(bounded, concurrency.WithLease(l.id), concurrency.WithContext(ctx))
	if err != nil {
		return store.Fence{}, 0, fmt.Errorf("campaign for the lead: %w", err)
	}
	session.Orphan() // keep refreshes the lease

	election := concurrency.NewElection(session, electionPrefix)
	sweepCtx, endSweep := context.WithCancel(ctx)
	var sweep sync.WaitGroup
	sweep.Go(func() { keepRemovingForeign(sweepCtx, client, l.ttl, log) })
	err = election.Campaign(ctx, value)
	endSweep()
	sweep.Wait()
	if err != nil {
		return store.Fence{}, 0, fmt.Errorf("campaign for the lead: %w", err)
	}
	// The key may have been deleted while the campaign waited: then no candidate is before us, but we do not lead
	// either.
	resp, err := client.Get(ctx, election.Key())
	if err != nil {
		return store.Fence{}, 0, fmt.Errorf("campaign for the lead: read %s: %w", election.Key(), err)
	}
	if len(resp.Kvs) == 0 || resp.Kvs[0].CreateRevision != election.Rev() {
		return store.Fence{}, 0, &lostError{"the leader key was deleted during the campaign"}
	}
	return store.Fence{Key: election.Key(), CreateRevision: election.Rev()}, resp.Header.Revision, nil
}

// watchKey ends the lead when the leader key is deleted after the revision: with a revoked lease, or by a person.
// That is faster than the next refresh, and the only sign if the lease is still alive. stop ends the watch.
func (l *lease) watchKey(client *clientv3.Client, key string, after int64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		// A watch that fails (compaction, permission) does not end the lead: the fence and the lease remain.
		for resp := range client.Watch(ctx, key, clientv3.WithRev(after+1), clientv3.WithFilterPut()) {
			if len(resp.Events) > 0 {
				l.lose("the leader key was deleted")
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// giveUp ends the goroutine and revokes the lease, which deletes the leader key, so that a successor need not wait. It
// returns false if etcd did not confirm that the lease is gone.
func (l *lease) giveUp(ctx context.Context, cfg Config) bool {
	l.stop()
	<-l.done
	err := revoke(ctx, cfg, l.id, min(cleanupTimeout, l.ttl))
	if err != nil {
		cfg.Log.Info("The lease could not be given up and runs out by itself", "error", err.Error())
	}
	return err == nil
}

// leases of earlier terms that could not be revoked because etcd did not answer. A restarted etcd extends every lease
// by its whole time: the keys of the earlier terms would delay the next one for so long.
type leases []clientv3.LeaseID

// revoke revokes the leases, once etcd answers again. One that cannot be revoked expires by itself.
func (o *leases) revoke(ctx context.Context, cfg Config) {
	for _, id := range *o {
		if err := revoke(ctx, cfg, id, cleanupTimeout); err != nil {
			cfg.Log.Info("The lease of an earlier term could not be given up and runs out by itself", "error", err.Error())
		}
	}
	*o = nil
}

// revoke revokes a lease, even after ctx has ended. It succeeds if etcd does not know the lease.
func revoke(ctx context.Context, cfg Config, id clientv3.LeaseID, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if _, err := cfg.Client.Revoke(ctx, id); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return err
	}
	return nil
}
