package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

const (
	// askEvery is how often each member is probed, and askTimeout how long it may take to answer.
	askEvery   = time.Second
	askTimeout = time.Second
	// silentAfter probes in a row without an answer mean that a member stands still. Fewer do not: on a machine that
	// is short of processors, single answers are late.
	silentAfter = 3
	// shunEvery bounds how often the connections to one member are broken.
	shunEvery = 15 * time.Second
	// loginEvery bounds how often a token is requested, which is expensive for etcd, and loginTimeout how long that
	// may take.
	loginEvery   = 15 * time.Second
	loginTimeout = 3 * time.Second
)

// members probes the members of an etcd cluster, each through a connection of its own. It detects two things that
// requests show too late or not at all.
//
// The first is a member that stands still (a frozen machine, a network that drops packets). Its connections stay
// open, its watches receive nothing, and every third request goes to it and times out. gRPC's own probes detect that
// after 15 seconds, and cannot be made faster. And a member that is cut off from the others answers gRPC's probes,
// and accepts requests that it cannot carry out. So the probe is a read that needs a majority. If a member is silent
// while another answers, the connections to the silent one are closed, and none are opened until it answers. Requests
// in flight on them are of unknown outcome; watches and new requests go to the other members.
//
// The second is that etcd is out of space, which reads do not show.
type members struct {
	onSpace func(full bool)
	tls     *tls.Config // nil: none
	// login gets a token; nil: etcd requires no password.
	login func(context.Context) (token string, err error)

	mu      sync.Mutex
	conns   map[string]map[net.Conn]bool // by address; guarded by mu
	shunned map[string]bool              // addresses; guarded by mu
}

// errShunned is why there is no connection to a member.
var errShunned = errors.New("this member of etcd does not answer")

// dial is gRPC's dialer; it records the connections.
func (m *members) dial(ctx context.Context, address string) (net.Conn, error) {
	if m.isShunned(address) {
		return nil, errShunned
	}
	conn, err := dialMember(ctx, address)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shunned[address] {
		_ = conn.Close()
		return nil, errShunned
	}
	if m.conns == nil {
		m.conns = map[string]map[net.Conn]bool{}
	}
	if m.conns[address] == nil {
		m.conns[address] = map[net.Conn]bool{}
	}
	c := &memberConn{Conn: conn, members: m, address: address}
	m.conns[address][c] = true
	return c, nil
}

func dialMember(ctx context.Context, address string) (net.Conn, error) {
	network, where := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, where = "unix", path
	}
	return (&net.Dialer{}).DialContext(ctx, network, where)
}

func (m *members) isShunned(address string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shunned[address]
}

// memberConn is a connection that removes itself from the record when it is closed.
type memberConn struct {
	net.Conn
	members *members
	address string
}

func (c *memberConn) Close() error {
	c.members.mu.Lock()
	delete(c.members.conns[c.address], c)
	c.members.mu.Unlock()
	return c.Conn.Close()
}

// shun closes the connections to a member and allows none until it is called with false.
func (m *members) shun(address string, shunned bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !shunned {
		delete(m.shunned, address)
		return
	}
	if m.shunned == nil {
		m.shunned = map[string]bool{}
	}
	m.shunned[address] = true
	for c := range m.conns[address] {
		_ = c.(*memberConn).Conn.Close() // gRPC closes it once more, which removes it from the record
	}
}

// member is what is known of one member.
type member struct {
	conn    *grpc.ClientConn
	address string
	heard   bool // it answered the last probe
	misses  int  // probes in a row that others answered and it did not
	shunned bool
	since   time.Time // when it was shunned last
}

// connect prepares the connection that probes a member. shun does not close it.
func (m *members) connect(endpoint string) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if strings.HasPrefix(endpoint, "https:") || m.tls != nil && !strings.HasPrefix(endpoint, "http:") {
		creds = credentials.NewTLS(m.tls)
	}
	return grpc.NewClient("passthrough:///"+addressOf(endpoint), grpc.WithTransportCredentials(creds), grpc.WithContextDialer(dialMember),
		grpc.WithConnectParams(reconnect), grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: keepAliveTime, Timeout: keepAliveTimeout}))
}

