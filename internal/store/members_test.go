package store

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"horae/internal/etcdtest"
)

// watchedClient is a client of a cluster, with somebody to watch over the members. It has no probes of gRPC's: nothing else breaks
// its connections.
func watchedClient(t *testing.T, c *etcdtest.Cluster) (*clientv3.Client, *members) {
	t.Helper()
	m := &members{}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: c.Endpoints(), Logger: zap.NewNop(), DialOptions: []grpc.DialOption{grpc.WithContextDialer(m.dial), grpc.WithConnectParams(reconnect)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	watchOver(t, m, c.Endpoints()...)
	if _, err := client.Put(t.Context(), "/a", "0"); err != nil { // It connects when it is used.
		t.Fatal(err)
	}
	return client, m
}

// watchOver the members until the test ends.
func watchOver(t *testing.T, m *members, endpoints ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { m.watch(ctx, endpoints) })
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
}

// eventually asks again until it is so; a test that asks in vain is ended by go test's own timeout.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatalf("waiting until %s", what)
		}
	}
}

// connected waits until the client has connected to a member.
func (m *members) connected(t *testing.T, endpoint string) (conns []net.Conn) {
	t.Helper()
	eventually(t, "the client has connected to "+endpoint, func() bool {
		conns = m.to(addressOf(endpoint))
		return len(conns) > 0
	})
	return conns
}

// gone waits until these connections to a member are broken.
func (m *members) gone(t *testing.T, endpoint string, conns []net.Conn) {
	t.Helper()
	for _, conn := range conns {
		eventually(t, "a connection to "+endpoint+" is broken", func() bool { return !m.has(addressOf(endpoint), conn) })
	}
}

