package store

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// once keeps etcd's client from sending a write twice. The client's own policy for writes is to repeat only what certainly did
// not leave the house, but before it looks at the policy it takes every DeadlineExceeded and Canceled for the end of one try,
// and tries again while the caller's context lives (retry_interceptor.go of client v3.7). A server ends a request so too: when its
// own timer for the request runs out a moment before ours, when it stops, when something between resets the stream. The
// transaction may be made by then; sent again it would meet its own guards and be called a conflict.
//
// It stands inside the client's interceptor and sees each try.
func once(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	if err == nil || ctx.Err() != nil || !writes(req) {
		return err
	}
	if s := status.Convert(err); s.Code() == codes.DeadlineExceeded || s.Code() == codes.Canceled {
		return status.Error(codes.Unknown, "etcd ended the request: "+s.Message())
	}
	return err
}

// writes reports whether a request may change something, so that sending it again is another change.
func writes(req any) bool {
	switch r := req.(type) {
	case *pb.TxnRequest:
		return opsWrite(r.Success) || opsWrite(r.Failure)
	case *pb.PutRequest, *pb.DeleteRangeRequest, *pb.LeaseGrantRequest:
		return true
	}
	return false
}

func opsWrite(ops []*pb.RequestOp) bool {
	for _, op := range ops {
		switch r := op.Request.(type) {
		case *pb.RequestOp_RequestRange:
		case *pb.RequestOp_RequestTxn:
			if writes(r.RequestTxn) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// within gives each try of a request so much time, where the caller has set no deadline. etcd's election asks with a context that lives
// as long as the campaign: an answer that is lost while the connection stays would hold it up for ever.
//
// It stands inside once, to which such an end is one of unknown outcome. The client repeats reads by itself.
func within(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
		opts ...grpc.CallOption) error {
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
}
