package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"horae/internal/etcdtest"
)

// lost are the codes that a request may end with whose transaction was made all the same. DeadlineExceeded and Canceled are the
// treacherous ones: etcd's client takes them for its own and repeats the request, whatever it is.
var lost = []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown, codes.Aborted}

// deaf is a store whose transactions are carried out, or not, and answered with the code.
func deaf(t testing.TB, code codes.Code, carryOut bool) (s *Store, direct string, sent *atomic.Int64) {
	t.Helper()
	direct, sent = etcdtest.Start(t), new(atomic.Int64)
	front := etcdtest.NewFront(t, direct, etcdtest.FrontHooks{
		Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
			if txn, ok := req.(*pb.TxnRequest); !ok || len(txn.Success) == 0 {
				return forward(ctx)
			}
			sent.Add(1)
			if carryOut {
				if _, err := forward(ctx); err != nil {
					return nil, err
				}
			}
			return nil, status.Error(code, "the answer did not come")
		},
	})
	s, err := Open(t.Context(), Config{Endpoints: []string{front.Endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, direct, sent
}

func TestNoTransactionIsSentTwice(t *testing.T) {
	for _, code := range lost {
		for _, carriedOut := range []bool{true, false} {
			name := code.String()
			if !carriedOut {
				name += " without effect"
			}
			t.Run(name, func(t *testing.T) {
				s, direct, sent := deaf(t, code, carriedOut)
				w := s.Writer(lead(t, open(t, direct)))
				defer w.Close()
				apply := map[string]func(context.Context, Change) (int64, error){"store": s.Apply, "writer": w.Apply}
				for who, apply := range apply {
					sent.Store(0)
					change := plain("/horae/test/"+who, "1")
					change.Guards = []Guard{{EtcdKey: "/horae/test/" + who}}
					_, err := apply(t.Context(), change)
					// A change that was made and then repeated would meet its own guard, and be called a conflict.
					if !errors.Is(err, ErrUnknown) || errors.Is(err, ErrConflict) {
						t.Errorf("%s: %v, want an unknown outcome", who, err)
					}
					if n := sent.Load(); n != 1 {
						t.Errorf("%s: sent %d times, want once", who, n)
					}
				}
			})
		}
	}
}
