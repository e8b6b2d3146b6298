package etcdtest

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/url"
	"sync"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Front stands between a client and an etcd server as Proxy does, but speaks gRPC to both: it sees requests, answers and events
// where Proxy sees bytes. It knows what Horae uses: keys, watches and leases.
type Front struct {
	// Endpoint is the URL that the client is given.
	Endpoint string

	server   *grpc.Server
	upstream *grpc.ClientConn
	hooks    FrontHooks
	conns    *connections
	done     chan struct{} // closed when the server has ended
}

// FrontHooks are what a test puts in the way. A nil hook passes on.
type FrontHooks struct {
	// Unary is called with each request that has one answer. forward carries it out; what Unary returns is what the client gets,
	// whatever was carried out. ctx ends when the client's connection does.
	Unary func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error)
	// Watch is called with each message of a watch stream, one at a time for each stream, before it is passed on with send. What
	// it does not send the client does not get. An error ends the stream.
	Watch func(ctx context.Context, resp *pb.WatchResponse, send func(*pb.WatchResponse) error) error
}

// NewFront passes on to an endpoint until the test ends, or Kill.
func NewFront(t testing.TB, endpoint string, hooks FrontHooks) *Front {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatalf("front of %s: %v", endpoint, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("front of %s: %v", endpoint, err)
	}
	upstream, err := grpc.NewClient("passthrough:///"+u.Host, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
	if err != nil {
		t.Fatalf("front of %s: %v", endpoint, err)
	}
	f := &Front{
		Endpoint: "http://" + l.Addr().String(), upstream: upstream, hooks: hooks,
		conns: &connections{Listener: l, open: map[net.Conn]bool{}}, done: make(chan struct{}),
	}
	f.server = grpc.NewServer(grpc.UnaryInterceptor(f.unary), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.WaitForHandlers(true))
	pb.RegisterKVServer(f.server, &frontKV{to: pb.NewKVClient(upstream)})
	pb.RegisterLeaseServer(f.server, &frontLease{to: pb.NewLeaseClient(upstream)})
	pb.RegisterWatchServer(f.server, &frontWatch{to: pb.NewWatchClient(upstream), hook: hooks.Watch})
	go func() {
		defer close(f.done)
		_ = f.server.Serve(f.conns) // ends with Stop
	}()
	t.Cleanup(f.Kill)
	return f
}

// Kill breaks all connections and refuses new ones, for good. Hooks must return when their ctx ends: Kill waits for them.
func (f *Front) Kill() {
	f.server.Stop()
	<-f.done
	_ = f.upstream.Close()
}

// Break breaks all connections, as a reset does. New ones are served.
func (f *Front) Break() { f.conns.breakAll() }

func (f *Front) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, requirements(md))
	}
	if f.hooks.Unary == nil {
		return handler(ctx, req)
	}
	return f.hooks.Unary(ctx, req, func(ctx context.Context) (any, error) { return handler(ctx, req) })
}

// requirements are what a client asks of a member beside the request.
func requirements(md metadata.MD) metadata.MD {
	out := metadata.MD{}
	for _, key := range []string{"hasleader", "token"} {
		if v := md.Get(key); len(v) > 0 {
			out.Set(key, v...)
		}
	}
	return out
}

// connections is a listener that remembers what it accepted.
type connections struct {
	net.Listener

	mu   sync.Mutex
	open map[net.Conn]bool // guarded by mu
}

func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = true
	return &connection{conn, c}, nil
}

func (c *connections) breakAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // reset rather than end
		}
		_ = conn.Close()
	}
	clear(c.open)
}

type connection struct {
	net.Conn
	of *connections
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

type frontKV struct {
	pb.UnimplementedKVServer
	to pb.KVClient
}

func (f *frontKV) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return f.to.Range(ctx, r)
}

func (f *frontKV) Put(ctx context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	return f.to.Put(ctx, r)
}

func (f *frontKV) DeleteRange(ctx context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	return f.to.DeleteRange(ctx, r)
}

func (f *frontKV) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	return f.to.Txn(ctx, r)
}

func (f *frontKV) Compact(ctx context.Context, r *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	return f.to.Compact(ctx, r)
}

type frontLease struct {
	pb.UnimplementedLeaseServer
	to pb.LeaseClient
}

func (f *frontLease) LeaseGrant(ctx context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	return f.to.LeaseGrant(ctx, r)
}

func (f *frontLease) LeaseRevoke(ctx context.Context, r *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	return f.to.LeaseRevoke(ctx, r)
}

func (f *frontLease) LeaseTimeToLive(ctx context.Context, r *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	return f.to.LeaseTimeToLive(ctx, r)
}

func (f *frontLease) LeaseKeepAlive(down grpc.BidiStreamingServer[pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse]) error {
	ctx, cancel := context.WithCancel(down.Context())
	defer cancel()
	up, err := f.to.LeaseKeepAlive(ctx)
	if err != nil {
		return err
	}
	return relay(down.Recv, up.Send, up.Recv, down.Send, cancel)
}

type frontWatch struct {
	pb.UnimplementedWatchServer
	to   pb.WatchClient
	hook func(context.Context, *pb.WatchResponse, func(*pb.WatchResponse) error) error
}

func (f *frontWatch) Watch(down grpc.BidiStreamingServer[pb.WatchRequest, pb.WatchResponse]) error {
	ctx, cancel := context.WithCancel(down.Context())
	defer cancel()
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, requirements(md))
	}
	up, err := f.to.Watch(ctx)
	if err != nil {
		return err
	}
	send := down.Send
	if f.hook != nil {
		send = func(r *pb.WatchResponse) error { return f.hook(ctx, r, down.Send) }
	}
	return relay(down.Recv, up.Send, up.Recv, send, cancel)
}

// relay passes on in both directions until one of them ends. cancel ends the other side's.
func relay[Req, Resp any](recvDown func() (*Req, error), sendUp func(*Req) error, recvUp func() (*Resp, error),
	sendDown func(*Resp) error, cancel func()) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	answered := make(chan error, 1)
	wg.Go(func() {
		for {
			resp, err := recvUp()
			if err == nil {
				err = sendDown(resp)
			}
			if err != nil {
				answered <- err
				cancel()
				return
			}
		}
	})
	asked := make(chan error, 1)
	// This goroutine ends with the stream, which ends when the handler returns: it is not waited for.
	go func() {
		for {
			req, err := recvDown()
			if err == nil {
				err = sendUp(req)
			}
			if err != nil {
				asked <- err
				return
			}
		}
	}()
	select {
	case err := <-answered:
		return err
	case err := <-asked:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return status.Error(codes.Canceled, err.Error())
	}
}