// watch probes the members until ctx ends.
func (m *members) watch(ctx context.Context, endpoints []string) {
	var all []*member
	for _, endpoint := range endpoints {
		conn, err := m.connect(endpoint)
		if err != nil {
			continue // not an address; the client itself reports that
		}
		defer conn.Close()
		all = append(all, &member{conn: conn, address: addressOf(endpoint)})
	}
	full, nobody := false, 0 // rounds in a row that nobody answered
	token, asked := "", time.Time{}
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if token == "" && m.login != nil && time.Since(asked) > loginEvery {
			token, asked = m.newToken(ctx), time.Now()
		}
		answers := ask(metadata.AppendToOutgoingContext(ctx, rpctypes.TokenFieldNameGRPC, token), all)
		if ctx.Err() != nil {
			return
		}
		if slices.Contains(answers, nil) { // A refusal: the token may have run out.
			token = ""
		}
		if len(answers) > 0 {
			nobody = 0
		} else {
			nobody++
		}
		m.judge(all, nobody)
		answers = slices.DeleteFunc(answers, func(a *pb.StatusResponse) bool { return a == nil })
		if len(answers) == 0 { // A refusal does not show whether there is space.
			continue
		}
		if now := outOfSpace(answers); now != full {
			full = now
			if m.onSpace != nil {
				m.onSpace(full)
			}
		}
	}
}

// newToken returns "" if it cannot get a token. Members then refuse the probes, which still shows that they are alive.
func (m *members) newToken(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	token, err := m.login(ctx)
	if err != nil {
		return ""
	}
	return token
}

// judge shuns the members that are silent while others answer. If none answers, the fault may be on this side; after a
// while no connection is better than another.
func (m *members) judge(all []*member, nobody int) {
	for _, x := range all {
		switch {
		case x.heard, nobody >= silentAfter:
			x.misses = 0
		case nobody == 0:
			x.misses++
		}
		switch {
		case x.misses == 0 && x.shunned:
			x.shunned = false
			m.shun(x.address, false)
		case x.misses >= silentAfter && !x.shunned && time.Since(x.since) > shunEvery:
			x.shunned, x.since = true, time.Now()
			m.shun(x.address, true)
		}
	}
}

// ask probes all members, and returns the answers that came in time; nil stands for a refusal.
func ask(ctx context.Context, all []*member) []*pb.StatusResponse {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers := make([]*pb.StatusResponse, len(all))
	var asked sync.WaitGroup
	for i, x := range all {
		asked.Go(func() {
			var err error
			answers[i], err = x.ask(ctx) // nil when it refuses
			x.heard = err == nil || refused(err)
		})
	}
	asked.Wait()
	var came []*pb.StatusResponse
	for i, x := range all {
		if x.heard {
			came = append(came, answers[i])
		}
	}
	return came
}

// ask sends a read that needs a majority, and a request for the member's own status. Without a token the read is
// refused, but only after a majority was reached.
func (x *member) ask(ctx context.Context) (*pb.StatusResponse, error) {
	question := &pb.RangeRequest{Key: []byte(FrameworkIDKey), CountOnly: true}
	if _, err := pb.NewKVClient(x.conn).Range(ctx, question); err != nil && !refused(err) {
		return nil, err
	}
	return pb.NewMaintenanceClient(x.conn).Status(ctx, &pb.StatusRequest{})
}

// outOfSpace reports whether etcd is out of space. Each member knows the alarms of all, as of what it has applied. So
// the one that has applied most decides: one that is cut off may report an alarm that is over.
func outOfSpace(answers []*pb.StatusResponse) bool {
	furthest := slices.MaxFunc(answers, func(a, b *pb.StatusResponse) int {
		return cmp.Compare(a.GetRaftAppliedIndex(), b.GetRaftAppliedIndex())
	})
	return slices.ContainsFunc(furthest.GetErrors(), func(e string) bool { return strings.Contains(e, pb.AlarmType_NOSPACE.String()) })
}

// addressOf returns an endpoint's address as gRPC passes it to the dialer.
func addressOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}
