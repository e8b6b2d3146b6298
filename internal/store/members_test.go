package store

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"horae/internal/etcdtest"
)

// The client here has no probes of gRPC's: nothing else breaks these connections.
func TestConnectionsToAMemberThatStandsStillAreBroken(t *testing.T) {
	c := etcdtest.NewCluster(t, 3)
	m := &members{}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: c.Endpoints(), Logger: zap.NewNop(), DialOptions: []grpc.DialOption{grpc.WithContextDialer(m.dial), grpc.WithConnectParams(reconnect)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.watch(ctx, client)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = client.Close()
	})
	events := client.Watch(ctx, "/a")

	for i, endpoint := range c.Endpoints() {
		var before []net.Conn
		for len(before) == 0 { // until the client has connected to it, too
			before = m.to(addressOf(endpoint))
		}
		c.Stop(i)
		for _, conn := range before {
			for m.has(addressOf(endpoint), conn) {
				if ctx.Err() != nil {
					t.Fatal("a connection to the silent member lives on")
				}
			}
		}
		// Wherever the watch was, it goes on.
		other := c.Member((i + 1) % 3)
		if _, err := other.Put(t.Context(), "/a", endpoint); err != nil {
			t.Fatal(err)
		}
		for got := ""; got != endpoint; {
			for _, e := range (<-events).Events {
				got = string(e.Kv.Value)
			}
		}
		c.Continue(i)
	}
}

// to lists the connections to an address.
func (m *members) to(address string) (all []net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns[address] {
		all = append(all, c)
	}
	return all
}

func (m *members) has(address string, conn net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.conns[address][conn]
}

func TestOutOfSpaceIsToldAndItsEnd(t *testing.T) {
	c := etcdtest.NewCluster(t, 1, etcdtest.WithQuota(2<<20))
	told := make(chan bool, 4)
	s, err := Open(t.Context(), Config{Endpoints: c.Endpoints(), OnSpace: func(full bool) { told <- full }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for {
		_, err := c.Member(0).Put(t.Context(), "/a", strings.Repeat("x", 200<<10))
		if errors.Is(err, rpctypes.ErrNoSpace) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !<-told {
		t.Fatal("told of space, want of none")
	}
	// I1: what etcd refuses for want of space is refused as a whole, nested as it is.
	_, err = s.Apply(t.Context(), plain("b", "1"))
	if !errors.Is(err, ErrNoSpace) || errors.Is(err, ErrUnknown) {
		t.Errorf("a write: %v, want ErrNoSpace", err)
	}
	if _, err := c.Member(0).AlarmDisarm(t.Context(), &clientv3.AlarmMember{}); err != nil {
		t.Fatal(err)
	}
	if <-told {
		t.Fatal("told of no space again, want of space")
	}
}

func TestTheFurthestMemberTellsOfAlarms(t *testing.T) {
	full := func(index uint64) *pb.StatusResponse {
		return &pb.StatusResponse{RaftAppliedIndex: index, Errors: []string{"etcdserver: no leader", "memberID:1 alarm:NOSPACE "}}
	}
	well := func(index uint64) *pb.StatusResponse { return &pb.StatusResponse{RaftAppliedIndex: index} }
	for name, c := range map[string]struct {
		answers []*pb.StatusResponse
		want    bool
	}{
		"all know of it":                           {answers: []*pb.StatusResponse{full(7), full(8)}, want: true},
		"nobody knows of any":                      {answers: []*pb.StatusResponse{well(7), well(8)}},
		"one that is cut off has not heard of it":  {answers: []*pb.StatusResponse{well(7), full(8)}, want: true},
		"one that is cut off knows of an old one":  {answers: []*pb.StatusResponse{well(8), full(7)}},
		"a member that refuses the question, only": {answers: []*pb.StatusResponse{nil}},
	} {
		if got := outOfSpace(c.answers); got != c.want {
			t.Errorf("%s: out of space: %v, want %v", name, got, c.want)
		}
	}
}

func TestAddressOfAnEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:2379": "127.0.0.1:2379", "https://etcd.example:2379": "etcd.example:2379", "127.0.0.1:2379": "127.0.0.1:2379",
	} {
		if got := addressOf(endpoint); got != want {
			t.Errorf("addressOf(%q) = %q, want %q", endpoint, got, want)
		}
	}
}
