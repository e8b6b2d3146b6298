package store

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// within gives each try of a request so much time, where the caller has set no deadline. etcd's election asks with a context that lives
// as long as the campaign: an answer that is lost while the connection stays would hold it up for ever.
//
// It stands inside once, to which such an end is one of unknown outcome. The client repeats reads by itself.
func within(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
}
