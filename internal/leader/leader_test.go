package leader

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/go-logr/logr/testr"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"horae/internal/etcdtest"
	"horae/internal/store"
	"horae/internal/testparallel"
)

func TestMain(m *testing.M) {
	testparallel.AtLeast(8)
	goleak.VerifyTestMain(m)
}

// candidate is a Run in a goroutine, with what its lead saw.
type candidate struct {
	stop   context.CancelFunc
	begun  chan store.Fence // one for each lead
	ended  chan error       // why each lead's context ended
	doubt  chan bool
	result chan error // of Run
}

func campaign(t *testing.T, client *clientv3.Client, name string) *candidate {
	t.Helper()
	return campaignFor(t, client, name, time.Second)
}

func campaignFor(t *testing.T, client *clientv3.Client, name string, ttl time.Duration) *candidate {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &candidate{stop: stop, begun: make(chan store.Fence, 16), ended: make(chan error, 16), doubt: make(chan bool, 16), result: make(chan error, 1)}
	cfg := Config{
		Client: client, Identity: Identity{Name: name, Address: "http://" + name}, TTL: ttl, Log: testr.New(t),
		Doubt: func(doubt bool) { c.doubt <- doubt },
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.result <- Run(ctx, cfg, func(ctx context.Context, fence store.Fence) error {
			c.begun <- fence
			<-ctx.Done()
			c.ended <- context.Cause(ctx)
			return ctx.Err()
		})
	}()
	t.Cleanup(func() {
		stop()
		<-finished
	})
	return c
}

// receive waits; a test that waits in vain is ended by go test's own timeout.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-t.Context().Done():
		t.Fatalf("waiting for %s", what)
		panic("unreachable")
	}
}

func TestSuccessorLeadsAsSoonAsTheLeaderStops(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	if _, err := Leader(t.Context(), client); !errors.Is(err, ErrNoLeader) {
		t.Fatalf("before any campaign: %v", err)
	}
	a := campaign(t, client, "a")
	fence := receive(t, a.begun, "the first lead")
	if id, err := Leader(t.Context(), client); err != nil || id.Name != "a" || id.Address != "http://a" {
		t.Fatalf("Leader = %+v, %v", id, err)
	}
	b := campaign(t, etcdtest.Client(t, endpoint), "b")

	a.stop()
	if err := receive(t, a.result, "the end of a"); err != nil {
		t.Fatalf("Run: %v", err)
	}
	second := receive(t, b.begun, "the second lead")
	if second.CreateRevision <= fence.CreateRevision {
		t.Errorf("the second fence %+v is not later than the first %+v", second, fence)
	}
	if id, err := Leader(t.Context(), client); err != nil || id.Name != "b" {
		t.Fatalf("Leader = %+v, %v", id, err)
	}
	leases, err := client.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(leases.Leases) != 1 {
		t.Errorf("%d leases are left, want the second leader's alone", len(leases.Leases))
	}
}

// TestACampaignDoesNotWaitForAnAnswerThatIsLost: the key of the first campaign is made, or is not, and etcd never says so; the
// connection stays. The candidate begins anew, with another lease, and is not in its own way.
func TestACampaignDoesNotWaitForAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]bool{"the key was made": true, "it was not": false} {
		t.Run(name, func(t *testing.T) {
			var lost atomic.Bool
			front := etcdtest.NewFront(t, etcdtest.Start(t), etcdtest.FrontHooks{
				Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
					if txn, ok := req.(*pb.TxnRequest); !ok || txn.Success[0].GetRequestPut() == nil || lost.Swap(true) {
						return forward(ctx)
					}
					if made {
						if _, err := forward(ctx); err != nil {
							return nil, err
						}
					}
					<-ctx.Done()
					return nil, ctx.Err()
				},
			})
			s, err := store.Open(t.Context(), store.Config{Endpoints: []string{front.Endpoint}, RequestTimeout: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			c := campaignFor(t, s.Client(), "a", time.Minute)
			receive(t, c.begun, "the lead")
		})
	}
}

