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
	// askEvery is how often each member is asked how it is, and askTimeout how long it may take to answer.
	askEvery   = time.Second
	askTimeout = time.Second
	// silentAfter questions in a row without an answer a member is taken to stand still. On a machine that is short of processors
	// single answers come late.
	silentAfter = 3
	// shunEvery bounds how often the connections to one member are broken.
	shunEvery = 15 * time.Second
	// loginEvery bounds how often a token is asked for, which costs etcd much, and loginTimeout how long that may take.
	loginEvery   = 15 * time.Second
	loginTimeout = 3 * time.Second
)

// members watches over the members of an etcd cluster, each by a connection of its own. It sees two things that requests tell too
// late or not at all.
//
// A member that stands still (a frozen machine, a network that swallows packets) leaves its connections open. Watches through it
// say nothing more, and of the requests every third goes to it and waits in vain. gRPC's own probes find that out after 15
// seconds, and cannot be made quicker. And a member that is cut off from the others answers such probes, and takes requests that it
// cannot carry out. So each is asked for a read that takes a majority. When one is silent and another is not, the connections to the
// silent one are broken, and none are made before it answers: what is on its way is of unknown outcome, watches and requests go
// on elsewhere.
//
// And that etcd is out of space, which does not hinder reads.
type members struct {
	onSpace func(full bool)
	tls     *tls.Config // nil: none
	// login gets a token; nil: etcd asks for no password.
	login func(context.Context) (token string, err error)

	mu      sync.Mutex
	conns   map[string]map[net.Conn]bool // by address; guarded by mu
	shunned map[string]bool              // addresses; guarded by mu
}

// errShunned is why there is no connection to a member.
var errShunned = errors.New("this member of etcd does not answer")

// dial is gRPC's dialer, which keeps account.
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

// memberConn is a connection that takes itself from the account when it is closed.
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

// shun breaks the connections to a member and lets none be made, until it is called with false.
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
		_ = c.(*memberConn).Conn.Close() // gRPC closes it once more, which takes it from the account
	}
}

// member is what is known of one.
type member struct {
	conn    *grpc.ClientConn
	address string
	heard   bool // to the last question
	misses  int  // questions in a row that others answered and it did not
	shunned bool
	since   time.Time // when it was shunned last
}

// connect prepares a connection for the questions to a member, which nothing breaks.
func (m *members) connect(endpoint string) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if strings.HasPrefix(endpoint, "https:") || m.tls != nil && !strings.HasPrefix(endpoint, "http:") {
		creds = credentials.NewTLS(m.tls)
	}
	return grpc.NewClient("passthrough:///"+addressOf(endpoint), grpc.WithTransportCredentials(creds), grpc.WithContextDialer(dialMember),
		grpc.WithConnectParams(reconnect), grpc.WithKeepaliveParams(
			keepalive.ClientParameters{Time: keepAliveTime, Timeout: keepAliveTimeout}))
}

// watch asks until ctx ends.
func (m *members) watch(ctx context.Context, endpoints []string) {
	var all []*member
	for _, endpoint := range endpoints {
		conn, err := m.connect(endpoint)
		if err != nil {
			continue // of an address that cannot be one; the client itself complains
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
		if len(answers) == 0 { // Who refuses says nothing about space.
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

// newToken answers "" when there is none to be had: then answers are refused, which is better than silence.
func (m *members) newToken(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	token, err := m.login(ctx)
	if err != nil {
		return ""
	}
	return token
}

// judge shuns those that are silent while others are not. When nobody answers it may be we who stand still; after a while no connection
// is better than another.
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

// ask puts the questions to all members, and returns the answers that came in time; nil stands for a refusal.
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

// ask puts a question that takes a majority, and one that the member answers by itself. Without a token the first is refused, but not
// before a majority was heard.
func (x *member) ask(ctx context.Context) (*pb.StatusResponse, error) {
	question := &pb.RangeRequest{Key: []byte(FrameworkIDKey), CountOnly: true}
	if _, err := pb.NewKVClient(x.conn).Range(ctx, question); err != nil && !refused(err) {
		return nil, err
	}
	return pb.NewMaintenanceClient(x.conn).Status(ctx, &pb.StatusRequest{})
}

// outOfSpace: each member knows of the alarms of all, as of what it has applied. One that is cut off from the others may know of an
// alarm that is over.
func outOfSpace(answers []*pb.StatusResponse) bool {
	furthest := slices.MaxFunc(answers, func(a, b *pb.StatusResponse) int {
		return cmp.Compare(a.GetRaftAppliedIndex(), b.GetRaftAppliedIndex())
	})
	return slices.ContainsFunc(furthest.GetErrors(), func(e string) bool { return strings.Contains(e, pb.AlarmType_NOSPACE.String()) })
}

// addressOf an endpoint, as gRPC gives it to the dialer.
func addressOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}
