package leader

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// answers stands for etcd: each refreshment is answered by the next of them, the last one for ever.
type answers struct {
	clientv3.Lease
	next []answer
	n    int
}

type answer struct {
	after time.Duration // negative: never
	err   error
}

func (a *answers) KeepAliveOnce(ctx context.Context, _ clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	now := a.next[min(a.n, len(a.next)-1)]
	a.n++
	timer := time.NewTimer(now.after)
	defer timer.Stop()
	if now.after < 0 {
		timer.Stop()
	}
	select {
	case <-timer.C:
		return &clientv3.LeaseKeepAliveResponse{TTL: 9}, now.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The lease has nine seconds; 0.9 of them are the margin, and it is refreshed every three.
func TestTheLeaseIsMeasuredByItsHolder(t *testing.T) {
	const never = -1
	for name, c := range map[string]struct {
		answers []answer
		lost    time.Duration // 0: not within an hour
	}{
		"refreshed at once, for ever":                                 {answers: []answer{{}}},
		"refreshed late, for ever":                                    {answers: []answer{{after: 4 * time.Second}}},
		"never refreshed":                                             {answers: []answer{{after: never}}, lost: 8100 * time.Millisecond},
		"refreshed once: what was sent at 3 s holds until 12 s":       {answers: []answer{{}, {after: never}}, lost: 11100 * time.Millisecond},
		"an answer that comes late counts from when it was asked for": {answers: []answer{{after: 5 * time.Second}, {after: never}}, lost: 11100 * time.Millisecond},
		"an answer that comes too late is none":                       {answers: []answer{{after: 6 * time.Second}}, lost: 8100 * time.Millisecond},
		"errors for a while":                                          {answers: []answer{{err: rpctypes.ErrNoLeader}, {err: rpctypes.ErrNoLeader}, {}}},
		"errors for ever":                                             {answers: []answer{{err: rpctypes.ErrNoLeader}}, lost: 8100 * time.Millisecond},
		"an error now and then":                                       {answers: []answer{{err: rpctypes.ErrNoLeader}, {}}},
		"the lease has gone":                                          {answers: []answer{{}, {err: rpctypes.ErrLeaseNotFound}}, lost: 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := clientv3.NewCtxClient(t.Context(), clientv3.WithZapLogger(zap.NewNop()))
				client.Lease = &answers{next: c.answers}
				ctx, stop := context.WithCancel(t.Context())
				l := &lease{ttl: 9 * time.Second, stop: stop, done: make(chan struct{}), over: make(chan struct{})}
				start := time.Now()
				go l.keep(ctx, client, start)
				select {
				case <-l.over:
					if took := time.Since(start); took != c.lost {
						t.Errorf("lost after %s, want %s", took, c.lost)
					}
					var lost *lostError
					if !errors.As(l.lost(), &lost) {
						t.Errorf("lost: %v", l.lost())
					}
				case <-time.After(time.Hour):
					if c.lost != 0 {
						t.Errorf("not lost, want that after %s", c.lost)
					}
				}
				stop()
				<-l.done
			})
		})
	}
}