// I6: a deposed leader's write is refused by etcd, whatever the process believes.
func TestI6DeposedLeaderIsFenced(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	// The first leader does not notice that it is deposed: this stands for a process that was stopped.
	type lead struct {
		fence store.Fence
		over  chan struct{}
	}
	begun := make(chan lead, 1)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		cfg := Config{Client: s.Client(), Identity: Identity{Name: "a"}, TTL: time.Second, Log: testr.New(t)}
		done <- Run(ctx, cfg, func(_ context.Context, fence store.Fence) error {
			l := lead{fence, make(chan struct{})}
			begun <- l
			<-l.over
			return nil
		})
	}()
	a := receive(t, begun, "the first lead")
	deposed := s.Writer(a.fence)
	t.Cleanup(deposed.Close)
	write := store.Change{Writes: []store.Write{{EtcdKey: store.JobKey("default", "a").Status(), Value: []byte("{}")}}}
	if _, err := deposed.Apply(t.Context(), write); err != nil {
		t.Fatalf("write while leading: %v", err)
	}

	if _, err := s.Client().Delete(t.Context(), a.fence.Key); err != nil {
		t.Fatal(err)
	}
	b := campaign(t, etcdtest.Client(t, endpoint), "b")
	fence := receive(t, b.begun, "the second lead")
	if _, err := deposed.Apply(t.Context(), write); !errors.Is(err, store.ErrFenced) {
		t.Fatalf("the deposed leader's write: %v, want ErrFenced", err)
	}
	successor := s.Writer(fence)
	t.Cleanup(successor.Close)
	if _, err := successor.Apply(t.Context(), write); err != nil {
		t.Fatalf("the successor's write: %v", err)
	}
	stop()
	close(a.over)
	if err := receive(t, done, "the end of a"); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func TestLeadEndsWhenItsKeyIsDeletedOrItsLeaseRevoked(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Start(t))
	c := campaign(t, client, "a")
	fence := receive(t, c.begun, "the first lead")

	if _, err := client.Delete(t.Context(), fence.Key); err != nil {
		t.Fatal(err)
	}
	var lost *lostError
	if err := receive(t, c.ended, "the end of the first lead"); !errors.As(err, &lost) {
		t.Fatalf("the lead ended with %v", err)
	}
	second := receive(t, c.begun, "the second lead")
	if second == fence {
		t.Fatalf("the second lead has the first one's fence %+v", fence)
	}

	leases, err := client.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Leases {
		if _, err := client.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := receive(t, c.ended, "the end of the second lead"); !errors.As(err, &lost) {
		t.Fatalf("the lead ended with %v", err)
	}
	receive(t, c.begun, "the third lead")
}

func TestLeadIsInDoubtWhileEtcdIsSilentAndEndsWhenAnotherHasLed(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, endpoint)
	c := campaign(t, etcdtest.Client(t, proxy.Endpoint), "a")
	fence := receive(t, c.begun, "the first lead")

	direct := etcdtest.Client(t, endpoint)
	proxy.Silence()
	if !receive(t, c.doubt, "doubt") {
		t.Fatal("no doubt while etcd is silent")
	}
	// The doubt began by this process's own clock, before etcd let anybody else lead.
	got, err := direct.Get(t.Context(), fence.Key)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("when the doubt began the leader key existed: %v", len(got.Kvs) == 1)

	other := campaign(t, direct, "b")
	second := receive(t, other.begun, "the lead of the other")
	select {
	case err := <-c.ended:
		t.Fatalf("the lead ended before etcd said that it has: %v", err)
	default:
	}
	proxy.Restore()
	proxy.Break()
	var lost *lostError
	if err := receive(t, c.ended, "the end of the lead"); !errors.As(err, &lost) {
		t.Fatalf("the lead ended with %v", err)
	}
	other.stop()
	third := receive(t, c.begun, "the lead after the silence")
	if third.CreateRevision == fence.CreateRevision || third.CreateRevision == second.CreateRevision {
		t.Errorf("fences %+v, %+v, %+v: want three different ones", fence, second, third)
	}
}

