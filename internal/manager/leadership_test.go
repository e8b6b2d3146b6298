package manager

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"horae/internal/etcdtest"
	"horae/internal/store"
)

// TestOnlyWhoIsReadyCampaigns: while a manager has not read everything it does not stand for election, in which it could win and keep those
// from working who have. etcd refuses to be listed for a while.
func TestOnlyWhoIsReadyCampaigns(t *testing.T) {
	const refusals = 5
	var asked atomic.Int64
	front := etcdtest.NewFront(t, etcdtest.Start(t), etcdtest.FrontHooks{
		Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
			switch r := req.(type) {
			case *pb.RangeRequest:
				if strings.HasPrefix(string(r.Key), store.Prefix+"spec/") && asked.Add(1) <= refusals {
					return nil, status.Error(codes.FailedPrecondition, "not yet")
				}
			case *pb.TxnRequest:
				if n := asked.Load(); n <= refusals {
					t.Errorf("a transaction after etcd has refused to be listed %d times of %d", n, refusals)
				}
			}
			return forward(ctx)
		},
	})
	start(t, front.Endpoint)
	if n := asked.Load(); n <= refusals {
		t.Errorf("the manager is ready after it was refused %d times of %d", n, refusals)
	}
}
