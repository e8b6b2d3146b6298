package leader

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
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

// The lease has nine seconds; 0.9 of them are the margin, it is refreshed every three, and a refreshment is waited for so long.
func TestTheLeaseIsMeasuredByItsHolder(t *testing.T) {
	const never = -1
	for name, c := range map[string]struct {
		answers []answer
		want    []string // what happens within an hour
	}{
		"refreshed at once, for ever": {answers: []answer{{}}},
		"refreshed late, for ever":    {answers: []answer{{after: 2 * time.Second}}},
		"never refreshed":             {answers: []answer{{after: never}}, want: []string{"doubt after 8.1s"}},
		"one attempt is not answered: the next comes before there is any": {answers: []answer{{after: never}, {}}},
		"refreshed once: what was sent at 3 s holds until 12 s":           {answers: []answer{{}, {after: never}}, want: []string{"doubt after 11.1s"}},
		"an answer that comes late counts from when it was asked for":     {answers: []answer{{after: 2 * time.Second}, {after: never}}, want: []string{"doubt after 11.1s"}},
		"an answer that comes too late is none":                           {answers: []answer{{after: 4 * time.Second}}, want: []string{"doubt after 8.1s"}},
		"errors for a while":                                              {answers: []answer{{err: rpctypes.ErrNoLeader}, {err: rpctypes.ErrNoLeader}, {}}},
		"errors for ever":                                                 {answers: []answer{{err: rpctypes.ErrNoLeader}}, want: []string{"doubt after 8.1s"}},
		"errors for longer than the lease, which is there all the same":   {answers: append(slices.Repeat([]answer{{err: rpctypes.ErrNoLeader}}, 20), answer{}), want: []string{"doubt after 8.1s", "no doubt after 21s"}},
		"errors for longer than the lease, which is gone":                 {answers: append(slices.Repeat([]answer{{err: rpctypes.ErrNoLeader}}, 20), answer{err: rpctypes.ErrLeaseNotFound}), want: []string{"doubt after 8.1s", "lost after 21s"}},
		"an error now and then":                                           {answers: []answer{{err: rpctypes.ErrNoLeader}, {}}},
		"the lease has gone":                                              {answers: []answer{{}, {err: rpctypes.ErrLeaseNotFound}}, want: []string{"lost after 6s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := clientv3.NewCtxClient(t.Context(), clientv3.WithZapLogger(zap.NewNop()))
				client.Lease = &answers{next: c.answers}
				ctx, stop := context.WithCancel(t.Context())
				start := time.Now()
				var got []string
				note := func(what string) { got = append(got, what+" after "+time.Since(start).String()) }
				l := &lease{ttl: 9 * time.Second, stop: stop, done: make(chan struct{}), over: make(chan struct{}), doubt: func(doubt bool) {
					note(map[bool]string{true: "doubt", false: "no doubt"}[doubt])
				}}
				go l.keep(ctx, client, start)
				select {
				case <-l.over:
					note("lost")
					var lost *lostError
					if !errors.As(l.lost(), &lost) {
						t.Errorf("lost: %v", l.lost())
					}
				case <-time.After(time.Hour):
				}
				stop()
				<-l.done
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A process that was stopped wakes up with timers that are long due: doubt comes before anything else.
func TestAStoppedHolderDoubtsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context(), clientv3.WithZapLogger(zap.NewNop()))
		var got []string
		client.Lease = &asked{answers{next: []answer{{err: rpctypes.ErrLeaseNotFound}}}, func() { got = append(got, "asked") }}
		l := &lease{ttl: 9 * time.Second, done: make(chan struct{}), over: make(chan struct{}), doubt: func(bool) { got = append(got, "doubt") }}
		l.keep(t.Context(), client, time.Now().Add(-time.Minute))
		if diff := cmp.Diff([]string{"doubt", "asked"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// asked reports each request.
type asked struct {
	answers
	report func()
}

func (a *asked) KeepAliveOnce(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	a.report()
	return a.answers.KeepAliveOnce(ctx, id)
}