// A restarted etcd gives leases their whole time again: who led goes on.
func TestLeadOutlivesARestartOfEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.New(t)
	client := etcdtest.Client(t, server.Endpoint)
	c := campaignFor(t, client, "a", 10*time.Second) // longer than the client may take to connect again
	fence := receive(t, c.begun, "the lead")
	server.Stop()
	if !receive(t, c.doubt, "doubt") {
		t.Fatal("no doubt while etcd is away")
	}
	server.Restart()
	if receive(t, c.doubt, "the end of the doubt") {
		t.Fatal("doubt again")
	}
	got, err := client.Get(t.Context(), fence.Key)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || got.Kvs[0].CreateRevision != fence.CreateRevision || len(c.ended) != 0 {
		t.Errorf("the leader key is %v after the restart, and %d leads have ended: want the same lead", got.Kvs, len(c.ended))
	}
}

// A lease that could not be given up would live for ten minutes here, in which nobody would lead.
func TestLeadAfterARestartOfEtcdDoesNotWaitForTheLeaseBefore(t *testing.T) {
	t.Parallel()
	server := etcdtest.New(t)
	client := etcdtest.Client(t, server.Endpoint)
	ctx, stop := context.WithCancel(t.Context())
	begun, deposed, owed, done := make(chan store.Fence, 16), make(chan bool), make(chan bool, 16), make(chan error, 1)
	log := funcr.New(func(_, line string) {
		if strings.Contains(line, "could not be given up") {
			owed <- true
		}
	}, funcr.Options{})
	go func() {
		cfg := Config{Client: client, Identity: Identity{Name: "a"}, TTL: 10 * time.Minute, Log: log}
		done <- Run(ctx, cfg, func(ctx context.Context, fence store.Fence) error {
			begun <- fence
			select {
			case <-deposed:
				return store.ErrFenced
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	first := receive(t, begun, "the first lead")
	server.Stop()
	deposed <- true
	receive(t, owed, "the attempt to give up the lease")
	server.Restart()
	if second := receive(t, begun, "the lead after the restart"); second.CreateRevision <= first.CreateRevision {
		t.Errorf("the second fence %+v is not later than the first %+v", second, first)
	}
	stop()
	if err := receive(t, done, "the end of Run"); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func TestStopDoesNotWaitForAnEtcdThatIsAway(t *testing.T) {
	t.Parallel()
	server := etcdtest.New(t)
	leading := campaign(t, etcdtest.Client(t, server.Endpoint), "a")
	receive(t, leading.begun, "the lead")
	waiting := campaign(t, etcdtest.Client(t, server.Endpoint), "b")
	asking := etcdtest.Client(t, server.Endpoint)
	for { // until the second candidate's key is there
		got, err := asking.Get(t.Context(), store.LeaderPrefix, clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Kvs) == 2 {
			break
		}
	}
	server.Stop()
	leading.stop()
	waiting.stop()
	for _, c := range []*candidate{leading, waiting} {
		if err := receive(t, c.result, "the end of Run"); err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestRunReturnsWhatLeadReturns(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Start(t))
	cfg := Config{Client: client, Identity: Identity{Name: "a"}, TTL: time.Second, Log: testr.New(t)}
	broken := errors.New("broken")
	leads := 0
	err := Run(t.Context(), cfg, func(context.Context, store.Fence) error {
		if leads++; leads == 1 {
			return store.ErrFenced // deposed: campaign again
		}
		return broken
	})
	if !errors.Is(err, broken) || leads != 2 {
		t.Fatalf("Run = %v after %d leads, want what the second lead returned", err, leads)
	}
	if _, err := Leader(t.Context(), client); !errors.Is(err, ErrNoLeader) {
		t.Errorf("after Run: %v, want the lead to be given up", err)
	}
}
