package store

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// once keeps etcd's client from sending a write twice. The client's policy for writes is to repeat only those that it
// has certainly not sent. But before it applies the policy, it takes every DeadlineExceeded and Canceled for the end
// of one try, and tries again while the caller's context lives (retry_interceptor.go of client v3.7). A server also
// ends requests with these codes: if its own timer runs out a moment before ours, if it stops, or if a proxy resets
// the stream. By then the transaction may have been committed. Sent again, it would fail its own guards and be
// reported as a conflict.
//
// It runs inside the client's interceptor and sees each try.
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

// within bounds each try of a request for which the caller has set no deadline. etcd's election sends requests with a
// context that lives as long as the campaign: if an answer were lost while the connection stays open, it would wait
// for ever.
//
// It runs inside once, which treats such an end as one of unknown outcome. The client repeats reads by itself.
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
