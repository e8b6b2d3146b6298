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

// lostError says why the lead is over.
type lostError struct{ reason string }

func (e *lostError) Error() string { return e.reason }

// lease is the candidate's lease, kept alive by a goroutine of its own, which measures it on this process's steady clock: the
// lease cannot have run out before its time has passed since the last successful refreshment was *sent*. What arrived, and when,
// says nothing: an answer may have waited in the socket of a process that was stopped.
//
// When that time has passed the lease is in doubt, and it is asked after until etcd answers: an etcd that was away gives the
// leases that it finds their whole time again. It is lost only when etcd says so.
type lease struct {
	id    clientv3.LeaseID
	ttl   time.Duration
	doubt func(bool) // told when doubt begins and ends

	stop context.CancelFunc // ends the goroutine
	done chan struct{}      // closed by it
	over chan struct{}      // closed when the lease is lost

	once sync.Once
	err  *lostError // why; set before over is closed
}

// grant asks for a lease and begins to keep it.
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

// margin before the end of the lease in which there is doubt already.
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

// patience is until when one refreshment that is sent now is waited for: a third of the lease, because a member that stands still
// answers nobody, and the next attempt goes to another; and no longer than there is certainty.
func (l *lease) patience(now, certain time.Time) time.Time {
	until := now.Add(l.ttl / 3)
	if now.Before(certain) && certain.Before(until) {
		return certain
	}
	return until
}

// refresh asks until then. KeepAliveOnce repeats what etcd refuses; so the first was sent when this was called, at the latest.
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

// lost says why the lease is lost; nil while it is not.
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
	// The election cleans up in its client's own context, without a bound. With one that ends when ctx does nothing is left
	// waiting for an etcd that is away; giving up the lease cleans up anyway.
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
	// The key may have gone while the campaign waited: then there is nobody before us, but we do not lead either.
	resp, err := client.Get(ctx, election.Key())
	if err != nil {
		return store.Fence{}, 0, fmt.Errorf("campaign for the lead: read %s: %w", election.Key(), err)
	}
	if len(resp.Kvs) == 0 || resp.Kvs[0].CreateRevision != election.Rev() {
		return store.Fence{}, 0, &lostError{"the leader key was deleted during the campaign"}
	}
	return store.Fence{Key: election.Key(), CreateRevision: election.Rev()}, resp.Header.Revision, nil
}

// watchKey ends the lead when the leader key is deleted after the revision: by a revoked lease, or by somebody's hand. That is
// quicker than the next refreshment, and the only sign when the lease still lives. The function returned ends it.
func (l *lease) watchKey(client *clientv3.Client, key string, after int64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		// A watch that fails (compaction, permission) is no loss of the lead: the fence and the lease remain.
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

// giveUp ends the goroutine and revokes the lease, which deletes the leader key, so that a successor need not wait. It answers
// false when etcd did not say that the lease is gone.
func (l *lease) giveUp(ctx context.Context, cfg Config) bool {
	l.stop()
	<-l.done
	err := revoke(ctx, cfg, l.id, min(cleanupTimeout, l.ttl))
	if err != nil {
		cfg.Log.Info("The lease could not be given up and runs out by itself", "error", err.Error())
	}
	return err == nil
}

// leases of terms that are over, which etcd was not there to be told of. A restarted etcd gives every lease its whole time again:
// the keys of the dead terms would hold up the next one for so long.
type leases []clientv3.LeaseID

// revoke gives them up, once etcd answers again. One that cannot be given up runs out by itself.
func (o *leases) revoke(ctx context.Context, cfg Config) {
	for _, id := range *o {
		if err := revoke(ctx, cfg, id, cleanupTimeout); err != nil {
			cfg.Log.Info("The lease of an earlier term could not be given up and runs out by itself", "error", err.Error())
		}
	}
	*o = nil
}

// revoke gives a lease up, also after ctx has ended. One that etcd does not know is given up.
func revoke(ctx context.Context, cfg Config, id clientv3.LeaseID, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if _, err := cfg.Client.Revoke(ctx, id); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return err
	}
	return nil
}