func TestConnectionsToAMemberThatStandsStillAreBroken(t *testing.T) {
	t.Parallel()
	c := etcdtest.NewCluster(t, 3)
	client, m := watchedClient(t, c)
	events := client.Watch(t.Context(), "/a")
	for i, endpoint := range c.Endpoints() {
		before := m.connected(t, endpoint)
		c.Stop(i)
		m.gone(t, endpoint, before)
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

// A member that is cut off from the others, but not from us, takes requests and cannot carry them out. It is not used until it can;
// and when nobody can, all are.
func TestAMemberThatIsCutOffFromTheOthersIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(c *etcdtest.Cluster, leader int, others []int){
		"the leader": func(c *etcdtest.Cluster, leader int, _ []int) { c.Partition(leader) },
		"a follower": func(c *etcdtest.Cluster, _ int, others []int) { c.Partition(others[0]) },
		"a follower, in one way": func(c *etcdtest.Cluster, leader int, others []int) {
			c.Part(others[0], leader)
			c.Part(others[0], others[1])
		},
		"everybody from everyone": func(c *etcdtest.Cluster, leader int, others []int) { c.Partition(leader); c.Partition(others[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := etcdtest.NewCluster(t, 3, etcdtest.WithPartitions())
			client, m := watchedClient(t, c)
			before := map[string][]net.Conn{}
			for _, endpoint := range c.Endpoints() {
				before[endpoint] = m.connected(t, endpoint)
			}
			leader, others := c.Leader(t.Context()), c.Followers(t.Context())
			cutOff := others[0]
			if name == "the leader" {
				cutOff = leader
			}
			endpoint := c.Endpoints()[cutOff]
			cut(c, leader, others)
			if name == "everybody from everyone" {
				ctx, cancel := context.WithTimeout(t.Context(), (silentAfter+2)*askEvery)
				defer cancel()
				if _, err := client.Put(ctx, "/a", "1"); err == nil {
					t.Error("etcd without a majority has taken a write")
				}
				for _, endpoint := range c.Endpoints() {
					if m.isShunned(addressOf(endpoint)) {
						t.Errorf("%s is shunned, and no better than the others", endpoint)
					}
				}
				return
			}
			m.gone(t, endpoint, before[endpoint])
			for range 12 {
				if _, err := client.Put(t.Context(), "/a", "1"); err != nil {
					t.Errorf("a write while a member is cut off: %v", err)
				}
			}
			if n := len(m.to(addressOf(endpoint))); n != 0 {
				t.Errorf("there are %d connections to the member that is cut off", n)
			}
			c.Heal()
			m.connected(t, endpoint)
		})
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
	t.Parallel()
	for name, cfg := range map[string]Config{"open to all": {}, "with a password": {Username: "root", Password: "secret"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outOfSpaceIsTold(t, cfg)
		})
	}
}

func outOfSpaceIsTold(t *testing.T, cfg Config) {
	c := etcdtest.NewCluster(t, 1, etcdtest.WithQuota(2<<20))
	ctx, client := t.Context(), c.Member(0)
	if cfg.Username != "" {
		for _, step := range []func() error{
			func() error { _, err := client.UserAdd(ctx, cfg.Username, cfg.Password); return err },
			func() error { _, err := client.UserGrantRole(ctx, cfg.Username, "root"); return err },
			func() error { _, err := client.AuthEnable(ctx); return err },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if client, err = clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), Username: cfg.Username, Password: cfg.Password}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
	}
	reports := make(chan bool, 4)
	cfg.DialTimeout = time.Minute
	cfg.Endpoints, cfg.OnSpace = c.Endpoints(), func(full bool) { reports <- full }
	s, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for {
		_, err := client.Put(ctx, "/a", strings.Repeat("x", 200<<10))
		if errors.Is(err, rpctypes.ErrNoSpace) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !<-reports {
		t.Fatal("space is reported, want none")
	}
	// I1: what etcd refuses for want of space is refused as a whole, nested as it is.
	_, err = s.Apply(ctx, plain("b", "1"))
	if !errors.Is(err, ErrNoSpace) || errors.Is(err, ErrUnknown) {
		t.Errorf("a write: %v, want ErrNoSpace", err)
	}
	if _, err := client.AlarmDisarm(ctx, &clientv3.AlarmMember{}); err != nil {
		t.Fatal(err)
	}
	if <-reports {
		t.Fatal("no space is reported again, want space")
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
		"all know of it":                          {answers: []*pb.StatusResponse{full(7), full(8)}, want: true},
		"nobody knows of any":                     {answers: []*pb.StatusResponse{well(7), well(8)}},
		"one that is cut off has not heard of it": {answers: []*pb.StatusResponse{well(7), full(8)}, want: true},
		"one that is cut off knows of an old one": {answers: []*pb.StatusResponse{well(8), full(7)}},
	} {
		if got := outOfSpace(c.answers); got != c.want {
			t.Errorf("%s: out of space: %v, want %v", name, got, c.want)
		}
	}
}

// scripted is a member that is out of space, or not, and may refuse to say so.
type scripted struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	full, refuses atomic.Bool
	refused       chan struct{} // a receive for each refusal of Status
}

func (s *scripted) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	if s.refuses.Load() {
		return nil, rpctypes.ErrGRPCInvalidAuthToken
	}
	return &pb.RangeResponse{}, nil
}

func (s *scripted) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	if s.refuses.Load() {
		select {
		case s.refused <- struct{}{}:
		case <-ctx.Done():
		}
		return nil, rpctypes.ErrGRPCInvalidAuthToken
	}
	if s.full.Load() {
		return &pb.StatusResponse{Errors: []string{"memberID:1 alarm:NOSPACE "}}, nil
	}
	return &pb.StatusResponse{}, nil
}

// When all members refuse the question, because the token has run out, nobody has said that there is space again.
func TestMembersThatRefuseSayNothingAboutSpace(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{refused: make(chan struct{})}
	server := grpc.NewServer(grpc.WaitForHandlers(true))
	pb.RegisterKVServer(server, s)
	pb.RegisterMaintenanceServer(server, s)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) }) // ends with Stop
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	reports := make(chan bool, 4)
	s.full.Store(true)
	watchOver(t, &members{onSpace: func(full bool) { reports <- full }}, "http://"+l.Addr().String())
	if !<-reports {
		t.Fatal("space is reported, want none")
	}
	s.refuses.Store(true)
	for range 2 { // The first is judged when the second comes.
		<-s.refused
	}
	if len(reports) > 0 {
		t.Fatalf("full: %v was reported of a refusal", <-reports)
	}
	s.full.Store(false)
	s.refuses.Store(false)
	if <-reports {
		t.Fatal("no space is reported again, want space")
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
